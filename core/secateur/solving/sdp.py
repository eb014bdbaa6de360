"""The best diagonal to convexify a block with: the dual of the basic semidefinite relaxation.

For 0/1 vectors ``z_i = z_i²``, so a diagonal d moves between the linear and the quadratic part of
an energy without changing it. The relaxation's dual finds the d for which the convex minimum is
highest. Source: Helmberg, Rendl, Vanderbei, Wolkowicz, "An interior-point method for semidefinite
programming", SIAM J. Optim. 6 (1996).
"""

from __future__ import annotations

import numpy as np

from secateur.problem.parts import Floats
from secateur.solving.control import Control


def sdp_diagonal(
    linear: Floats, couplings: Floats, *, tolerance: float, control: Control, steps: int = 150
) -> tuple[Floats, Floats]:
    """The diagonal d that makes ``J + diag(d)`` nearly positive semidefinite at the least cost.

    Arguments:
        linear: h, shape ``(w,)``; the largest number of the problem should be about 1.
        couplings: J, symmetric with a zero diagonal, shape ``(w, w)``.
        tolerance: stop at this duality gap.
        control: stop when it is late; every iterate is feasible.
        steps: of Newton's method, at most.

    Returns:
        d and the mean of the relaxation's solution, both of shape ``(w,)``.
    """
    from scipy.linalg import cho_factor, cho_solve, solve_triangular

    cost = lifted(linear, couplings)
    size = len(cost)
    rows = np.abs(cost).sum(1)
    biggest = np.abs(cost).max() + 1e-16
    # strictly diagonally dominant: feasible
    dual = -1.1 * rows - 1e-9 * biggest
    dual[0] = cost[0, 0] - 1.1 * np.abs(cost[0, 1:]).sum() - 1e-9 * biggest
    primal = np.eye(size)
    factor = _factor(cost, dual)
    barrier: float | None = None
    for _ in range(steps):
        if factor is None or control.late:
            break
        half = solve_triangular(factor, np.eye(size), lower=True, check_finite=False)
        inverse = half.T @ half
        gap = float((cost * primal).sum() - dual.sum())
        if gap < tolerance:
            break
        barrier = gap / (2 * size) if barrier is None else min(barrier, gap / (2 * size))
        system = inverse * primal
        system[np.diag_indices(size)] *= 1 + 1e-13
        try:
            solved = cho_factor(system, check_finite=False)
        except np.linalg.LinAlgError:
            break
        change = cho_solve(solved, 1.0 - barrier * np.diag(inverse), check_finite=False)
        move = (inverse * change) @ primal
        move = 0.5 * (move + move.T) + barrier * inverse - primal
        primal_step = dual_step = 1.0
        for _ in range(60):
            if _is_definite(primal + primal_step * move):
                break
            primal_step *= 0.8
        for _ in range(60):
            factor = _factor(cost, dual + dual_step * change)
            if factor is not None:
                break
            dual_step *= 0.8
        if factor is None:
            break
        primal = primal + (primal_step if primal_step == 1 else 0.95 * primal_step) * move
        if dual_step < 1:
            dual_step *= 0.95
            factor = _factor(cost, dual + dual_step * change)
            if factor is None:
                break
        dual = dual + dual_step * change
        if primal_step + dual_step > 1.8:
            barrier *= 0.3
        if primal_step + dual_step > 1.9:
            barrier *= 0.3
    return -8 * dual[1:], 0.5 * (1 + np.clip(primal[0, 1:], -1.0, 1.0))


def lifted(linear: Floats, couplings: Floats) -> Floats:
    """The energy as x'Cx over x in {-1, 1}, with ``x_0 = 1`` for the linear terms."""
    size = len(linear)
    cost = np.zeros((size + 1, size + 1))
    cost[1:, 1:] = couplings / 8
    cost[0, 1:] = cost[1:, 0] = (linear / 2 + couplings.sum(1) / 4) / 2
    cost[0, 0] = linear.sum() / 2 + couplings.sum() / 8
    return cost


def _factor(cost: Floats, dual: Floats) -> Floats | None:
    try:
        return np.asarray(np.linalg.cholesky(cost - np.diag(dual)), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None


def _is_definite(matrix: Floats) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def positive(diagonal: Floats, couplings: Floats) -> Floats:
    """Enlarge a diagonal until ``J + diag(d)`` is certainly positive semidefinite.

    The smallest eigenvalue of the matrix scaled to a unit diagonal is known to a few w rounding
    units; it is brought above a thousand of them.

    Arguments:
        diagonal: d, shape ``(w,)``.
        couplings: J, largest number about 1, shape ``(w, w)``.
    """
    size = len(diagonal)
    safe = 1e-13 * size
    diagonal = np.maximum(diagonal, 1e-16)
    scale = 1 / np.sqrt(diagonal)
    smallest = float(np.linalg.eigvalsh(scaled(couplings, scale))[0])
    if smallest < safe:
        diagonal = diagonal * (1 + safe - smallest)
    return diagonal


def scaled(couplings: Floats, scale: Floats) -> Floats:
    """``diag(scale) J diag(scale)`` with a unit diagonal."""
    matrix = couplings * np.outer(scale, scale)
    matrix[np.diag_indices(len(scale))] = 1.0
    return matrix


def dominant_diagonal(couplings: Floats) -> Floats:
    """A diagonal for which no eigenvalue is needed: the sums of absolute values over rows."""
    sums: Floats = np.abs(couplings).sum(1)
    return sums * (1 + 1e-15 * (len(sums) + 4))


def linear_diagonal(linear: Floats, couplings: Floats) -> Floats | None:
    """``d = 2|h|`` where ``J + diag(d)`` is certainly positive semidefinite, else None.

    So it is where h and J are of one semidefinite matrix, as in a Fisher QUBO, and then no energy
    is negative. It costs one factorisation: if that of A - c·I succeeds in floating point with c
    above its backward error, A is positive semidefinite (Rump, "Verification of positive
    definiteness", BIT 46, 2006).

    Arguments:
        linear: h, shape ``(w,)``.
        couplings: J, shape ``(w, w)``.
    """
    size = len(linear)
    coupled = couplings.any(axis=1)
    diagonal = np.where(coupled, 2 * np.abs(linear), 0.0)
    if (diagonal[coupled] <= 1e-300).any():
        return None
    # the scaling's own rounding is a few units for each entry, at most 1 in size
    matrix = scaled(couplings, 1 / np.sqrt(np.where(coupled, diagonal, 1.0)))
    matrix[np.diag_indices(size)] -= (size + 8) * (size + 2) * 2.0**-52
    return diagonal if _is_definite(matrix) else None
