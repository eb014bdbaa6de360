"""Where a report's rows come from: a study's file and its store, or a store alone."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secateur.errors import FileError, OptionError
from secateur.nearest import did_you_mean
from secateur.study.opening import url_of
from secateur.study.report.about import About
from secateur.study.row import Row
from secateur.study.spec.heading import read_heading
from secateur.study.store import open_store
from secateur.study.stored import StoredStudy

NAMED = 5
"""Titles that an error tells."""


@dataclass(frozen=True)
class Source:
    """What a report is made of.

    Arguments:
        rows: of the study.
        about: what its file says.
        confidence: of every interval.
        threshold: the gap up to which a run succeeds.
        expected: method, instance, seed and repetition of the cells that the study has.
    """

    rows: list[Row]
    about: About
    confidence: float
    threshold: float
    expected: list[tuple[str, str, int, int]] = field(default_factory=list)


def from_file(path: Path, *, store: str | None = None) -> Source:
    """The rows of a study's file.

    Arguments:
        path: of the file.
        store: instead of the file's own.

    Raises:
        FileError: the file, or the store, is not there.
        OptionError: the file is wrong, or the store has no study of its title.
    """
    heading = read_heading(path)
    folder = heading.path.absolute().parent if store is None else None
    rows, stored, cells = _read(store or heading.store, heading.title, folder, run=str(path))
    said = heading.report
    about = About(
        heading.title,
        text=heading.text,
        sha256=heading.sha256,
        file=path.name,
        submitter=said.submitter,
        reference=said.reference,
        hardware=said.hardware,
        tuned_by=said.tuned_by,
        notes=said.notes,
        cells=stored.cells,
        run_sha256=stored.sha256,
    )
    return Source(rows, about, said.confidence, said.threshold, cells)


def from_store(store: str, title: str | None = None) -> Source:
    """The rows of a study in a store, whose file may be elsewhere.

    Arguments:
        store: a path or a URL.
        title: of the study; the only one of the store unless given.

    Raises:
        FileError: the store is not there.
        OptionError: it has no study of that title, or several and none is named.
    """
    rows, stored, cells = _read(store, title, None, run="study.toml")
    said = _report_of(stored.toml)
    about = About(
        stored.title,
        text=stored.toml,
        sha256=stored.sha256,
        cells=stored.cells,
        run_sha256=stored.sha256,
        **{name: str(said.get(name, "")) for name in _WORDS},
    )
    confidence, threshold = said.get("confidence", 0.95), said.get("threshold", 0.0)
    return Source(rows, about, float(confidence), float(threshold), cells)


_WORDS = ("submitter", "reference", "hardware", "tuned_by", "notes")


def _report_of(text: str) -> dict[str, Any]:
    """``[report]`` of a file that was checked when it was run."""
    try:
        found = tomllib.loads(text.lstrip("\ufeff").replace("\r\n", "\n")).get("report", {})
    except tomllib.TOMLDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _read(
    address: str, title: str | None, folder: Path | None, *, run: str
) -> tuple[list[Row], StoredStudy, list[tuple[str, str, int, int]]]:
    url = url_of(address, folder)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        raise FileError(  # opening would make it
            f"there is no store {url.database}",
            remedy=f"run the study first: secateur study run {run}",
        )
    with open_store(address, folder=folder) as store:
        studies = {one.title: one for one in store.studies()}
        if title is None and len(studies) == 1:
            title = next(iter(studies))
        if title is None or title not in studies:
            raise _no_such(str(store), title, list(studies), run)
        return store.rows(title), studies[title], store.expected(title)


def _no_such(store: str, title: str | None, titles: list[str], run: str) -> OptionError:
    """Why no study of a store is meant."""
    shown = ", ".join(map(repr, titles[:NAMED])) + (", …" if len(titles) > NAMED else "")
    if not titles:
        return OptionError(
            f"{store} holds no study", remedy=f"run one first: secateur study run {run}"
        )
    if title is None:
        return OptionError(
            f"{store} holds {len(titles)} studies: {shown}", remedy="choose one: --study TITLE"
        )
    return OptionError(
        f"{store} holds no study {title!r}; there are: {shown}",
        remedy=f"{did_you_mean(title, titles)}run it first: secateur study run {run}; "
        "or choose another: --study TITLE",
    )
