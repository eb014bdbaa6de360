"""Diagonals that make a wide block convex, as good as can be had without an interior point method.

The relaxation's value is concave in d on the convex set of d with ``J + diag(d)`` positive
semidefinite, with the slope ½ (y_i² - y_i) at its solution y. One step (Frank and Wolfe 1956): the
best d for that slope is the dual of  min <J, V V'>, |v_i|² = w_i = y_i - y_i²,  which coordinate
steps on a thin V solve (the mixing method, Wang, Chang and Kolter 2018): d_i = |(J V)_i| / |v_i|.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secateur.solving.control import Control
from secateur.solving.relax import bound_at, relaxed_point, working

Floats = NDArray[np.float64]

_UNIT = 2.0**-53
_RANK = 24
_SWEEPS = 6
_ROUNDS = 12
_LEAST = 1e-3  # of a weight y - y²: a variable that is nearly decided may become open again
_ENOUGH = 2e-4  # of the bound: rounds that gain less, thrice running, are the last


def scaled_start(linear: Floats, couplings: Floats) -> Floats:
    """The better of two scaled diagonals: by the linear terms, and by the rows of J.

    Arguments:
        linear: h, shape ``(w,)``.
        couplings: J; no row is zero.

    Returns:
        d > 0, so that ``J + diag(d)`` has the least eigenvalue 0 or a little more.
    """
    rows = np.sqrt(np.einsum("ij,ij->i", couplings, couplings))
    by_linear = np.maximum(2.0 * np.abs(linear), 1e-3 * rows)
    pairs = working(couplings)
    half = 0.5 * len(linear)
    best: tuple[float, Floats] | None = None
    for shape in (by_linear, rows):
        d = shape * scale_of(pairs, shape)
        y = np.full(len(linear), 0.5)
        y = relaxed_point(linear, pairs, d, half, y, Control(), steps=40)
        value = bound_at(linear, pairs, d, half, y)
        if best is None or value > best[0]:
            best = value, d
    assert best is not None
    return best[1]


def better_diagonal(
    linear: Floats,
    couplings: Floats,
    diagonal: Floats,
    count: float | None,
    point: Floats,
    control: Control,
) -> tuple[Floats, Floats]:
    """Improve a diagonal for one number of ones, while time is left.

    Arguments:
        linear: h, shape ``(w,)``.
        couplings: J.
        diagonal: to start from.
        count: the number of ones; None: free.
        point: a first point of the relaxation.
        control: when it is late the best so far is returned.

    Returns:
        d, and the solution of its relaxation.
    """
    pairs = working(couplings)
    y = relaxed_point(linear, pairs, diagonal, count, point, control, steps=200, least=40)
    best = bound_at(linear, pairs, diagonal, count, y)
    rank = min(_RANK, len(linear))
    vectors = np.random.default_rng(0).standard_normal((len(linear), rank)).astype(pairs.dtype)
    share, poor = 0.2, 0
    for _ in range(_ROUNDS):
        if control.late or poor == 3:
            break
        weights = np.maximum(y - y * y, _LEAST)
        towards = _mix(pairs, weights / weights.mean(), vectors, control)
        if control.late:
            break
        towards = towards * scale_of(pairs, towards)
        before = best
        for _ in range(4):
            trial = (1 - share) * diagonal + share * towards
            trial = trial * scale_of(pairs, trial)
            near = relaxed_point(linear, pairs, trial, count, y, control, steps=80)
            value = bound_at(linear, pairs, trial, count, near)
            if value > best:
                best, diagonal, y = value, trial, near
                share = min(1.0, 1.5 * share)
                break
            share *= 0.5
            if control.late:
                break
        share = max(share, 0.02)
        poor = poor + 1 if best - before < _ENOUGH * abs(best) else 0
    return diagonal, y


def _mix(
    pairs: NDArray[np.floating], weights: Floats, vectors: NDArray[np.floating], control: Control
) -> Floats:
    """Coordinate steps on V, in place; the diagonal that belongs to it."""
    lengths = np.sqrt(weights).astype(pairs.dtype)
    norms = np.linalg.norm(vectors, axis=1)
    vectors *= (lengths / np.where(norms > 0, norms, 1.0))[:, None]
    for _ in range(_SWEEPS):
        for i in range(len(weights)):
            pull = pairs[i] @ vectors
            norm = float(np.sqrt(pull @ pull))
            if norm > 0:
                vectors[i] = pull * (-lengths[i] / pairs.dtype.type(norm))
        if control.late:
            break
    pull = pairs @ vectors
    d = np.linalg.norm(pull, axis=1).astype(np.float64) / lengths
    return np.maximum(d, 1e-6 * d.max(initial=1e-300))


def scale_of(pairs: NDArray[np.floating], diagonal: Floats) -> float:
    """The factor of a diagonal that makes ``J + factor·diag(d)`` just convex, by Lanczos steps.

    Accurate to about 1e-4; ``certain`` makes sure.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    size = len(diagonal)
    root = (1.0 / np.sqrt(diagonal)).astype(pairs.dtype)
    if size <= 128:
        matrix = pairs.astype(np.float64) * root[:, None] * root
        return max(-float(np.linalg.eigvalsh(matrix)[0]), 1e-6) * (1 + 1e-6)

    def product(vector: NDArray[np.floating]) -> NDArray[np.floating]:
        return root * (pairs @ (root * vector.ravel().astype(pairs.dtype)))

    operator = LinearOperator((size, size), matvec=product, dtype=pairs.dtype)
    start = np.random.default_rng(0).standard_normal(size).astype(pairs.dtype)
    try:
        found = eigsh(
            operator, 1, which="SA", tol=1e-4, ncv=min(size - 1, 40), v0=start, maxiter=40,
            return_eigenvectors=False,
        )  # fmt: skip
        least = float(found[0])
    except ArpackNoConvergence:
        # the norm of each row bounds every eigenvalue (Gershgorin)
        least = -float((np.abs(pairs) @ root * root).max())
    return max(-least, 1e-6) * (1 + 1e-4)


def certain(couplings: Floats, diagonal: Floats) -> Floats:
    """Enlarge a diagonal until ``J + diag(d)`` is positive semidefinite beyond rounding.

    A Cholesky factorisation of A - c·1 in floats that ends without a square root of a negative
    number proves A positive semidefinite, for c above (w + 2)·u·trace(A) (Rump 2006); A is scaled
    to a unit diagonal, and its own rounding is in c.

    Arguments:
        couplings: J.
        diagonal: d > 0.
    """
    size = len(diagonal)
    factor = 1.0
    step = 1e-5
    root = 1.0 / np.sqrt(diagonal)
    while True:
        matrix = couplings * root[:, None]
        matrix *= root
        margin = 4.0 * (size + 8) * _UNIT * (size * factor)
        matrix[np.diag_indices(size)] = factor * (1.0 - 8 * _UNIT) - margin
        try:
            np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:
            factor += step
            step *= 2.0
        else:
            return diagonal * (factor * (1.0 + 8 * _UNIT))
