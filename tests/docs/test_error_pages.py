"""Troubleshooting: no class of errors is missing, and no text of one."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from secateur.errors import SecateurError
from tests.docs.named import DOCS, of_docs

error_texts, error_pages = of_docs("error_texts"), of_docs("error_pages")
PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
TEXTS = error_texts.texts()
NAMES = {one.__name__ for one in error_texts.errors()}
PATTERN = {
    text: re.compile(
        ".*".join(re.escape(one) for one in re.split("…", text.said)).replace(r"\ ", r"\s+") + "$",
        re.DOTALL,
    )
    for text in TEXTS
}


def matching(name: str, message: str) -> list[object]:
    """The texts of a class that a message may be, or of one whose message it takes over."""
    words = " ".join(message.split())
    kinds = {name} | error_texts.taken_over().get(name, set())
    return [text for text in TEXTS if text.error in kinds and PATTERN[text].match(words)]


def below(kind: type[SecateurError]) -> set[type[SecateurError]]:
    return {kind}.union(*(below(one) for one in kind.__subclasses__()))


def test_every_class_is_in_the_tree_with_its_meaning_cause_and_remedy():
    tree = {one for one in below(SecateurError) if one.__module__ == "secateur.errors"}
    assert set(error_texts.errors()) == tree
    for one in error_texts.errors():
        told = error_pages.told(one)
        assert all((told.meaning, told.cause, told.remedy)), one


def test_the_page_has_the_tree_and_the_index():
    assert PAGE.count("```{error-tree}\n") == PAGE.count("```{error-index}\n") == 1
    sections = [one.name for one in map(error_pages.told, error_texts.errors())]
    assert len(sections) == len(set(sections))


def test_every_class_that_is_raised_has_texts():
    assert {text.error for text in TEXTS} == NAMES - {"BackendError"}  # only the kinds below it


@cache
def raised() -> list[tuple[str, int, str, ast.Call]]:
    """Every call that makes an error: module, line, class, call; found by no more than its name."""
    found = []
    for package in of_docs("error_code").PACKAGES:
        for path in sorted(package.rglob("*.py")):
            name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
            for node in ast.walk(error_texts.code().modules[name].tree):
                if isinstance(node, ast.Call):
                    func = node.func
                    called = (
                        func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                    )
                    if called in NAMES:
                        found.append((name, node.lineno, called, node))
    return found


def constant(node: ast.expr) -> str | None:
    """The longest piece that is written in the code, where the message is written there."""
    pieces = [
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    whole = isinstance(node, ast.Constant | ast.JoinedStr)
    longest = max((one for one in pieces), key=len, default="")
    return " ".join(longest.split()) if whole and sum(map(str.isalpha, longest)) > 5 else None


def test_no_text_that_the_code_has_is_missing():
    assert len(raised()) > 500
    by_class: dict[str, str] = {}
    for text in TEXTS:
        by_class[str(text.error)] = by_class.get(str(text.error), "") + "\n" + text.said
    missing = []
    for module, line, name, call in raised():
        message = call.args[0] if call.args else None
        piece = None if message is None else constant(message)
        if piece is not None and piece not in by_class[name]:
            missing.append((module, line, name, piece))
    assert missing == []


def test_texts_are_those_of_callers_where_a_helper_makes_the_error():
    said = {(text.error, text.said) for text in TEXTS}
    assert ("FileError", "…, line …: a second line 'p qubo …'") in said
    assert not [text for text in TEXTS if not re.search(r"\w", text.said)]
    assert all(len(text.said) < 600 for text in TEXTS)
    # the same words are told once
    assert len(said) == len(TEXTS)


def test_an_anchor_is_of_one_text():
    assert len({error_pages.anchor(text) for text in TEXTS}) == len(TEXTS)


def test_what_one_error_takes_over_from_another_is_known():
    taken = error_texts.taken_over()
    assert "OptionError" in taken["BackendOptionError"]
    assert set(taken) | set().union(*taken.values()) <= NAMES


def shown() -> list[tuple[str, str]]:
    """The errors that the page shows, by class and message."""
    found = []
    for block in re.findall(r"<!-- output -->\n```text\n(.+?)```", PAGE, re.DOTALL):
        name, _, rest = block.partition(": ")
        message = re.split(r"\n  Mend:", rest)[0]
        found.append((name, message.replace("\n…", " …").strip()))
    return found


@pytest.mark.parametrize(("name", "message"), shown())
def test_every_error_that_the_page_shows_is_found_below_it(name, message):
    assert name in NAMES
    assert matching(name, message.removesuffix(" …")), f"{name}: {message}"


def test_the_page_shows_a_dozen_of_them():
    assert len(shown()) >= 12
    assert len({name for name, _ in shown()}) >= 9
