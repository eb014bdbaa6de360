"""A problem in the form in which an exact solver proves it soonest, and a start for it.

For 0/1 vectors ``z = z²``: a diagonal d makes the quadratic part ``½ z'(J + diag(d)) z`` convex,
and ``-½ d`` beside the linear biases takes it away again. Relaxed to fractions, the convex form is
a bound from the first node on; a solver's own linearisation of a dense block is far weaker.
Source: Billionnet and Elloumi, "Using a mixed integer quadratic programming solver for the
unconstrained quadratic 0-1 problem", Mathematical Programming 109, 55 (2007).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.backends.base import BackendOptions, Solution, Status
from secateur.problem.model import Bits, Problem
from secateur.problem.moves import Moves
from secateur.problem.reduction import Core
from secateur.solving.control import Control
from secateur.solving.sdp import dominant_diagonal, positive, sdp_diagonal

Floats = NDArray[np.float64]

CONVEXIFY = ("auto", "yes", "no")
DENSE = 16.0
"""Mean couplings of a coupled variable from which the convex form is the better one: measured."""
WIDE = 400
"""The semidefinite relaxation of a wider component takes too long; one eigenvalue does."""
WIDEST = 3000
EIGENVALUES = 5e-10
"""Seconds, times the cube of the width: two sets of eigenvalues; without that time none."""
_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Form:
    """What is handed to a solver: ``½ z'(J + diag(d)) z + linear·z``, times ``factor``.

    Attributes:
        linear: shape ``(n,)``, scaled.
        diagonal: d, shape ``(n,)``, scaled; zero where nothing is convexified.
        quadratic: rows, columns and scaled biases of J, each pair once.
        factor: a power of two.
        slack: what the rounding of the form may add to an energy, not scaled.
        convex: it is convexified.
    """

    linear: Floats
    diagonal: Floats
    quadratic: tuple[NDArray[np.int32], NDArray[np.int32], Floats]
    factor: float
    slack: float
    convex: bool

    @property
    def matrix(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
        """The coordinates of the quadratic part as ``z'Qz``."""
        row, col, bias = self.quadratic
        on = np.flatnonzero(self.diagonal)
        return (
            np.concatenate([row, on]).astype(np.intp),
            np.concatenate([col, on]).astype(np.intp),
            np.concatenate([bias, 0.5 * self.diagonal[on]]),
        )


def exact_form(
    problem: Problem,
    *,
    convexify: str,
    known: NDArray[np.generic] | None = None,
    control: Control | None = None,
    dense: float = DENSE,
) -> Form:
    """The form of a problem.

    Arguments:
        problem: with an offset of 0.
        convexify: "yes", "no", or "auto": where the couplings are dense.
        known: a good vector, from which the price of a one under a count is read.
        control: the relaxation's clock.
        dense: mean couplings from which "auto" convexifies.
    """
    factor = power_of_two(problem)
    row, col, bias = problem.quadratic
    wanted = convexify == "yes" or (convexify == "auto" and density(problem) >= dense)
    diagonal = np.zeros(problem.n)
    if wanted and len(bias):
        found = _diagonal(problem, factor, known, control or Control())
        if found is None:
            wanted = False
        else:
            diagonal = found
    convex = wanted and bool(diagonal.any())
    linear = factor * problem.linear - 0.5 * diagonal
    slack = 0.0
    if convex:
        size = float(np.abs(linear).sum() + diagonal.sum())
        slack = 4 * _EPS * size / factor
    return Form(linear, diagonal, (row, col, factor * bias), factor, slack, convex)


def density(problem: Problem) -> float:
    """The mean number of couplings of a coupled variable."""
    row, col, bias = problem.quadratic
    touched = np.zeros(problem.n, dtype=bool)
    touched[row] = touched[col] = True
    coupled = int(touched.sum())
    return 2.0 * len(bias) / coupled if coupled else 0.0


def power_of_two(problem: Problem) -> float:
    """A factor that brings the largest bias near 1000, and changes no digit of any.

    Solvers' tolerances are absolute.
    """
    largest = max(
        float(np.abs(problem.linear).max(initial=0.0)),
        float(np.abs(problem.quadratic[2]).max(initial=0.0)),
    )
    return 1.0 if largest == 0.0 else float(2.0 ** (10 - math.frexp(largest)[1]))


