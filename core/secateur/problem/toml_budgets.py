"""A budget as a table of TOML, and back: the groups by glob, pairs and widths by their numbers.

::

    [[constraint]]
    kind = "budget"
    groups = ["stem:*", "layers.0:*"]
    linear = [27.0, 10.0]
    pairs = [[0, 1, 9.0]]
    upper = 12000.0
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from secateur.errors import ConstraintError
from secateur.problem.budgets import Budget
from secateur.problem.globs import Labels


def read_budget(table: Mapping[str, Any], name: str | None, known: Labels) -> Budget:
    """The budget of a table.

    Raises:
        ConstraintError: something in it is not as ``written_budget`` writes it.
    """
    groups = table["groups"]
    if not isinstance(groups, list):
        raise ConstraintError(
            f"the groups are {groups!r}", remedy='write groups = ["stem:*", ["a", "b"]]'
        )
    found = tuple(known.find(group) for group in groups)
    try:
        pairs = {(g, h): value for g, h, value in table.get("pairs", [])}
        widths = {g: tuple(numbers) for g, numbers in table.get("widths", [])}
        linear = tuple(table.get("linear", []))
    except (TypeError, ValueError) as error:
        raise ConstraintError(
            f"the costs of a budget are not as they should be ({error})",
            remedy="write linear = [1.0], pairs = [[0, 1, 9.0]], widths = [[0, [0.0, 16.0]]]",
        ) from error
    return Budget(
        name or "budget", found, linear, pairs, table.get("fixed", 0.0), table["upper"], widths
    )


def written_budget(budget: Budget, quoted: Callable[[Hashable], str]) -> list[str]:
    """The lines of a table but for its name."""
    groups = [f"    [{', '.join(map(quoted, group))}]," for group in budget.groups]
    pairs = [f"    [{g}, {h}, {value!r}]," for (g, h), value in budget.pairs.items()]
    widths = [f"    [{g}, {list(table)}]," for g, table in budget.widths.items()]
    return [
        'kind = "budget"',
        f"upper = {budget.upper!r}",
        f"fixed = {budget.fixed!r}",
        f"linear = {list(budget.linear)}",
        "groups = [",
        *groups,
        "]",
        "pairs = [",
        *pairs,
        "]",
        "widths = [",
        *widths,
        "]",
    ]
