"""What a study demands of a problem besides its biases: a count, and a file of constraints."""

from __future__ import annotations

from pathlib import Path

from secateur.errors import OptionError
from secateur.problem.counted import Count, demanded_besides
from secateur.problem.model import Problem
from secateur.study.cell import canonical, digest

Share = Count | None
"""A count: 12, 0.36 or "36%"."""


def with_demands(problem: Problem, count: Share, constraints: Path | None) -> Problem:
    """The problem with a count and the constraints of a file besides its own.

    Arguments:
        problem: as it was read or drawn.
        count: 12, 0.36 or "36%" of the variables; None: nothing.
        constraints: a TOML file; None: nothing.

    Raises:
        ConstraintError: the count cannot be met or understood, or the problem has another already.
        FileError: the file cannot be read.
    """
    more = demanded_besides(problem.count, problem.variables, count, constraints)
    return problem.with_constraints([*problem.constraints, *more]) if more else problem


def problem_sha256(problem: Problem) -> str:
    """SHA-256 of biases and demands; names of demands and their order do not count.

    Raises:
        OptionError: a demand that cannot be told as data.
    """
    told = []
    for demand in problem.demands:
        about = {name: value for name, value in demand.data().items() if name != "name"}
        try:
            told.append(canonical(about))
        except (TypeError, ValueError) as error:
            raise OptionError(
                f"the demand {demand.name!r} cannot be told as data: {error}",
                remedy="use one of the kinds of secateur.problem",
            ) from error
    return digest({"qubo": problem.sha256, "demands": sorted(told)})
