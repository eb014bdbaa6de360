"""The page as a person has it: in a browser, by pointer and keyboard, wide and narrow."""

from __future__ import annotations

import pytest

from secateur.study.report import write_report

from ..rows import made_rows
from .browser import chromium  # noqa: F401
from .making import about, many_rows, nasty_rows, quick

PLOTS = {
    "gap",
    "instances-gap",
    "instances-success",
    "target",
    "profile",
    "anytime",
    "times",
    "ranks",
    "differences",
    "virtual-best",
    "agreement",
    "quality",
}
MARKS = ".mark-line path, .mark-symbol path, .mark-rect path, .mark-rule line"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    rows = made_rows(network=True)
    folder = tmp_path_factory.mktemp("made") / "report"
    return write_report(rows, folder, about=about(), analysis=quick(rows), figures=False)


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    rows = nasty_rows()
    folder = tmp_path_factory.mktemp("nasty") / "report"
    return write_report(
        rows, folder, about=about(rows[0].study), analysis=quick(rows), figures=False
    )


def drawn(browser, plot: str, marks: str = MARKS) -> int:
    """How many marks of a plot can be seen."""
    return browser.js(
        "[...document.getElementById(arguments[0]).querySelectorAll(arguments[1])]"
        ".filter((mark) => mark.getAttribute('d') !== '').length",
        f"plot-{plot}",
        marks,
    )


def rows_shown(browser, table: str) -> list[list[str]]:
    """The cells of a table that the filter leaves, as text."""
    return browser.js(
        "[...document.querySelectorAll(`#table-${arguments[0]} tbody tr`)]"
        ".filter((row) => row.offsetParent !== null)"
        ".map((row) => [...row.cells].map((cell) => cell.textContent))",
        table,
    )


@pytest.mark.parametrize("which", ["page", "nasty"])
def test_every_plot_is_drawn_nothing_is_asked_for_and_the_console_is_silent(
    chromium,  # noqa: F811
    which,
    request,
):
    path = request.getfixturevalue(which)
    chromium.open(path)
    there = chromium.js("[...document.querySelectorAll('.plot')].map((one) => one.id)")
    assert set(there) == {f"plot-{name}" for name in PLOTS}
    for name in PLOTS:
        assert drawn(chromium, name) >= 3, name
        box = chromium.js(
            "document.querySelector(arguments[0]).getBoundingClientRect().height",
            f"#plot-{name} svg",
        )
        assert box > 60, name
        assert chromium.js(
            "document.querySelector(arguments[0]).getAttribute('aria-label').length > 30",
            f"#plot-{name} svg",
        )
    assert chromium.console() == []
    assert chromium.requests() == {path.absolute().as_uri()}


def test_names_do_nothing_but_be_shown(chromium, nasty):  # noqa: F811
    chromium.open(nasty)
    assert "<script>alert(1)</script>" in chromium.driver.title
    assert "<script>alert(1)</script>" in chromium.js("document.querySelector('h1').textContent")
    assert chromium.js("document.querySelectorAll('img, h1 *, td script, i, b').length") == 0
    assert chromium.js("document.querySelectorAll('script').length") == 4
    # the policy holds even what would get through
    chromium.js(
        "(document.body.insertAdjacentHTML('beforeend',"
        " '<img src=x onerror=\"document.title=`through`\">'), 1)"
    )
    chromium.until("document.images.length === 1 && document.images[0].complete")
    assert chromium.driver.title != "through"
    assert any("Content Security Policy" in line for line in chromium.console())


