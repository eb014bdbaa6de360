"""What QAOA prepares and evolves, apart from who computes it: our simulation, Qiskit or a device.

The state is ``Π_l exp(-iβ_l M) exp(-iγ_l C) |start>`` with the normalised cost C. Both mixers M are
written with the start as (nearly) their ground state, so that small positive γ growing and β
shrinking is the adiabatic path towards *low* energies:

- ``x``: ``M = -Σ (sin θ_i X_i + cos θ_i Z_i)``, start ``Π RY(θ_i)|0>``. With θ = π/2 this is Farhi,
  Goldstone and Gutmann, "A Quantum Approximate Optimization Algorithm", arXiv:1411.4028 (2014);
  with other angles it is the warm start of Egger, Mareček and Woerner, "Warm-starting quantum
  optimization", Quantum 5, 479 (2021).
- ``xy``: ``M = -Σ (X_i X_j + Y_i Y_j)/2`` over a ring or over all pairs, applied pair by pair. It
  swaps a one and a zero, so the number of ones never changes: Hadfield et al., "From the Quantum
  Approximate Optimization Algorithm to a Quantum Alternating Operator Ansatz", Algorithms 12, 34
  (2019). The start is a Dicke state (every vector with K ones, equally) or one known vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.problem import Problem

Floats = NDArray[np.float64]

_CLIP = 0.25
"""How near to certain a warm start may be (ε of Egger et al.); at 0 the state could not move."""


@dataclass(frozen=True, eq=False)
class Ising:
    """``E = offset + Σ h_i Z_i + Σ J_ij Z_i Z_j``, with ``x = (1 - Z)/2``: Z = -1 where x = 1.

    Arguments:
        h: fields, shape ``(n,)``.
        row: first variables of the couplings.
        col: second variables.
        J: couplings.
        offset: the energy's constant.
    """

    h: Floats
    row: NDArray[np.intp]
    col: NDArray[np.intp]
    J: Floats
    offset: float

    @classmethod
    def of(cls, problem: Problem) -> Ising:
        """The Ising form of a QUBO; exact, with the offset."""
        row, col, bias = problem.quadratic
        n = problem.n
        touching = np.bincount(row, bias, n) + np.bincount(col, bias, n)
        return cls(
            h=-0.5 * problem.linear - 0.25 * touching,
            row=row.astype(np.intp),
            col=col.astype(np.intp),
            J=0.25 * bias,
            offset=float(problem.offset + 0.5 * problem.linear.sum() + 0.25 * bias.sum()),
        )

    def scale(self, fixed_count: bool) -> float:
        """The size of the field that a variable feels; the cost is divided by it.

        Then the best angles hardly depend on the size and the units of a problem (as for the
        Sherrington-Kirkpatrick model in Farhi et al., Quantum 6, 759 (2022)). With a fixed count,
        what is equal for all variables or pairs is a constant and does not count.
        """
        n = len(self.h)
        pairs = n * (n - 1) / 2
        h, total, square = self.h, self.J.sum(), float((self.J**2).sum())
        if fixed_count and n > 0:
            h = h - h.mean()
            square -= total**2 / pairs if pairs else 0.0
        size = np.sqrt(max(float((h**2).sum()) + square, 0.0) / max(n, 1))
        biggest = max(np.abs(self.h).max(initial=0.0), np.abs(self.J).max(initial=0.0))
        return float(size) if size > 1e-9 * biggest else max(float(biggest), 1.0)


@dataclass(frozen=True, eq=False)
class Ansatz:
    """One QAOA circuit without its angles.

    Arguments:
        ising: the cost.
        scale: what the cost is divided by in the circuit.
        reps: layers.
        mixer: "x" or "xy".
        theta: the start of "x", one angle a variable; π/2 is the equal superposition.
        ones: the count that "xy" keeps.
        basis: a known vector with ``ones`` ones to start "xy" from, instead of the Dicke state.
        pairs: what "xy" couples, in this order.
    """

    ising: Ising
    scale: float
    reps: int
    mixer: str
    theta: Floats
    ones: int | None
    basis: NDArray[np.int8] | None
    pairs: tuple[tuple[int, int], ...]

    @property
    def n(self) -> int:
        """The number of variables."""
        return len(self.ising.h)

    @property
    def pace(self) -> float:
        """What β is multiplied by in "xy": however many pairs a variable is in, it mixes alike."""
        return self.n / len(self.pairs) if len(self.pairs) > self.n else 1.0

    def ramp(self) -> Floats:
        """Angles to begin with, γ's then β's: a linear ramp.

        Sack and Serbyn, "Quantum annealing initialization of the quantum approximate optimization
        algorithm", Quantum 5, 491 (2021).
        """
        step = 0.75
        when = (np.arange(self.reps) + 0.5) / self.reps
        return np.concatenate([step * when, step * (1 - when)])


def make_ansatz(
    problem: Problem, *, reps: int, mixer: str, xy_pairs: str, warm_start: bool
) -> Ansatz:
    """The ansatz of a problem.

    Arguments:
        problem: with ``ones`` if the mixer is "xy".
        reps: layers.
        mixer: "x" or "xy".
        xy_pairs: "ring" or "complete".
        warm_start: use ``problem.start`` if it is given.
    """
    ising = Ising.of(problem)
    start = problem.start if warm_start and problem.start is not None else None
    if start is not None and len(start) == 0:
        start = None
    theta = np.full(problem.n, np.pi / 2)
    basis = None
    if start is not None and mixer == "x":
        share = np.clip(start.mean(axis=0, dtype=np.float64), _CLIP, 1 - _CLIP)
        theta = 2 * np.arcsin(np.sqrt(share))
    if start is not None and mixer == "xy":
        fitting = start[start.sum(axis=1, dtype=np.int64) == problem.count]
        if len(fitting):
            basis = fitting[int(np.argmin(problem.energies(fitting)))].astype(np.int8)
    return Ansatz(
        ising=ising,
        scale=ising.scale(mixer == "xy"),
        reps=reps,
        mixer=mixer,
        theta=theta,
        ones=problem.count if mixer == "xy" else None,
        basis=basis,
        pairs=_pairs(problem.n, xy_pairs) if mixer == "xy" else (),
    )


def _pairs(n: int, kind: str) -> tuple[tuple[int, int], ...]:
    """Pairs of the XY mixer; in a ring, those that can run at the same time follow each other."""
    if kind == "complete":
        return tuple((i, j) for i in range(n) for j in range(i + 1, n))
    even = [(i, i + 1) for i in range(0, n - 1, 2)]
    odd = [(i, i + 1) for i in range(1, n - 1, 2)]
    return tuple(even + odd + ([(0, n - 1)] if n > 2 else []))
