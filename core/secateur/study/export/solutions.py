"""Solutions and time series of a submission: Gurobi's ``.sol``, and QOBLIB's JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import numpy as np

from secateur.errors import StaleError
from secateur.problem import Problem
from secateur.study.row import Row, State

SAME = 1e-6
"""How far a stored energy may be from what its ones give, relative to the sum of the biases."""


def is_best(row: Row) -> tuple[float, float, int, int]:
    """A key: lower is better; of equal energies the sooner one."""
    assert row.energy is not None
    return row.energy, row.wall or 0.0, row.seed, row.repetition


def variable_names(problem: Problem) -> tuple[list[str], bool]:
    """The labels, if a line can hold them as names, else ``x0``, ``x1``, … in their order.

    Returns:
        the names, and whether they are numbers.
    """
    names = [str(label) for label in problem.variables]
    fine = all(re.fullmatch(r"[^\s#]\S*", name) for name in names)
    if fine and len(set(names)) == len(names):
        return names, False
    return [f"x{place}" for place in range(problem.n)], True


def solution_file(problem: Problem, row: Row, *, name: str, sign: float) -> str:
    """A selection in Gurobi's ``.sol`` form: the objective as a comment, a line a variable.

    Arguments:
        problem: of the row.
        row: that ended with a selection.
        name: of the instance.
        sign: -1 where the instance's own objective is minus the energy.

    Raises:
        StaleError: the row's ones have another energy, or break a demand.
    """
    bits = np.zeros(problem.n, dtype=np.int8)
    if row.ones and not 0 <= min(row.ones) <= max(row.ones) < problem.n:
        raise _stale(row, f"its ones are beyond the {problem.n} variables")
    bits[list(row.ones)] = 1
    energy = float(problem.energies(bits)[0])
    if row.energy is None or not abs(energy - row.energy) <= SAME * problem.scale:
        raise _stale(row, f"its ones have the energy {energy!r}, and it says {row.energy!r}")
    if not problem.feasible(bits)[0]:
        raise _stale(row, f"it has {problem.broken(bits)[0]}")
    names, numbered = variable_names(problem)
    lines = [f"# Solution for model {name}", f"# Objective value = {sign * energy + 0.0!r}"]
    if numbered:
        lines.append("# Variables are numbered in the order of the instance, from 0")
    lines += [f"{label} {bit}" for label, bit in zip(names, bits.tolist(), strict=True)]
    return "\n".join(lines) + "\n"


def _stale(row: Row, what: str) -> StaleError:
    return StaleError(
        f"a row of {row.method!r} on {row.instance!r} is not of this instance: {what}",
        remedy="run the study again: `secateur study run FILE`",
    )


def time_series(rows: Iterable[Row], *, sign: float) -> str:
    """Incumbents of every run that has one, QOBLIB's ``objective_time_series.json``.

    A run is a list of ``{"Time": seconds, "Incumbent": objective}``, each better than the one
    before, and the last at the end of the run. Of a run that waited at a service only the end is
    told: its incumbents' times have the waiting in them.

    Arguments:
        rows: of one instance.
        sign: -1 where the instance's own objective is minus the energy.
    """
    return json.dumps([_run(row, sign) for row in rows if told(row)], indent=1) + "\n"


def told(row: Row) -> bool:
    """Whether a row is a run of the time series."""
    return row.state is State.DONE and row.energy is not None and row.seconds is not None


def _run(row: Row, sign: float) -> list[dict[str, float]]:
    assert row.seconds is not None
    assert row.energy is not None
    steps: Sequence[tuple[float, float]] = () if row.queue else row.incumbents
    made = [{"Time": at, "Incumbent": sign * energy + 0.0} for at, energy in steps]
    end = max([row.seconds, *(at for at, _ in steps)])
    return [*made, {"Time": end, "Incumbent": sign * row.energy + 0.0}]