def test_leaving_out_a_method_leaves_it_out_of_tables_legends_and_plots(
    chromium,  # noqa: F811
    page,
):
    chromium.open(page)
    before = {name: drawn(chromium, name) for name in PLOTS}
    assert drawn(chromium, "gap", ".mark-line path") == 4
    chromium.driver.find_element("css selector", ".filters summary").click()
    box = chromium.driver.find_element("css selector", "input[name=method][value=greedy]")
    chromium.filtered(box.click)
    assert [row[0] for row in rows_shown(chromium, "methods")] == ["annealing", "tabu", "scip"]
    for table in ("methods", "cells", "pairs", "times", "contributions", "agreement"):
        assert not any("greedy" in row[:2] for row in rows_shown(chromium, table)), table
        assert rows_shown(chromium, table), table
    assert drawn(chromium, "gap", ".mark-line path") == 3
    for name in PLOTS:
        assert drawn(chromium, name) < before[name], name
    legends = chromium.js(
        "[...document.querySelectorAll('.legend')].map((one) => one.innerText.includes('greedy'))"
    )
    assert legends
    assert not any(legends)
    assert "6 of 6 instances, 3 of 4 methods" in chromium.js(
        "document.getElementById('told').textContent"
    )
    chromium.filtered(lambda: chromium.driver.find_element("id", "none").click())
    assert rows_shown(chromium, "methods") == []
    assert chromium.js(
        "!!document.querySelector('#table-methods').closest('.scroll')"
        ".nextElementSibling.offsetParent"
    )  # it says that nothing is left
    assert {
        name
        for name in PLOTS
        if chromium.js("!!document.getElementById(arguments[0]).hidden", f"plot-{name}")
    } == PLOTS
    reset = chromium.driver.find_element("css selector", "button[type=reset]")
    chromium.filtered(reset.click)
    assert {name: drawn(chromium, name) for name in PLOTS} == before
    assert chromium.console() == []


def test_a_part_of_a_name_chooses_instances(chromium, page):  # noqa: F811
    chromium.open(page)
    word = chromium.driver.find_element("name", "instance")
    chromium.filtered(lambda: word.send_keys("MADE-7"))
    assert {row[1] for row in rows_shown(chromium, "cells")} == {"made-70"}
    assert [row[0] for row in rows_shown(chromium, "instances")] == ["made-70"]
    assert [row[:2] for row in rows_shown(chromium, "undone")] == [["scip", "made-70"]]
    assert drawn(chromium, "instances-gap", ".mark-symbol path") == 3  # scip gave no answer there
    assert drawn(chromium, "instances-success", ".mark-symbol path") == 4
    assert drawn(chromium, "quality", ".mark-symbol path") == 15
    assert chromium.js("document.getElementById('most-quality').textContent") == ""
    assert len(rows_shown(chromium, "methods")) == 4  # over all instances, and it says so
    assert chromium.console() == []


def test_heads_sort_by_values_and_say_so(chromium, page):  # noqa: F811
    chromium.open(page)
    names = chromium.js(
        "[...document.querySelectorAll('#table-methods thead button')].map((b) => b.textContent)"
    )
    column = names.index("time to solution (s)")
    head = f"#table-methods thead th:nth-child({column + 1})"
    button = chromium.driver.find_element("css selector", f"{head} button")
    values = f"[...document.querySelectorAll('#table-methods tbody td:nth-child({column + 1})')]"
    read = f"{values}.map((cell) => cell.dataset.v)"
    for direction, reverse in (("ascending", False), ("descending", True)):
        button.click()
        seen = [float(value) for value in chromium.js(read)]
        assert seen == sorted(seen, reverse=reverse)
        assert float("inf") in seen
        assert chromium.js("document.querySelector(arguments[0]).ariaSort", head) == direction
    sorted_by = "document.querySelectorAll('#table-methods th[aria-sort]').length"
    assert chromium.js(sorted_by) == 1


