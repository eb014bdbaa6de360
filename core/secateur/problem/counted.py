"""What is demanded besides a problem's own: a count as a person writes it, and a file."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from pathlib import Path

from secateur.errors import ConstraintError
from secateur.problem.constraints import Cardinality, Constraint
from secateur.problem.toml import parse_constraints, read_constraints

Count = int | float | str
"""12, 0.36 or "36%"."""
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_PART = re.compile(r"\s*0?\.\d+\s*")


def read_count(count: Count, variables: Sequence[Hashable]) -> Cardinality:
    """So many of all variables are one, exactly.

    Arguments:
        count: 12, or a share of them, 0.36 or "36%", to the nearest; texts of the same.
        variables: of the problem.

    Raises:
        ConstraintError: it is none, or more than there are.
    """
    if isinstance(count, str):
        if _WHOLE.fullmatch(count):
            count = int(count)
        elif _PART.fullmatch(count):
            count = float(count)
    try:
        (made,) = parse_constraints({"constraint": [{"kind": "count", "number": count}]}, variables)
    except ConstraintError as error:
        raise ConstraintError(
            f"count is {count!r}, of {len(variables)} variables",
            remedy=f'give a whole number up to {len(variables)}, or a share of them: "36%"',
        ) from error
    assert isinstance(made, Cardinality)
    return made


def demanded_besides(
    stated: int | None,
    variables: Sequence[Hashable],
    count: Count | None,
    constraints: Path | None,
    *,
    called: str = "count",
    owner: str = "the problem itself",
) -> list[Constraint]:
    """What a count and a file of constraints add to what is there.

    Arguments:
        stated: the count that the problem has already.
        variables: of the problem.
        count: 12, 0.36 or "36%" of the variables; None: nothing.
        constraints: a TOML file; None: nothing.
        called: what the count is called, for messages.
        owner: who states the other, for messages.

    Raises:
        ConstraintError: a demand cannot be understood, or another count is stated.
        FileError: the file cannot be read.
    """
    more: list[Constraint] = []
    if count is not None:
        wanted = read_count(count, variables)
        if stated is None:
            more.append(wanted)
        elif wanted.lower != stated:
            raise ConstraintError(
                f"{called} is {count}, and {owner} states {stated}",
                remedy=f"leave {called} out, or remove the constraint from {owner}",
            )
    if constraints is not None:
        more += read_constraints(constraints, variables)
    return more
