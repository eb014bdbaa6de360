"""The gallery: what its scripts are made of. They are run when the pages are built."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SCRIPTS = sorted((DOCS / "gallery").glob("*.py"))
KINDS = {"denoiser", "mobilenet", "resnet", "study", "transformer", "unet"}
GROUNDS = ("#ffffff", "#131416")
"""Of the theme's pages, light and dark."""

sys.path.insert(0, str(DOCS))
try:
    look = importlib.import_module("gallery_look")
    formulas = importlib.import_module("mathml")
finally:
    sys.path.remove(str(DOCS))

every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def calls(tree: ast.AST, *names: str) -> int:
    """How often functions or methods of these names are called."""
    found = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return sum(getattr(one, "attr", getattr(one, "id", "")) in names for one in found)


def names_used(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Module and name of whatever is used of secateur."""
    whole = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.split(".")[0].startswith("secateur")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("secateur"):
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in whole:
            yield node.value.id, node.attr


def test_the_six_kinds_are_there():
    assert {path.stem for path in SCRIPTS} == {f"plot_{kind}" for kind in KINDS}


@every_script
def test_a_script_says_first_what_will_be_seen(script):
    said = ast.get_docstring(ast.parse(script.read_text()))
    title, line, _, text = said.split("\n", 3)
    assert set(line) == {"="}
    assert len(line) == len(title)
    assert 20 < len(text.split()) < 80


@every_script
def test_each_figure_has_words_for_whoever_does_not_see_it(script):
    """A thumbnail is made of the first; a figure without a label stops the build."""
    tree = ast.parse(script.read_text())
    assert calls(tree, "subplots", "figure") == calls(tree, "set_label") >= 1


@every_script
def test_only_public_names_are_used(script):
    used = set(names_used(ast.parse(script.read_text())))
    assert used
    hidden = [
        f"{module}.{name}"
        for module, name in used
        if any(part.startswith("_") for part in module.split("."))
        or name not in getattr(importlib.import_module(module), "__all__", ())
    ]
    assert hidden == []


def test_hidden_names_are_found():
    code = "import secateur\nfrom secateur.solving import prove\nsecateur.pruning.run()\n"
    used = set(names_used(ast.parse(code)))
    assert used == {("secateur.solving", "prove"), ("secateur", "pruning")}


def luminance(colour: str) -> float:
    """WCAG 2.1."""
    share = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in share]
    return sum(s * w for s, w in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("colour", [look.INK, *look.COLOURS])
@pytest.mark.parametrize("ground", GROUNDS)
def test_colours_are_seen_on_a_light_and_on_a_dark_page(colour, ground):
    first, second = sorted(map(luminance, (colour, ground)))
    assert (second + 0.05) / (first + 0.05) >= 3


def test_what_a_figure_shows_is_its_label(monkeypatch):
    """And one that says nothing stops the build."""
    from matplotlib import pyplot
    from sphinx.errors import ExtensionError

    monkeypatch.setattr(
        "sphinx_gallery.scrapers.matplotlib_scraper",
        lambda *_: "".join(f".. image:: a\n  :alt: {n}\n  :class: c\n" for n in range(2)),
    )
    try:
        for words in ("Bars of\nwidths", r"\1 is a share"):
            pyplot.figure().set_label(words)
        made = look.scrape(None, {}, {})
        assert made.count(":class: c") == 2
        assert [line for line in made.splitlines() if ":alt:" in line] == [
            "  :alt: Bars of widths",
            r"  :alt: \1 is a share",
        ]
        pyplot.figure()
        with pytest.raises(ExtensionError, match="says nothing"):
            look.scrape(None, {}, {})
    finally:
        pyplot.close("all")


def test_formulas_are_drawn_by_the_browser_or_stop_the_build():
    from sphinx.errors import ExtensionError

    made = formulas.mathml(r"\arg\min_W \lVert Y - W X \rVert^2", "block")
    assert made.startswith("<math")
    assert "\\" not in made
    with pytest.raises(ExtensionError, match="nosuchthing"):
        formulas.mathml(r"\nosuchthing x", "inline")


def test_what_is_made_is_not_committed():
    sys.path.insert(0, str(DOCS))
    try:
        conf: dict[str, object] = {"__file__": str(DOCS / "conf.py")}
        exec((DOCS / "conf.py").read_text(), conf)
    finally:
        sys.path[:] = [one for one in sys.path if one != str(DOCS)]
    made = conf["sphinx_gallery_conf"]["gallery_dirs"]
    assert f"docs/{made}/\n" in (DOCS.parent / ".gitignore").read_text()
    assert conf["sphinx_gallery_conf"]["abort_on_example_error"] is True
