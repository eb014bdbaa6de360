"""Where the angles get their value and the answer its samples: the exact state, or measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from secateur.problem import Problem
from secateur_backends.qaoa_ansatz import Ansatz, Floats
from secateur_backends.qaoa_optimize import cvar
from secateur_backends.qaoa_samplers import Measured
from secateur_backends.qaoa_simulation import Simulation
from secateur_backends.qaoa_watch import Watch


@dataclass
class Answer:
    """What was measured.

    Arguments:
        bits: distinct vectors, shape ``(rows, n)``.
        counts: how often each was measured; 0 for one seen only at other angles.
        about: for ``Solution.raw``.
    """

    bits: NDArray[np.int8]
    counts: NDArray[np.int64]
    about: dict[str, Any]


class Engine(Protocol):
    """Both kinds."""

    def value(self, angles: Floats) -> float:
        """What is minimised over the angles, in units of the ansatz's scale."""

    def answer(self, angles: Floats) -> Answer:
        """The samples of the best angles."""

    def close(self) -> None:
        """End what was opened, however the search ended."""


class ExactEngine:
    """Values from the exact probabilities; the answer is drawn from them, ``shots`` times."""

    def __init__(
        self, ansatz: Ansatz, *, alpha: float, shots: int, random: np.random.Generator, watch: Watch
    ) -> None:
        self._simulation = Simulation(ansatz, watch.check)
        self._costs = (self._simulation.energies - ansatz.ising.offset) / ansatz.scale
        self._alpha, self._shots, self._random = alpha, shots, random
        self._watch = watch
        self._least = np.inf
        self._kept: Floats | None = None

    def value(self, angles: Floats) -> float:
        """CVaR of the exact distribution."""
        probability = self._simulation.probabilities(angles)
        found = cvar(self._costs, probability, self._alpha)
        if self._kept is None or found < self._least:
            self._least, self._kept = found, probability
        return found

    def answer(self, angles: Floats) -> Answer:
        """A draw from the distribution of the best value: no further evaluation, so no time."""
        probability = self._kept
        assert probability is not None
        bits, counts = self._simulation.draw(probability, self._shots, self._random)
        least = self._simulation.energies[0]
        best = self._simulation.energies <= least + 1e-9 * max(1.0, abs(float(least)))
        about = {
            "measured": int(counts.sum()),
            "discarded": 0,
            "cut": self._watch.cut,
            "probability_of_optimum": float(probability[best].sum()),
        }
        return Answer(bits, counts, about)

    def close(self) -> None:
        """Nothing was opened."""


class MeasuredEngine:
    """Values from measurements; the answer is the measurement that gave the best one.

    With a wanted count, vectors that have another one come from noise: they are discarded, and
    counted. The best vector of all measurements is never lost.
    """

    def __init__(self, problem: Problem, ansatz: Ansatz, measured: Measured, *, alpha: float):
        self._problem, self._ansatz, self._measured, self._alpha = problem, ansatz, measured, alpha
        self._least = np.inf
        self._kept: tuple[NDArray[np.int8], NDArray[np.int64]] | None = None
        self._record: tuple[float, NDArray[np.int8]] | None = None
        self._total = self._discarded = 0
        # no energy is higher: the value of a measurement of which nothing is left
        ising = ansatz.ising
        self._worst = float(np.abs(ising.h).sum() + np.abs(ising.J).sum()) / ansatz.scale

    def value(self, angles: Floats) -> float:
        """CVaR of a measurement."""
        bits, counts = self._measured.run(angles)
        self._total += int(counts.sum())
        if self._ansatz.ones is not None:
            fits = bits.sum(axis=1, dtype=np.int64) == self._ansatz.ones
            self._discarded += int(counts[~fits].sum())
            bits, counts = bits[fits], counts[fits]
        if len(bits) == 0:
            return self._worst
        energies = self._problem.energies(bits)
        order = np.argsort(energies, kind="stable")
        bits, counts, energies = bits[order], counts[order], energies[order]
        costs = (energies - self._ansatz.ising.offset) / self._ansatz.scale
        found = cvar(costs, counts, self._alpha)
        if found < self._least:
            self._least, self._kept = found, (bits, counts)
        if self._record is None or energies[0] < self._record[0]:
            self._record = (float(energies[0]), bits[0])
        return found

    def answer(self, angles: Floats) -> Answer:
        """The measurement of the best value, and the best vector of all."""
        about: dict[str, Any] = {
            "measured": self._total,
            "discarded": self._discarded,
        } | self._measured.about()
        if self._kept is None or self._record is None:
            return Answer(np.zeros((0, self._ansatz.n), np.int8), np.zeros(0, np.int64), about)
        bits, counts = self._kept
        if not (bits == self._record[1]).all(axis=1).any():
            bits, counts = np.vstack([self._record[1], bits]), np.concatenate([[0], counts])
        return Answer(bits, counts.astype(np.int64), about)

    def close(self) -> None:
        """Close a session, if one is open."""
        self._measured.close()
