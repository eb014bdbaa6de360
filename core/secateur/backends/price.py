"""What a call costs, told before it is made."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from secateur.problem.model import Problem


@dataclass(frozen=True)
class Price:
    """What one call of a backend on one problem is and costs.

    Arguments:
        solver: who solves it, or "" if that is not known yet.
        variables: of the problem.
        couplings: that are not zero.
        density: of all pairs, the share that is coupled.
        charge_s: seconds that are charged, at most; 0.0 for nothing, None if it is not known.
        minimum_s: the shortest time that the solver accepts, or None.
        time_limit_s: the time that it will be given, or None.
        most_variables: the solver's own maximum, or None.
        note: what is not known, and how to find it out.
        recorded: nothing is charged because an earlier call's answer is taken; another call may be
            charged.
    """

    solver: str
    variables: int
    couplings: int
    density: float
    charge_s: float | None = None
    minimum_s: float | None = None
    time_limit_s: float | None = None
    most_variables: int | None = None
    note: str = ""
    recorded: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def shape_of(problem: Problem) -> dict[str, Any]:
    """Size and density: variables, couplings, density."""
    couplings = len(problem.quadratic[2])
    return {
        "variables": problem.n,
        "couplings": couplings,
        "density": couplings / math.comb(problem.n, 2) if problem.n > 1 else 0.0,
    }
