"""The page of the extras: none is missing, and what it says is what metadata say."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
PAGE = (ROOT / "docs" / "reference" / "extras.md").read_text()
RESULT = json.loads((ROOT / "benchmarks" / "results" / "extras.json").read_text())


@pytest.fixture(scope="module")
def made():
    spec = importlib.util.spec_from_file_location("extras_script", ROOT / "benchmarks/extras.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def cells(name: str) -> list[list[str]]:
    """The rows of a table of the page."""
    table = re.search(rf"<!-- extras: {name} -->\n(.+?)\n<!-- end -->", PAGE, re.DOTALL)[1]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]


def names(lines: list[str]) -> set[str]:
    return {re.match(r"[\w.-]+", line)[0] for line in lines}


def test_every_extra_has_a_row_that_says_what_it_is_for(made):
    shown = [row[0].strip("`[]") for row in cells("sizes")]
    assert shown == ["none", *EXTRAS]
    assert set(made.PURPOSE) == {made.BASE, *EXTRAS}
    assert all(row[1] and float(row[4].strip("+< ").replace(" ", "")) > 0 for row in cells("sizes"))


def test_every_row_names_what_the_extra_installs():
    for row in cells("sizes"):
        extra = row[0].strip("`[]")
        lines = PROJECT["dependencies"] if extra == "none" else EXTRAS[extra]
        brought = {one.strip("`[]") for one in row[2].split(", ")}
        inner = {one for line in lines for one in re.findall(r"^secateur\[(.+)\]", line)}
        inner = {one for each in inner for one in each.split(",")}
        assert brought == (names(lines) - {"secateur"}) | inner, extra


def test_every_direct_dependency_has_its_licence_as_its_metadata_say(made):
    told = {row[0]: row[2] for row in cells("licences")}
    wanted = set().union(names(PROJECT["dependencies"]), *(names(x) for x in EXTRAS.values()))
    assert set(told) == wanted - {"secateur"}
    tools = names(EXTRAS["docs"]) | names(EXTRAS["lint"])
    for name, licence in told.items():
        try:
            there = distribution(name)
        except PackageNotFoundError:
            assert name in tools  # are installed beside the tests, or not
            continue
        assert made.licence(there) == licence, name


def test_what_is_not_free_is_said_so():
    signs = {row[0]: row[3] for row in cells("licences")}
    assert {name for name, sign in signs.items() if sign == "**not free software**"} == {"gurobipy"}
    assert {name for name, sign in signs.items() if sign == "copyleft"} == {"psycopg"}
    assert {row[0] for row in cells("watched")} >= {"gurobipy", "psycopg"}


def test_the_page_is_what_the_committed_run_gave(made):
    rows = [made.Row(**row) for row in RESULT["rows"]]
    assert made.filled(PAGE, made.tables_of(rows)) == PAGE
    assert "+cpu" in RESULT["about"]["torch"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("MIT", "free"),
        ("BSD-3-Clause AND 0BSD AND CC0-1.0", "free"),
        ("Public Domain, BSD License", "free"),
        ("LGPL-3.0-only", "copyleft"),
        ("MIT AND GPL-3.0-or-later", "copyleft"),
        ("Public Domain, GNU General Public License (GPL)", "copyleft"),
        ("Proprietary", "not free"),
        ("MIT AND LicenseRef-Theirs", "not free"),
        ("not told", "not free"),
    ],
)
def test_what_is_not_known_to_be_free_is_not(made, text, kind):
    assert made.kind(text) == kind


def installed(folder: Path, name: str, about: str, size: int) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (folder / f"{name}.py").write_bytes(b"#" * size)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{about}")
    (info / "RECORD").write_text(f"{name}.py,,{size}\n{name}-1.0.dist-info/METADATA,,\n")


def test_it_counts_what_comes_along_once(made, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    installed(
        tmp_path,
        "first_of_these",
        "Requires-Dist: second.of-these[more]\nRequires-Dist: absent; python_version < '3'\n",
        1000,
    )
    installed(
        tmp_path,
        "second_of_these",
        "Provides-Extra: more\nRequires-Dist: third_of_these; extra == 'more'\n"
        "Requires-Dist: absent; extra == 'other'\nRequires-Dist: first_of_these\n",
        200,
    )
    installed(tmp_path, "third_of_these", "License: Odd\n text\n", 30)
    found = made.closure([made.Requirement("first-of-these")])
    assert found == {"first-of-these", "second-of-these", "third-of-these"}
    written = sum(f.stat().st_size for f in tmp_path.rglob("METADATA"))
    assert sum(map(made.size, found)) == 1230 + written
    assert made.licence(distribution("third_of_these")) == "Odd"
    assert made.kind("Odd") == "not free"
    with pytest.raises(SystemExit, match="absent is not installed"):
        made.closure([made.Requirement("second_of_these[other]")])


def test_every_python_of_the_classifiers_is_in_the_table():
    table = PAGE.partition("## Pythons")[2]
    pythons = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    assert re.findall(r"^\| (3\.\d+) \|", table, re.MULTILINE) == pythons


def test_the_short_table_of_the_first_page_names_extras_that_are_there():
    page = (ROOT / "docs" / "index.md").read_text()
    named = {one for found in re.findall(r'"\.\[([\w,]+)\]"', page) for one in found.split(",")}
    assert named <= set(EXTRAS)
    assert "(reference/extras.md)" in page
