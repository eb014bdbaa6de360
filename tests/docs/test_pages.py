"""Every page of the documentation is run as its reader would, and shows what was printed."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.docs.named import of_docs
from tests.docs.running import DOCS, ROOT, pages, run_page

PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

SELF_RUN = [
    name
    for name, page in zip(NAMES, PAGES, strict=True)
    if not pages.tested_elsewhere(page.read_text())
    and any(piece.runs for piece in pages.pieces(page.read_text()))
]


@pytest.mark.parametrize("name", NAMES)
def test_of_every_block_it_is_said_how_it_is_held(name):
    page = (ROOT / name).read_text()
    assert pages.unsaid(page) == []
    fences = len(re.findall(r"^\s*(?:```|~~~)", page, re.MULTILINE))
    assert fences == 2 * sum(not piece.hidden for piece in pages.pieces(page))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_tested_elsewhere_is_tested_there(name):
    page = (ROOT / name).read_text()
    whole = pages.tested_elsewhere(page)
    places = [one.value for one in pages.pieces(page) if one.key == "tested by"]
    for place in [*([whole] if whole else []), *places]:
        path, _, test = place.partition("::")
        text = (ROOT / path).read_text()
        assert f"def {test}(" in text if test else Path(name).stem in text, place


@pytest.mark.parametrize("name", SELF_RUN)
def test_the_page_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "<!-- no times are shown -->" in (ROOT / name).read_text():
        monkeypatch.setattr("secateur.pruning.running.TIMING", 0.001)
    with pages.without_accounts():
        run_page(ROOT / name)


def page_of(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


RUN = "```python\nprint('a', 2.0)\n```\n"


@pytest.mark.parametrize(
    ("how", "shown", "equal"),
    [
        ("", "a 2.0", True),
        ("", "a 2.1", False),
        (": within 10 %", "a 2.1", True),
        (": within 10 %", "a 2.5", False),
        (": within 10 %", "b 2.0", False),
        (": numbers vary", "a 17", True),
        (": numbers vary", "b 2.0", False),
        (": rows vary", "a 17", True),
        (": rows vary", "b 2.0", False),
        ("", "…", True),
        ("", "…\na 2.0", True),
        ("", "…\na 3.0", False),
        ("", "a 2.0\n…\na 2.0", False),
    ],
)
def test_what_is_shown_is_held_against_what_was_printed(how, shown, equal, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = page_of(tmp_path, f"{RUN}\n<!-- output{how} -->\n```text\n{shown}\n```\n")
    if equal:
        pages.run_page(path)
        return
    with pytest.raises(pages.PageError, match="printed was"):
        pages.run_page(path)
    pages.run_page(path, write=True)
    pages.run_page(path)
    assert "a 2.0" in path.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("```python\n1 / 0\n```\n", "ZeroDivisionError"),
        ("```bash\nsecateur nothing\n```\n", "ended with 2"),
        ("```bash\nfalse\ntrue\n```\n", "'false' ended with 1"),
        ("<!-- exit code: 1 -->\n```bash\nsecateur --version\n```\n", "ended with 0"),
        ("<!-- output: roughly -->\n```text\n\n```\n", "no way to compare"),
    ],
)
def test_a_page_that_fails_is_an_error(text, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pages.PageError, match=said):
        pages.run_page(page_of(tmp_path, text))


def test_a_page_that_changes_while_it_runs_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    change = "p.write_text(p.read_text() + 'more')"
    code = f"from pathlib import Path\np = Path('page.md')\n{change}\nprint(1)\n"
    text = f"```python\n{code}```\n<!-- output -->\n```text\n2\n```\n"
    with pytest.raises(pages.PageError, match="was changed while it ran"):
        pages.run_page(page_of(tmp_path, text), write=True)
    assert (tmp_path / "page.md").read_text() == f"{text}more"


def test_whether_two_times_can_be_told_apart_varies_with_them():
    one, other = "0.09 ms (no difference)  1.0 a", "0.07 ms (1.31x)  1.0 a"
    assert pages.same(one, other, "numbers vary")
    hashes = (
        "(sha256 5d924918c802, then 072eacf6057d)",
        "(sha256 5d924918c802, then e9fbc3bdf713)",
    )
    assert pages.same(*hashes, "numbers vary")
    assert not pages.same(*hashes, None)
    assert not pages.same(hashes[0], hashes[1][:-1] + "!)", "numbers vary")
    assert pages.same(one, other, "within 30 %")
    assert not pages.same(one, other, "within 10 %")
    assert not pages.same(one, other.replace("a", "b"), "numbers vary")
    assert not pages.same(one, other, None)


def test_a_reader_has_no_accounts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DWAVE_API_TOKEN", "a secret")
    before = dict(os.environ)
    text = (
        "```python\nimport os\nfrom pathlib import Path\n\n"
        "print(os.environ.get('DWAVE_API_TOKEN'), Path.home() == Path.cwd())\n```\n"
        "<!-- output -->\n```text\nNone True\n```\n"
    )
    with pages.without_accounts():
        pages.run_page(page_of(tmp_path, text))
    assert dict(os.environ) == before


def test_what_a_failing_command_says_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line, said in (
        ("secateur solve none.bqm", "FileError: none.bqm does not exist"),
        ("echo out; echo err >&2; exit 3", "out\nerr"),
    ):
        code = 3 if "exit" in line else 1
        text = f"<!-- exit code: {code} -->\n```bash\n{line}\n```\n"
        path = page_of(tmp_path, f"{text}<!-- output -->\n```text\n?\n```\n")
        pages.run_page(path, write=True)
        assert said in path.read_text()
        pages.run_page(path)


def test_files_and_modules_are_the_readers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        "<!-- needs: small.bqm -->\n<!-- file: its.py -->\n```python\nx = 3\n```\n"
        "<!-- run\nimport its\n-->\n```python\nprint(its.x)\n```\n"
        "<!-- output -->\n```text\n3\n```\n"
        "```bash\nls small.bqm its.py\n```\n<!-- output -->\n```text\nits.py\nsmall.bqm\n```\n"
        "<!-- exit code: 1 -->\n```bash\nsecateur solve none.bqm\n```\n"
    )
    assert pages.run_page(page_of(tmp_path, text)).its.x == 3
    assert "its" not in sys.modules


def test_the_files_that_pages_take_for_granted_are_shown():
    reader = of_docs("reader")
    page = (DOCS / "how-to" / "use-your-own-data.md").read_text()
    files = {one.value: one.text for one in pages.pieces(page) if one.key == "file"}
    assert files == {"mymodel.py": reader.MODEL, "mytask.py": reader.TASK}


def test_rows_that_vary_may_change_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "```python\nprint('a 1')\nprint('b 2')\n```\n<!-- output: rows vary -->\n```text\n"
    pages.run_page(page_of(tmp_path, text + "b 7\na 8\n```\n"))
    with pytest.raises(pages.PageError):
        pages.run_page(page_of(tmp_path, text + "b 7\nb 8\n```\n"))


def test_other_comments_may_stand_between(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = RUN + "<!-- output -->\n<!-- a mark -->\n```text\na 2.5\n```\n"
    with pytest.raises(pages.PageError):
        pages.run_page(page_of(tmp_path, text))


@pytest.mark.parametrize("language", ["text", "toml", "json", ""])
def test_a_block_that_nobody_holds_is_found(language):
    text = f"```{language}\nx\n```\n"
    assert pages.unsaid(text) == [f"line 2: a block of {language or 'no language'}"]
    assert pages.unsaid(f"<!-- not run: a fragment -->\n{text}") == []
