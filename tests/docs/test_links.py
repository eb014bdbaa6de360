"""Links lead somewhere, within the project and out of it; every picture is described."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "benchmarks" / "results").rglob("*.md"))
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
LINK = re.compile(r"(!?)\[((?:[^\]\[]|\[[^\]]*\]|!\[[^\]]*\]\([^)]*\))*)\]\(([^)\s]+)\)")
CODE = re.compile(r"^(`{3,}).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    """A page without its code."""
    return CODE.sub("", page.read_text(encoding="utf-8"))


def slugs(page: Path) -> set[str]:
    """The anchors of its headings, as hosts and Sphinx make them."""
    found: set[str] = set()
    text = re.sub(r"^(`{3,}).*?^\1", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower().replace("`", ""))
        found.add(plain.strip().replace(" ", "-"))
    return found


def links(text: str) -> list[tuple[bool, str, str]]:
    """(is a picture, its text, where to), those within the text of another too."""
    found = []
    for picture, said, target in LINK.findall(text):
        found.append((bool(picture), said, target))
        found += links(said)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name):
    page = ROOT / name
    for _, said, target in links(prose(page)):
        if re.match(r"[a-z]+:", target):
            assert re.fullmatch(r"https://[\w.-]+\.[a-z]+(/\S*)?|mailto:\S+@\S+", target), target
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"[{said}]({target})"
        assert ROOT in [there, *there.parents], f"[{said}]({target}) leaves the project"
        if anchor and there.suffix == ".md":
            assert anchor in slugs(there), f"[{said}]({target})"


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_described(name):
    for picture, said, target in links(prose(ROOT / name)):
        if picture:
            assert len(said.split()) >= 4, f"![{said}]({target})"


def test_a_link_that_leads_nowhere_is_found():
    assert links("[![a b](c.png)](d.md) and [e [f]](g.md#h)") == [
        (False, "![a b](c.png)", "d.md"),
        (True, "a b", "c.png"),
        (False, "e [f]", "g.md#h"),
    ]
