"""Trains that approximate the Boltzmann weight of a problem, each around the best row so far."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import teneva
from numpy.typing import NDArray
from secateur.problem import Problem
from secateur_teneva import TenevaOptions, random_rows
from secateur_teneva.count import Rows, Train, best_rows

Floats = NDArray[np.float64]
WIDEST = 40.0
"""Exponents are kept within this: beyond it a weight is nothing, or drowns all others."""
ACCURACY = 1e-6
SAMPLE = 500
"""Random vectors, whose energies give the unit of the temperatures."""
KEPT = 3
"""Rank to which a train is cut before the next one begins there."""


class Trains:
    """Trains of one problem.

    Arguments:
        problem: with a count or without.
        options: of the backend.
        deadline: of the monotonic clock, after which no energy is computed; None: no limit.

    Attributes:
        ranks: of the trains that were made.
        evaluations: energies computed.
    """

    def __init__(self, problem: Problem, options: TenevaOptions, deadline: float | None) -> None:
        self.problem, self.options, self.deadline = problem, options, deadline
        self.ranks: list[int] = []
        self.evaluations = 0

    def late(self) -> bool:
        """Whether the time is over."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def read(self, start: Rows | None, rng: np.random.Generator) -> Rows:
        """The best rows of a run of trains over one random order of the variables.

        Arguments:
            start: rows to begin around; None, or none, for no such thing.
            rng: gives the order and the train to begin with.
        """
        n, problem = self.problem.n, self.problem
        known = random_rows(problem, SAMPLE, rng)
        energies = problem.energies(known)
        spread = float(energies.std())
        if not spread > 0:  # every vector that may be is as good
            return known[: self.options.beam]
        order = rng.permutation(n)
        place = np.argsort(order)
        train: Train = teneva.rand([2] * n, 2, seed=int(rng.integers(2**31)))
        best, lowest = known[:0], float(energies.min())
        if start is not None and len(start):
            best = start[[int(problem.energies(start).argmin())]]
            lowest = min(lowest, float(problem.energies(best)[0]))
        found = [best]
        for warmth in np.geomspace(self.options.hot, self.options.cold, self.options.trains):
            if self.late():
                break
            if len(best):
                train = _around(train, best[0][order])
            temperature = float(warmth) * spread
            train = self._cross(train, temperature, lowest, place)
            rows = best_rows(train, problem.count, self.options.beam)[:, place]
            found.append(rows)
            seen = problem.energies(rows)
            if float(seen.min()) < lowest or not len(best):
                best, lowest = rows[[int(seen.argmin())]], min(lowest, float(seen.min()))
        return np.vstack(found)

    def _cross(self, begin: Train, temperature: float, lowest: float, place: Any) -> Train:
        problem = self.problem
        price, count = self._price(temperature), problem.count or 0

        def weight(indices: Any) -> Floats | None:
            if self.late():
                return None
            bits = np.asarray(indices, dtype=np.int8)[:, place]
            self.evaluations += len(bits)
            energies = problem.energies(bits)
            # nothing for all that have the count: it moves the weight's bulk there
            energies += price * (bits.sum(axis=1, dtype=np.int64) - count)
            weights: Floats = np.exp(np.clip((lowest - energies) / temperature, -WIDEST, WIDEST))
            return weights

        train = teneva.cross(weight, begin, m=self.options.evaluations, e=1e-4, dr_max=2, info={})
        train = _unit(teneva.truncate(train, ACCURACY, self.options.rank))
        self.ranks.append(int(max(teneva.ranks(train))))
        return train

    def _price(self, temperature: float) -> float:
        """Of a one, so that about as many as are wanted are on at this temperature."""
        count, n = self.problem.count, self.problem.n
        if count is None or not 0 < count < n:
            return 0.0
        share = np.full(n, count / n)
        price = 0.0
        for _ in range(20):  # mean field: each variable in the mean of the others
            field = self.problem.linear + self.problem.couplings @ share
            low = -float(field.max()) - WIDEST * temperature
            high = -float(field.min()) + WIDEST * temperature
            for _ in range(60):
                price = 0.5 * (low + high)
                chance = 0.5 * (1.0 - np.tanh(0.5 * (field + price) / temperature))
                low, high = (low, price) if chance.sum() < count else (price, high)
            share = 0.5 * (share + chance)
        return price


def _unit(train: Train) -> Train:
    """The train over its norm."""
    norm = float(teneva.norm(train))
    return teneva.mul(train, 1.0 / norm) if norm > 0 and np.isfinite(norm) else train


def _around(train: Train, bits: Rows) -> Train:
    """A train of a low rank that has a peak at a vector: where cross approximation begins."""
    peak = teneva.delta([2] * len(bits), bits.astype(int), 1.0)
    return teneva.truncate(teneva.add(_unit(teneva.truncate(train, 1e-3, KEPT)), peak), 1e-12)
