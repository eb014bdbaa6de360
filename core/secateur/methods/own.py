"""Demands of a user's own on what is pruned: as objects, or in a file of TOML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from secateur.errors import OptionError
from secateur.problem import Constraint, read_constraints

SHOWN = "at_most(8, labels) of secateur.problem, say, several in a list, or a file of TOML"


def listed(given: Any) -> tuple[Constraint, ...] | Path | None:
    """What was given, as a tuple or the path of a file.

    Arguments:
        given: a ``Constraint``, several, the path of a file, or None.

    Raises:
        OptionError: it is none of these.
    """
    if given is None or isinstance(given, Path):
        return given
    if isinstance(given, str):
        return Path(given)
    many = [given] if isinstance(given, Constraint) else given
    if not isinstance(many, Iterable):
        raise OptionError(
            f"constraints is {given!r}", remedy=f"give constraints of variables: {SHOWN}"
        )
    many = tuple(many)
    for one in many:
        if not isinstance(one, Constraint):
            raise OptionError(
                f"constraints has {one!r}, which is none", remedy=f"give constraints: {SHOWN}"
            )
    return many


def constraints_of(given: Any, labels: Sequence[str]) -> tuple[Constraint, ...]:
    """The demands themselves.

    Arguments:
        given: as in ``listed``.
        labels: of the channels, in their order.

    Raises:
        FileError: the file cannot be read.
        ConstraintError: a table of it is wrong.
    """
    made = listed(given)
    return read_constraints(made, labels) if isinstance(made, Path) else made or ()
