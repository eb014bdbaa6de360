"""What is certain taken out of a problem, and whether what is left suits a solver's arithmetic.

One bias of 1e8 among biases of 1 is lost in a solver whose tolerances are relative to the largest
number: it then calls optimal what is not. Such a variable's value is nearly always certain, so it
is fixed first, and the solver sees the rest on its own scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.problem.constraints import count
from secateur.problem.model import Bits, Problem
from secateur.problem.persistency import persistent

Floats = NDArray[np.float64]

JUMP = 1e4
"""Biases that are so many times the next smaller one are out of line with the others."""
MATTERS = 1e-6
"""Differences of energy below this share of an answer's ordinary terms do not matter."""
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Core:
    """The variables of a problem whose values are not certain.

    Attributes:
        whole: the problem.
        problem: over the free variables, without an offset.
        free: their positions, ascending.
        values: 0 and 1 where certain, shape ``(n,)``.
        constant: energy of what is fixed, rounded down.
        slack: what the rounding of the linear biases may add to an energy.
    """

    whole: Problem
    problem: Problem
    free: NDArray[np.intp]
    values: Bits
    constant: float
    slack: float

    @property
    def fixed(self) -> int:
        """The number of certain variables."""
        return self.whole.n - len(self.free)

    def expand(self, rows: NDArray[np.generic]) -> Bits:
        """Rows over the free variables as rows over all."""
        out = np.repeat(self.values[None], len(rows), axis=0)
        out[:, self.free] = rows
        return out

    def way(
        self, better: Iterable[tuple[float, NDArray[np.generic]]]
    ) -> tuple[tuple[float, Bits], ...]:
        """Answers over the free variables with their times, as ``Solution.incumbents``.

        What breaks a demand by a solver's tolerances, or is no better by our own count, is left
        out.
        """
        best, told = math.inf, []
        for seconds, row in better:
            whole = self.expand(row[None])[0]
            energy = float(self.whole.energies(whole)[0])
            if energy < best and self.whole.feasible(whole)[0]:
                best = energy
                told.append((seconds, whole))
        return tuple(told)

    def below(self, bound: float, slack: float = 0.0) -> float:
        """A bound on the whole from a bound on the core, rounded down.

        Arguments:
            bound: on the energy of the core.
            slack: what the rounding before may have hidden.
        """
        lower = bound - slack - self.slack
        lower = math.nextafter(lower, -math.inf) if self.slack or slack else lower
        return math.nextafter(lower + self.constant, -math.inf) if self.constant else lower

    def judge(
        self, rows: NDArray[np.generic], bound: float, *, relative: float
    ) -> tuple[float, str | None]:
        """What a solver's bound is worth, and why it does not prove the best of the rows, or None.

        What is fixed is left out: beside a fixed bias of 1e12 every gap looks small.

        Arguments:
            rows: over the free variables, shape ``(rows, free)``.
            bound: on the energy of the core.
            relative: the solver's tolerance, relative to the largest bias.
        """
        energies = self.problem.energies(rows)
        best = np.asarray(rows)[int(np.argmin(energies))]
        energy = float(energies.min())
        reason = too_wide(self.problem, best, relative)
        if reason is not None:
            bound -= relative * (self.problem.n + 1) * self.problem.scale
        bound = min(bound, energy)
        if reason is None and energy - bound > self.problem.tolerance(best):
            reason = f"the bound is {energy - bound:.3g} below the energy"
        return bound, reason


def reduce(problem: Problem) -> Core:
    """Fix what is certain; with demands beside a count nothing is.

    A known start follows where it keeps what is certain; else it is brought to it, and left out if
    its count no longer fits.
    """
    values, known = persistent(problem)
    free = np.flatnonzero(~known)
    if not known.any():
        bare = problem.with_linear(problem.linear, 0.0)
        return Core(problem, bare, free, values, problem.offset, 0.0)
    values[free] = 0
    row, col, bias = problem.quadratic
    linear = problem.linear[free].copy()
    place = np.full(problem.n, -1, dtype=np.intp)
    place[free] = np.arange(len(free))
    extra: dict[int, list[float]] = {}
    for one, other in ((row, col), (col, row)):
        crossing = (place[one] >= 0) & (values[other] == 1)
        for i, term in zip(place[one[crossing]].tolist(), bias[crossing].tolist(), strict=True):
            extra.setdefault(i, []).append(term)
    slack = 0.0
    for i, terms in extra.items():  # rounded once, however much cancels
        linear[i] = math.fsum([float(linear[i]), *terms])
        slack += _EPS * abs(float(linear[i]))
    inside = (place[row] >= 0) & (place[col] >= 0)
    ones = np.flatnonzero(values)
    both = (values[row] == 1) & (values[col] == 1)
    constant = math.fsum([problem.offset, *problem.linear[ones], *bias[both]])
    if constant:
        constant = math.nextafter(constant, -math.inf)
    start = None
    if problem.start is not None:
        good = problem.feasible(problem.start) & (problem.start[:, known] == values[known]).all(1)
        if good.any():
            start = problem.start[good][:, free]
    core = Problem.from_arrays(
        [problem.variables[i] for i in free],
        linear,
        (place[row[inside]], place[col[inside]], bias[inside]),
        0.0,
        () if problem.count is None else (count(problem.count - len(ones)),),
        start=start,
    )
    return Core(problem, core, free, values, constant, slack)


def too_wide(problem: Problem, bits: NDArray[np.generic], relative: float) -> str | None:
    """Why the biases differ too much for a proof in a solver's arithmetic, or None.

    The largest biases are compared with the ordinary ones below a jump in size; without such a jump
    an energy's own terms say what matters (``Problem.tolerance``).

    Arguments:
        problem: as it is handed to the solver.
        bits: an answer, shape ``(n,)``.
        relative: the solver's tolerance, relative to the largest bias.
    """
    row, col, bias = problem.quadratic
    terms = np.abs(np.concatenate([problem.linear, bias]))
    z = np.asarray(bits) != 0
    active = np.concatenate([z, z[row] & z[col]])
    sizes = np.sort(terms[terms > 0])[::-1]
    few = max(8, len(sizes) // 4)
    with np.errstate(over="ignore"):  # a ratio beyond the largest number is a jump too
        jumps = np.flatnonzero(sizes[:-1][:few] / sizes[1:][:few] >= JUMP)
    for jump in jumps.tolist():
        ordinary = float(sizes[jump + 1])
        own = float(terms[active & (terms <= ordinary)].sum())
        unresolved = relative * float(sizes[0])
        if unresolved > MATTERS * max(own, ordinary):
            return (
                f"the biases range from {sizes[0]:.3g} to {ordinary:.3g} and less: differences of "
                f"{unresolved:.1g} are within the solver's tolerances, and smaller ones matter"
            )
    return None