def test_the_keyboard_reaches_everything_and_is_seen(chromium, page):  # noqa: F811
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    def press(key):
        ActionChains(chromium.driver).send_keys(key).perform()

    now = "(document.activeElement.id || document.activeElement.textContent.trim())"
    chromium.open(page)
    press(Keys.TAB)
    assert chromium.js(now) == "Skip to the results"
    assert chromium.js("document.activeElement.getBoundingClientRect().left >= 0")
    press(Keys.ENTER)
    assert chromium.js("document.activeElement.id") == "content"
    chromium.open(page)
    reachable = chromium.js(
        "[...document.querySelectorAll('a[href], button, input, summary, [tabindex=\"0\"]')]"
        ".filter((one) => one.checkVisibility() && !one.closest('fieldset')).length"
    )
    seen = []
    for _ in range(reachable):
        press(Keys.TAB)
        seen.append(chromium.js(now))
        width = chromium.js("getComputedStyle(document.activeElement).outlineWidth")
        assert width not in ("", "0px"), seen[-1]
        assert chromium.js("document.activeElement.matches(':focus-visible')"), seen[-1]
    assert len(seen) == reachable
    assert chromium.js("document.activeElement !== document.body")
    press(Keys.TAB)
    assert chromium.js("document.activeElement === document.body")  # that was all
    chromium.driver.find_element("css selector", ".filters summary").send_keys(Keys.ENTER)
    assert chromium.js("document.querySelector('.filters details').open")
    first = chromium.driver.find_element("css selector", "input[name=method]")
    chromium.filtered(lambda: first.send_keys(Keys.SPACE))
    assert len(rows_shown(chromium, "methods")) == 3
    first.send_keys(Keys.ESCAPE)
    assert not chromium.js("document.querySelector('.filters details').open")
    head = chromium.driver.find_element("css selector", "#table-cells thead button")
    head.send_keys(Keys.SPACE)
    assert chromium.js("document.querySelector('#table-cells th').ariaSort") == "ascending"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("which", ["page", "nasty"])
def test_nothing_is_wider_than_the_window_and_colours_follow(
    chromium,  # noqa: F811
    request,
    which,
    width,
    dark,
):
    chromium.open(request.getfixturevalue(which), width=width, dark=dark)
    assert chromium.js("document.documentElement.scrollWidth") <= width
    summary = chromium.driver.find_element("css selector", ".filters summary")
    summary.click()
    menu = chromium.js(
        "(({left, right}) => [left, right])"
        "(document.querySelector('.filters fieldset').getBoundingClientRect())"
    )
    assert menu[0] >= 0
    assert menu[1] <= width
    assert chromium.js("document.documentElement.scrollWidth") <= width
    for name in PLOTS:
        wide = chromium.js(
            "document.querySelector(arguments[0]).getBoundingClientRect().width",
            f"#plot-{name} svg",
        )
        assert wide <= width, name
    ink = chromium.js("getComputedStyle(document.body).color")
    ground = chromium.js("getComputedStyle(document.body).backgroundColor")
    assert (brightness(ink) > brightness(ground)) is dark
    label = "#plot-gap .mark-text text"
    text = chromium.js("getComputedStyle(document.querySelector(arguments[0])).fill", label)
    assert (brightness(text) > brightness(ground)) is dark
    chromium.driver.find_element("id", "theme").click()
    assert chromium.js("getComputedStyle(document.body).backgroundColor") != ground
    chromium.js("(localStorage.clear(), 1)")
    text = chromium.js("getComputedStyle(document.querySelector(arguments[0])).fill", label)
    assert (brightness(text) > 128) is not dark
    assert chromium.console() == []


def brightness(colour: str) -> float:
    """Of "rgb(1, 2, 3)"."""
    return sum(float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 3


def test_a_large_study_is_one_small_page_that_opens(chromium, tmp_path):  # noqa: F811
    rows = many_rows(200, 12, 3)
    path = write_report(rows, tmp_path / "r", about=about(), analysis=quick(rows), figures=False)
    assert path.stat().st_size < 5e6
    chromium.open(path, width=400)
    assert chromium.js("document.documentElement.scrollWidth") <= 400
    assert len(rows_shown(chromium, "cells")) == 2400
    assert drawn(chromium, "instances-gap", ".mark-symbol path") == 24 * 12
    assert "first 24 of 200" in chromium.js(
        "document.getElementById('most-instances-gap').innerText"
    )
    word = chromium.driver.find_element("name", "instance")
    chromium.filtered(lambda: word.send_keys("instance-19"))
    assert drawn(chromium, "instances-gap", ".mark-symbol path") == 10 * 12
    assert chromium.js("document.getElementById('most-instances-gap').innerText") == ""
    assert chromium.console() == []
