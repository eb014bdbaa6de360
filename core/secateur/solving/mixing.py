"""The semidefinite relaxation of a wide block, by the mixing method.

A solution of rank r is held as unit vectors; each is turned, one after another, to where it lowers
the energy most. At the end the lengths of their fields are the dual, and so the diagonal to
convexify with. A sweep over w vectors takes O(w² r) with r about √(2w), where an interior point
method takes O(w³) some dozens of times. Source: Wang, Chang, Kolter, "The Mixing method: low-rank
coordinate descent for semidefinite programming with diagonal constraints", arXiv 1706.00476 (2017).
"""

from __future__ import annotations

import numpy as np

from secateur.problem.parts import Floats
from secateur.solving.control import Control
from secateur.solving.sdp import lifted, scaled

_FIRST = 16
"""Sweeps before the first look at how far the dual is from feasible; it is doubled each time."""
_EASY = 512
"""For a wider block a look, which is an eigenvalue, costs as much as some dozen sweeps."""


def mixing_diagonal(
    linear: Floats,
    couplings: Floats,
    *,
    tolerance: float,
    control: Control,
    sweeps: int = 512,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """A diagonal d that makes ``J + diag(d)`` nearly semidefinite at nearly the least cost.

    Nothing is certain about it before ``sdp.positive`` has enlarged it.

    Arguments:
        linear: h, shape ``(w,)``; the largest number of the problem should be about 1.
        couplings: J, symmetric with a zero diagonal, shape ``(w, w)``.
        tolerance: stop when what enlarging costs is below this.
        control: stop when it is late.
        sweeps: over all variables, at most.
        seed: of the first vectors.

    Returns:
        d and the mean of the relaxation's solution, both of shape ``(w,)``.
    """
    cost = lifted(linear, couplings)
    cost[np.diag_indices(len(cost))] = 0.0
    size = len(cost)
    rank = int(np.ceil(np.sqrt(2 * size))) + 1
    vectors = np.random.default_rng(seed).standard_normal((size, rank))
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    done, look = 0, _FIRST if size <= _EASY else 4 * _FIRST
    while done < sweeps and not control.late:
        for _ in range(min(look, sweeps) - done):
            done += 1
            if control.late:
                break
            _sweep(cost, vectors)
        look *= 2
        dual = np.linalg.norm(cost @ vectors, axis=1)
        if done < sweeps and _excess(cost, dual) * dual.sum() < tolerance:
            break
    dual = np.linalg.norm(cost @ vectors, axis=1)
    mean = 0.5 * (1 + np.clip(vectors[1:] @ vectors[0], -1.0, 1.0))
    return 8 * dual[1:], mean


def _sweep(cost: Floats, vectors: Floats) -> None:
    for row, vector in zip(cost, vectors, strict=True):
        field = row @ vectors
        length = float(np.sqrt(field @ field))
        if length > 0.0:
            np.divide(field, -length, out=vector)


def _excess(cost: Floats, dual: Floats) -> float:
    """By which share of itself the dual must grow to be feasible."""
    safe = np.maximum(dual, 1e-16)
    smallest = float(np.linalg.eigvalsh(scaled(cost, 1 / np.sqrt(safe)))[0])
    return max(0.0, -smallest)
