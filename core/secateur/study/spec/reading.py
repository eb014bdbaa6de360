"""A study's file as tables: read, and refused by where it is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from secateur.errors import FileError, OptionError, SecateurError
from secateur.nearest import did_you_mean
from secateur.options import Options, make_options
from secateur.plainfile import MOST_TEXT, read_plain

Table = Mapping[str, Any]
Made = TypeVar("Made", bound=Options)
ONE, MANY = ("study", "report", "tune"), ("instances", "methods")
"""Names of tables that are there once, and of those that are there as often as wanted."""


@dataclass(frozen=True)
class Tables:
    """A study's file, parsed and not yet checked.

    Arguments:
        path: of the file.
        text: of the file.
        study: ``[study]``.
        instances: every ``[[instances]]``.
        methods: every ``[[methods]]``.
        report: ``[report]``.
        tune: ``[tune]``; None where it is not there.
    """

    path: Path
    text: str
    study: Table
    instances: tuple[Table, ...]
    methods: tuple[Table, ...]
    report: Table
    tune: Table | None

    def where(self, table: str, number: int | None = None) -> str:
        """A table for messages: "study.toml, [[methods]] 2"."""
        shown = f"[[{table}]] {number}" if number is not None else f"[{table}]"
        return f"{self.path.name}, {shown}"


def read_tables(path: Path) -> Tables:
    """The tables of a file.

    Raises:
        FileError: it cannot be read, or is no TOML.
        OptionError: a table that there is not, that is missing, or of the wrong kind.
    """
    try:
        text = read_plain(path, most=MOST_TEXT).decode("utf-8-sig")
        data = tomllib.loads(text.replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path} is no text (byte {error.start})", remedy="save it as UTF-8"
        ) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise FileError(f"{path} is no TOML: {error}", remedy="mend that line") from error
    for name in data:
        if name not in (*ONE, *MANY):
            shown = f"[{name}]" if isinstance(data[name], Mapping) else repr(name)
            raise OptionError(f"{path.name} has no table {shown}", remedy=_known(name))
    return Tables(
        path,
        text,
        _one(path, data, "study"),
        list_of_tables(data.get("instances"), f"{path.name}: [[instances]]"),
        list_of_tables(data.get("methods"), f"{path.name}: [[methods]]"),
        _one(path, data, "report", {}),
        None if "tune" not in data else _one(path, data, "tune"),
    )


def _one(path: Path, data: Table, name: str, otherwise: Table | None = None) -> Table:
    found = data.get(name, otherwise)
    if not isinstance(found, Mapping):
        what = f"has no table [{name}]" if found is None else f"has a {name!r} that is no table"
        raise OptionError(
            f"{path.name} {what}",
            remedy=f"begin it with [{name}]; `secateur study new FILE` writes an example",
        )
    return found


def list_of_tables(found: Any, where: str) -> tuple[Table, ...]:
    """Tables in double brackets.

    Arguments:
        found: what the file has there.
        where: "study.toml: [[methods]]".

    Raises:
        OptionError: there are none, or something else.
    """
    good = isinstance(found, list) and all(isinstance(one, Mapping) for one in found)
    if not good or not found:
        said = "is missing" if found is None or good else "is no list of tables"
        raise OptionError(
            f"{where} {said}",
            remedy="write each of them in double brackets; `secateur study new FILE` writes an "
            "example",
        )
    return tuple(found)


def _known(name: str) -> str:
    every = [f"[{one}]" for one in ONE] + [f"[[{one}]]" for one in MANY]
    return f"{did_you_mean(name, (*ONE, *MANY))}There are: {', '.join(every)}"


@contextmanager
def within(where: str) -> Iterator[None]:
    """An error of ours that is raised inside says where.

    Arguments:
        where: the table, "study.toml, [[methods]] 2".
    """
    try:
        yield
    except SecateurError as error:
        error.message = f"{where}: {error.message}"
        raise


def checked(kind: type[Made], given: Table, where: str) -> Made:
    """A table's values against its declaration.

    Raises:
        OptionError: an unknown key (the nearest is named), one that is missing, a wrong type, a
            value out of range.
    """
    return make_options(kind, given, where)


def plain_name(text: str) -> str:
    """A text that can be the name of a folder anywhere."""
    good = "".join(one if one.isalnum() or one in "._+-=%" else "_" for one in text)
    return good.strip("._") or "_"


def joined(parts: Iterable[str]) -> str:
    """Parts of a name, those that say something."""
    return "-".join(plain_name(part) for part in parts if part)
