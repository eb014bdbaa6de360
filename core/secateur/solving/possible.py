"""Whether demands can be kept together, told before anything is solved."""

from __future__ import annotations

import math

import numpy as np

from secateur.errors import ConstraintError
from secateur.problem.model import Problem
from secateur.problem.shares import Shares


def check_possible(problem: Problem) -> None:
    """The cardinalities by themselves can be kept together; told before anything is solved."""
    from secateur.problem.minplus import best_split

    parts = problem.parts
    zeros = [np.where(block.allowed, 0.0, np.inf) for block in parts.blocks]
    if problem.n and not math.isfinite(best_split(parts.root, zeros).value):
        raise impossible(problem)
    if isinstance(parts.shares, Shares) and not parts.shares.possible(zeros):
        raise impossible(problem)


def impossible(problem: Problem) -> ConstraintError:
    """The error for demands that no choice keeps together."""
    names = ", ".join(repr(constraint.name) for constraint in problem.constraints[:6])
    more = ", …" if len(problem.constraints) > 6 else ""
    return ConstraintError(
        f"no choice keeps all demands together: {names}{more}", remedy="relax one of them"
    )
