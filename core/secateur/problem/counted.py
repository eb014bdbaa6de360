"""A count as a person writes it: 12, 0.36 or "36%"."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from secateur.errors import ConstraintError
from secateur.problem.constraints import Cardinality
from secateur.problem.toml import parse_constraints

Count = int | float | str
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