def warm_start(problem: Problem, control: Control) -> list[Bits]:
    """What is known, improved by moves; a greedy vector if nothing is known; best first."""
    moves = Moves(problem)
    starts = [] if problem.start is None else list(problem.start)
    starts = [row for row in starts if problem.feasible(row)[0]]
    if not starts:
        first = moves.greedy()
        if first is None:
            return []
        starts = [first]
    best = min(starts, key=lambda row: float(problem.energies(row)[0]))
    improved = moves.descend(best, late=lambda: control.late)
    return [improved, *starts]


def certain(
    core: Core, options: BackendOptions, seconds: float, versions: Mapping[str, str]
) -> Solution:
    """The answer where every variable is certain, and nothing is left to be solved."""
    rows = core.expand(np.zeros((1, 0), dtype=np.int8))
    return Solution.from_bits(
        core.whole,
        rows,
        options,
        seconds,
        status=Status.OPTIMAL,
        bound=min(core.below(0.0), float(core.whole.energies(rows)[0])),
        versions=versions,
        raw={"fixed": core.fixed},
    )


def _diagonal(
    problem: Problem, factor: float, known: NDArray[np.generic] | None, control: Control
) -> Floats | None:
    """d of every component, scaled by ``factor``; None where one is too wide."""
    from scipy.sparse.csgraph import connected_components

    row, col, bias = problem.quadratic
    if density(problem) > problem.n / 2 and control.left() < EIGENVALUES * problem.n**3:
        strength = factor * np.abs(bias)
        sums = np.bincount(row, strength, problem.n) + np.bincount(col, strength, problem.n)
        return np.asarray(sums * (1 + _EPS * (problem.n + 4)))
    couplings = problem.couplings
    _, labels = connected_components(couplings, directed=False)
    price = _price(problem, known)
    diagonal = np.zeros(problem.n)
    sizes = np.bincount(labels)
    if sizes.max(initial=0) > WIDEST:
        return None
    unit = factor / 1024.0  # the relaxation wants numbers of about 1
    order = np.argsort(labels, kind="stable")
    for members in np.split(order, np.cumsum(sizes)[:-1]):
        if len(members) == 1:
            continue
        pairs = unit * couplings[members][:, members].toarray()
        linear = unit * (problem.linear[members] - price)
        if control.left() < EIGENVALUES * len(members) ** 3:
            diagonal[members] = 1024.0 * dominant_diagonal(pairs)
            continue
        if len(members) > WIDE:
            own = _by_eigenvalue(pairs)
        else:
            gap = 1e-4 * float(np.abs(linear).sum() + np.abs(pairs).sum() / 2)
            own, _ = sdp_diagonal(linear, pairs, tolerance=gap, control=control)
        own = positive(own, pairs)
        # a millionth more, or a solver's own test may call it not convex
        diagonal[members] = 1024.0 * (own + 1e-6 * np.mean(own))
    return diagonal


def _price(problem: Problem, known: NDArray[np.generic] | None) -> float:
    """What one more costs at a good vector: between its dearest one and its cheapest zero."""
    if problem.count is None or known is None:
        return 0.0
    bits = np.asarray(known)
    field = problem.field(bits)
    sides = [field[bits == 1].max(initial=-np.inf), field[bits == 0].min(initial=np.inf)]
    finite = [float(side) for side in sides if np.isfinite(side)]
    return sum(finite) / len(finite) if finite else 0.0


def _by_eigenvalue(pairs: Floats) -> Floats:
    """A diagonal from one eigenvalue: ``d = -λ_min(S⁻¹JS⁻¹) S²``, S² the row sums of ``|J|``."""
    weight = np.abs(pairs).sum(1)
    weight = np.maximum(weight, 1e-12 * weight.max(initial=0.0) + 1e-16)
    root = 1 / np.sqrt(weight)
    smallest = float(np.linalg.eigvalsh(pairs * np.outer(root, root))[0])
    return np.asarray(max(-smallest, 0.0) * weight)
