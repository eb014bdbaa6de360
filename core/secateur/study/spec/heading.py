"""What a study's file says of itself, read without looking at its problems."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from secateur.study.spec.loading import store_of
from secateur.study.spec.reading import checked, read_tables, within
from secateur.study.spec.tables import ReportTable, StudyTable


@dataclass(frozen=True)
class Heading:
    """A study's file without its instances and methods.

    Arguments:
        title: of the study.
        path: of the file.
        text: of the file.
        sha256: of the text.
        store: a path or a URL.
        report: what readers are told.
    """

    title: str
    path: Path
    text: str
    sha256: str
    store: str
    report: ReportTable


def read_heading(path: Path | str) -> Heading:
    """Title, store and words for readers; quick, whatever the study is of.

    Arguments:
        path: of the TOML file.

    Raises:
        FileError: the file cannot be read.
        OptionError: a table, or a key or value of ``[study]`` or ``[report]``, is wrong.
    """
    path = Path(path)
    tables = read_tables(path)
    where = tables.where("study")
    about = checked(StudyTable, tables.study, where)
    report = checked(ReportTable, tables.report, tables.where("report"))
    with within(where):
        store = store_of(about.store, path)
    sha256 = hashlib.sha256(tables.text.encode()).hexdigest()
    return Heading(about.title, path, tables.text, sha256, store, report)
