"""The documentation as HTML, built once for all processes of a test run."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """The folder of the pages, the gallery's scripts not run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "built-docs"
    with (shared / "built-docs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _build(folder)
            (folder / "done").touch()
    return folder / "html"


def _build(folder: Path) -> None:
    """Pages are made of a copy: what the gallery makes lies beside its sources."""
    source = folder / "source" / "docs"
    shutil.copytree(ROOT / "docs", source, ignore=shutil.ignore_patterns("_build", "examples"))
    for path in ROOT.iterdir():  # what pages link to and show
        if path.name != "docs" and not path.name.startswith("."):
            (source.parent / path.name).symlink_to(path)
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-D", "plot_gallery=0"]
    given = dict(os.environ, PYTHONPATH=os.pathsep.join(one for one in sys.path if one))
    done = subprocess.run(
        [*command, str(source), str(folder / "html")], capture_output=True, text=True, env=given
    )
    assert done.returncode == 0, done.stderr


def pages_of(folder: Path) -> list[Path]:
    """Every page."""
    found = sorted(folder.rglob("*.html"))
    return [one for one in found if "_static" not in one.relative_to(folder).parts]


@dataclass
class Page(HTMLParser):
    """What a page links to, and what of it can be linked to."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    images: list[tuple[str, str | None]] = field(default_factory=list)
    """Source and alternative text."""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.add(str(given["id"]))
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))
        if tag in ("link", "script") and (to := given.get("href") or given.get("src")):
            self.links.append(to)
        if tag == "img":
            self.images.append((str(given.get("src")), given.get("alt")))


@cache
def read(path: Path) -> Page:
    """A page that was built."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def everything(folder: Path) -> Iterator[tuple[str, Page]]:
    """Every page with its name."""
    for path in pages_of(folder):
        yield path.relative_to(folder).as_posix(), read(path)
