"""The reference of Python: every public name has an entry, a text and an example that uses it."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path

import pytest

import secateur
from tests.docs.named import DOCS, of_docs

python_pages, pages = of_docs("python_pages"), of_docs("pages")
PUBLIC, INTERNAL = python_pages.PUBLIC, python_pages.INTERNAL
NAMES = [(package, name) for package in PUBLIC for name in python_pages.names_of(package)]


def page_of(package: str) -> Path:
    return DOCS / "reference" / f"{PUBLIC[package]}.md"


@cache
def used_on(page: Path) -> frozenset[str]:
    """The names that the examples of a page use; an import alone is no use."""
    found: set[str] = set()
    for piece in pages.pieces(page.read_text(encoding="utf-8")):
        if piece.language == "python" and not piece.hidden:
            for node in ast.walk(ast.parse(piece.text)):
                if isinstance(node, ast.Name):
                    found.add(node.id)
                elif isinstance(node, ast.Attribute):
                    found.add(node.attr)
    return frozenset(found)


def test_every_package_that_makes_names_public_is_for_users_or_is_said_not_to_be():
    root = Path(secateur.__file__).parent
    found = set()
    for file in root.rglob("__init__.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        targets = [t for node in tree.body if isinstance(node, ast.Assign) for t in node.targets]
        if any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets):
            found.add(".".join(["secateur", *file.parent.relative_to(root).parts]))
    assert found == set(PUBLIC) | set(INTERNAL)
    assert not set(PUBLIC) & set(INTERNAL)


@pytest.mark.parametrize("package", PUBLIC)
def test_every_package_is_on_its_page_once(package):
    places = [
        page
        for page in (DOCS / "reference").rglob("*.md")
        if f"```{{public-names}} {package}\n" in page.read_text(encoding="utf-8")
    ]
    assert places == [page_of(package)]


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_every_name_has_an_entry_that_says_something(package, name):
    kinds = {entry[0]: entry[1:] for entry in python_pages.entries(package)}
    kind, target = kinds[name]
    if name == "__version__":
        return
    if kind == "data":
        assert python_pages.meaning(package, name), "no text behind its assignment"
    elif kind == "link":
        home, _, last = target.rpartition(".")
        assert target in python_pages.told_elsewhere().values() or (
            home in PUBLIC or home == "secateur.errors"
        )
        assert python_pages.thing(home, last) is python_pages.thing(package, name)
    else:
        assert inspect.getdoc(python_pages.thing(package, name))


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_every_name_is_used_by_an_example(package, name):
    own = {page_of(package)}
    if package == "secateur":  # its names are those of its packages
        own = {DOCS / "reference" / f"{page}.md" for page in PUBLIC.values()}
    assert any(name in used_on(page) for page in own)


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_the_arguments_of_every_function_are_told(package, name):
    one = python_pages.thing(package, name)
    function = inspect.unwrap(one) if callable(one) else one
    if not inspect.isfunction(function):
        return
    given = [each for each in inspect.signature(function).parameters if each != "self"]
    said = inspect.getdoc(function) or ""
    if not given:
        return
    part = said.partition("Arguments:\n")[2]
    told = set(re.findall(r"^    \*{0,2}(\w+)[:,]", part, re.MULTILINE))
    assert set(given) <= told, f"not told: {sorted(set(given) - told)}"
