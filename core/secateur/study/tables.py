"""The tables of a store, and a row as the values of one.

The columns of ``cells`` are the fields of ``Row``: a field that is added there is a column here.
What is no number, truth or text is JSON, written by Python, whose numbers come back bit for bit.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Union, get_args, get_origin, get_type_hints

import sqlalchemy as sa

from secateur.errors import StoreError
from secateur.study.row import Row, State

VERSION = 1
"""Of these tables. Another number is another form: no program reads one that it does not know."""

metadata = sa.MetaData()

schema = sa.Table(
    "schema_version",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    comment="the form of the tables; one row",
)

studies = sa.Table(
    "studies",
    metadata,
    sa.Column("title", sa.Text, primary_key=True, comment="of the study"),
    sa.Column("sha256", sa.String(64), nullable=False, comment="of the study's file"),
    sa.Column("toml", sa.Text, nullable=False, comment="the study's file, without secrets"),
    sa.Column("created", sa.Text, nullable=False, comment="UTC, ISO 8601: when it was first run"),
    comment="one row a study",
)

members = sa.Table(
    "members",
    metadata,
    sa.Column("study", sa.Text, primary_key=True, comment="its title"),
    sa.Column("key", sa.String(64), primary_key=True, comment="of the cell, run or not"),
    sa.Column("number", sa.Integer, nullable=False, comment="from 0, in the order of the study"),
    sa.Column("instance", sa.Text, nullable=False, comment="its name in the study"),
    sa.Column("family", sa.Text, nullable=False, comment="its family in the study"),
    sa.Column("method", sa.Text, nullable=False, comment="its name in the study"),
    sa.Column("tuned", sa.BigInteger, nullable=False, comment="trials the options were chosen by"),
    sa.Column("best_known", sa.Double, comment="an energy that the study's file says"),
    comment="which cells a study has, and what it calls them; cells may be in several studies",
)


def _column(name: str, hint: Any) -> sa.Column[Any]:
    """A column for a field of ``Row``."""
    plain = [one for one in get_args(hint) if one is not types.NoneType]
    optional = get_origin(hint) in (Union, types.UnionType)
    kind = plain[0] if optional else hint
    types_: dict[Any, Any] = {
        str: sa.Text(),
        State: sa.String(16),
        bool: sa.Boolean(),
        int: sa.BigInteger(),
        float: sa.Double(),
    }
    column_type = sa.String(64) if name in ("key", "instance_sha256") else types_.get(kind)
    return sa.Column(
        name,
        sa.Text() if column_type is None else column_type,
        primary_key=name == "key",
        nullable=optional,
        comment=_told().get(name),
    )


def _told() -> dict[str, str]:
    """What the docstring of ``Row`` says of each field."""
    told: dict[str, str] = {}
    for line in (Row.__doc__ or "").splitlines():
        name, colon, text = line.strip().partition(": ")
        if colon and name in Row.__dataclass_fields__:
            told[name] = text
    return told


_HINTS = get_type_hints(Row)
FIELDS = tuple(field.name for field in fields(Row))
AS_JSON = tuple(
    name for name in FIELDS if get_origin(_HINTS[name]) in (Mapping, dict, tuple)
)  # options, incumbents, ones, versions, machine

cells = sa.Table(
    "cells",
    metadata,
    *(_column(name, _HINTS[name]) for name in FIELDS),
    comment="one row a cell that ended; it never changes",
)

reads = sa.Table(
    "reads",
    metadata,
    sa.Column("key", sa.String(64), sa.ForeignKey("cells.key"), primary_key=True, comment="cell"),
    sa.Column("number", sa.Integer, primary_key=True, comment="from 0, the lowest energy first"),
    sa.Column("energy", sa.Double, nullable=False, comment="the core's own"),
    sa.Column("occurrences", sa.BigInteger, nullable=False, comment="how often it was read"),
    sa.Column("kept", sa.Boolean, nullable=False, comment="it keeps every demand"),
    sa.Column(
        "bits",
        sa.LargeBinary,
        nullable=False,
        comment="a bit a variable, in the problem's order, 8 a byte, the first in the highest",
    ),
    comment="every different answer of the backend",
)

payments = sa.Table(
    "payments",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True, comment="of a metered cell"),
    sa.Column("study", sa.Text, nullable=False, comment="that pays; its title"),
    sa.Column("expected", sa.Double, comment="seconds charged at most, as it was quoted"),
    sa.Column("charged", sa.Double, comment="seconds charged, all tries together; none: not known"),
    sa.Column("state", sa.String(16), nullable=False, comment="begun, or ended"),
    sa.Column("begun", sa.Text, nullable=False, comment="UTC, ISO 8601"),
    comment="written before a metered cell is run, so that it is never paid twice",
)

OWN = frozenset(metadata.tables)


def to_values(row: Row) -> dict[str, Any]:
    """A row as the values of ``cells``.

    Raises:
        StoreError: a number is not finite.
    """
    values: dict[str, Any] = {}
    for name in FIELDS:
        value = getattr(row, name)
        if name in AS_JSON:
            value = _json(name, value)
        elif isinstance(value, State):
            value = value.value
        elif isinstance(value, str):
            value = writable(value)
        else:
            value = _plain(name, value)
        values[name] = value
    return values


def to_row(values: Mapping[str, Any]) -> Row:
    """The row again."""
    made = {name: values[name] for name in FIELDS}
    for name in AS_JSON:
        made[name] = json.loads(made[name])
    made["incumbents"] = tuple((seconds, energy) for seconds, energy in made["incumbents"])
    made["ones"] = tuple(made["ones"])
    made["state"] = State(made["state"])
    return Row(**made)


def writable(text: str) -> str:
    """Text that every database takes: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _plain(name: str, value: Any) -> Any:
    """A number or truth as Python's own: a database does not know NumPy's."""
    kinds = [kind for kind in get_args(_HINTS[name]) or (_HINTS[name],) if kind is not type(None)]
    if value is None:
        return None
    value = kinds[0](value)
    if isinstance(value, float) and not math.isfinite(value):
        raise StoreError(f"{name} of a cell is {value}", remedy="leave out what is not known")
    return value


def _json(name: str, value: Any) -> str:
    if name == "ones":
        value = [int(one) for one in value]
    elif name == "incumbents":
        value = [[float(seconds), float(energy)] for seconds, energy in value]
    try:
        return json.dumps(dict(value) if isinstance(value, Mapping) else value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"{name} of a cell cannot be stored as JSON: {error}", remedy="give plain, finite data"
        ) from error
