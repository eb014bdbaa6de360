"""The columns of a table of rows: one a field of ``Row``, with its type and what it means."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import UnionType
from typing import Any, Literal

from secateur.study.row import Row, State

Kind = Literal["text", "whole", "number", "truth", "time", "json", "steps", "places"]
"""Whole is int64, number float64, time a moment in UTC, JSON a text of it, steps pairs of seconds
and energy, places whole numbers."""

_KINDS: dict[Any, Kind] = {str: "text", State: "text", int: "whole", float: "number", bool: "truth"}
_OWN: dict[str, Kind] = {"started": "time", "incumbents": "steps", "ones": "places"}


@dataclass(frozen=True)
class RowColumn:
    """One column.

    Arguments:
        name: of the field of ``Row``, which it is.
        kind: of its values.
        optional: a value may be missing.
        text: what it means, as ``Row`` says it.
    """

    name: str
    kind: Kind
    optional: bool
    text: str


@cache
def row_columns() -> tuple[RowColumn, ...]:
    """Every field of ``Row`` in its order."""
    hints = typing.get_type_hints(Row)
    texts = _texts(Row.__doc__ or "")
    return tuple(_column(field.name, hints[field.name], texts[field.name]) for field in fields(Row))


def _column(name: str, hint: Any, text: str) -> RowColumn:
    optional = False
    if isinstance(hint, UnionType):
        (hint,) = (one for one in typing.get_args(hint) if one is not type(None))
        optional = True
    if name in _OWN:
        return RowColumn(name, _OWN[name], optional, text)
    if typing.get_origin(hint) is Mapping:
        return RowColumn(name, "json", optional, text)
    return RowColumn(name, _KINDS[hint], optional, text)


def _texts(doc: str) -> dict[str, str]:
    """What a docstring says of each argument, in one line each."""
    told: dict[str, str] = {}
    last = ""
    for line in doc.partition("Arguments:")[2].splitlines():
        found = re.match(r" {8}(\w+): (.*)", line)
        if found:
            last = found[1]
            told[last] = found[2]
        elif last and line.strip():
            told[last] += " " + line.strip()
    return told
