"""The page as a text: one file, nothing from elsewhere, every foreign text escaped."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from secateur.shown import escaped
from secateur.study.report.about import About
from secateur.study.report.charts import plots
from secateur.study.report.looks import page_look
from secateur.study.report.palette import signs
from secateur.study.report.writing import page

from ..rows import made_rows
from .making import NASTY, SCRIPT, about, nasty_rows, quick


class Parts(HTMLParser):
    """Elements, scripts and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict]] = []
        self.scripts: list[tuple[dict, str]] = []
        self.words: list[str] = []
        self._script: dict | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._script = dict(attrs) if tag == "script" else None

    def handle_endtag(self, tag):
        self._script = None

    def handle_data(self, data):
        if self._script is not None:
            self.scripts.append((self._script, data))
        else:
            self.words.append(data)


@pytest.fixture(scope="module")
def nasty():
    rows = nasty_rows()
    return Parts(page(rows, quick(rows), about(rows[0].study)))


@pytest.fixture(scope="module")
def plain():
    rows = made_rows()
    return Parts(page(rows, quick(rows), about()))


def test_the_policy_allows_the_two_scripts_that_are_there_and_no_request(plain):
    (policy,) = [
        a["content"]
        for tag, a in plain.elements
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert rules.pop("default-src") == "'none'"
    run = [text for attrs, text in plain.scripts if attrs.get("type") != "application/json"]
    assert len(run) == 2
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run}
    assert set(rules.pop("script-src").split()) == {f"'sha256-{one}'" for one in hashes}
    assert rules == {
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_no_element_points_elsewhere(nasty):
    for tag, attrs in nasty.elements:
        assert "src" not in attrs, tag
        assert "action" not in attrs, tag
        if "href" in attrs:
            assert attrs["href"].startswith("#") or attrs["href"] == "data:,", attrs
        assert not any(name.startswith("on") for name in attrs), attrs


def test_foreign_text_is_text(nasty, plain):
    kinds = {tag for tag, _ in plain.elements}
    assert {tag for tag, _ in nasty.elements} <= kinds | {"select", "option"}
    assert len(nasty.scripts) == len(plain.scripts) == 4
    shown = " ".join(nasty.words)
    for text in (
        SCRIPT,
        NASTY["annealing"],
        NASTY["tabu"],
        NASTY["greedy"],
        "{{ 7 * 7 }}",
        "</pre>",
    ):
        assert text in shown
    assert "\\u202egnirts" in shown  # what turns a line is shown, not obeyed
    assert "\u202e" not in shown
    for attrs, text in nasty.scripts:
        if attrs.get("type") == "application/json":
            assert "<" not in text
            json.loads(text)


def test_what_the_plots_say_is_in_words_too(plain):
    (text,) = [text for attrs, text in plain.scripts if attrs.get("id") == "plots"]
    plots = json.loads(text)
    rows = made_rows()
    analysis = quick(rows)
    for of in analysis.methods:
        for name in ("gap", "profile", "ranks", "virtual-best"):
            assert of.method in plots[name]["alt"], name
    ids = {attrs.get("id") for _, attrs in plain.elements}
    assert {f"plot-{name}" for name in plots} <= ids
    # headings do not leave out a level
    levels = [int(tag[1]) for tag, _ in plain.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_control_has_a_name(plain):
    labels = sum(tag == "label" for tag, _ in plain.elements)
    controls = [a for tag, a in plain.elements if tag in ("input", "select")]
    assert labels == len(controls)
    for tag, attrs in plain.elements:
        if attrs.get("tabindex") == "0" and tag == "div":
            assert attrs["role"] == "region"
            assert attrs["aria-label"]


def test_the_page_tells_its_limits_and_how_to_do_it_again(plain):
    shown = " ".join(plain.words)
    for sentence in quick(made_rows()).limitations:
        assert sentence in shown
    assert "secateur study run 'made up.toml'" in shown
    assert "A. Nobody. Made up (2026)." in shown
    assert "ab" * 32 in shown
    assert "takes at most 69 variables, and there are 70" in shown
    assert "ValueError: made up" in shown


def test_what_nobody_said_is_not_said():
    rows = made_rows()
    told = About("Made up")
    assert told.citation(rows)[0] == "Made up (2026)."
    assert any("no study file" in one for one in told.limitations(rows))
    late = About("Made up", text="x", sha256="1", run_sha256="2", cells=len(rows) + 3, hardware="h")
    said = " ".join(late.limitations(rows))
    assert "3 of its 123 cells have not run yet" in said
    assert "was changed since it was last run" in said
    assert About("M", text="x", sha256="1", run_sha256="1", hardware="h").limitations(rows) == []


def test_a_name_is_written_alike_in_plots_and_filters():
    """Else the filter takes a method or an instance out of what is drawn."""
    names = {
        "annealing": "tab\there",
        "tabu": "line\nbreak",
        "scip": "\x1b[31m",
        "greedy": "\u202eλ",
    }
    rows = [
        replace(row, method=names[row.method], instance=f"{row.instance}\t\n\x7f")
        for row in made_rows(2, 2)
    ]
    analysis = quick(rows)
    text = page(rows, analysis, about())
    found = Parts(text)
    told = {}
    for attribute in ("data-method", "data-second", "data-instance", "value"):
        told[attribute] = {a[attribute] for _, a in found.elements if attribute in a}
    methods = {escaped(name) for name in names.values()}
    instances = {escaped(row.instance) for row in rows}
    assert told["data-method"] == methods
    assert told["data-second"] <= methods
    assert told["data-instance"] == instances
    assert methods <= told["value"]
    drawn = {"method": set(), "instance": set()}
    for plot in plots(analysis, rows, page_look(signs(sorted(names.values())))).values():
        for row in (row for each in plot.spec["datasets"].values() for row in each):
            for key, seen in drawn.items():
                seen |= {row[key]} if key in row else set()
    assert drawn["method"] == methods
    assert drawn["instance"] == instances
