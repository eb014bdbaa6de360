"""Refiners that break the contract in one way each; the kit is run on them by ``test_kit``.

``EXPECTED`` on each names a test that must fail. The honest ones must pass them all.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from secateur.options import option
from secateur.refine import Refiner, swap_proposals
from secateur.testing import RefinerConformance


@dataclass(frozen=True)
class Honest(Refiner):
    """Random swaps, the best of a batch."""

    name: ClassVar[str] = "honest"

    evaluations: int = option(40, "budget, in evaluations of the whole split", least=1)
    batch: int = option(8, "swaps raced together", least=1)

    def proposals(self, state, rng):
        return swap_proposals(state.problem, state.bits, self.batch, rng, reach=None)

    def search(self, state, seed):
        rng, fruitless = np.random.default_rng(seed), 0
        while state.affords(state.metric.quick_cost) and fruitless < 20:
            fresh = state.fresh((row, "swap") for row in self.proposals(state, rng))
            fruitless = 0 if fresh else fruitless + 1
            state.race(fresh, 2)


class Stranger:
    """No class of ours, and honest."""

    evaluations = 40

    def search(self, state, seed):
        Honest().search(state, seed)


def honest_function(state, seed, *, batch: int = 8, evaluations: int = 40):
    """A function, and honest."""
    Honest(batch=batch).search(state, seed)


class DoesNothing(Honest):
    EXPECTED = "improves"

    def search(self, state, seed):
        return


class Overspends(Honest):
    EXPECTED = "keeps_its_budget"

    def search(self, state, seed):
        super().search(state, seed)
        rng = np.random.default_rng(seed)
        for row in swap_proposals(state.problem, state.bits, 100, rng, reach=None):
            if state.problem.feasible(row)[0]:
                state.metric.full(row)


class HidesWhatItSpends(Overspends):
    """Overspends, and turns back the counter."""

    EXPECTED = "keeps_its_budget"

    def search(self, state, seed):
        super().search(state, seed)
        state.metric.spent = 0.0


class GivesItselfMore(Honest):
    EXPECTED = "keeps_its_budget"

    def search(self, state, seed):
        state.budget += 5
        super().search(state, seed)


class PrunesOneMore(Honest):
    EXPECTED = "count_and_limits"

    def search(self, state, seed):
        super().search(state, seed)
        zeros = np.flatnonzero(state.bits == 0)
        state.bits = state.bits.copy()
        state.bits[zeros[:1]] = 1


class BreaksTheLimit(Honest):
    """Keeps the count, and moves every one to the front."""

    EXPECTED = "count_and_limits"

    def search(self, state, seed):
        super().search(state, seed)
        state.bits = np.sort(state.bits)[::-1].copy()


class EvaluatesWhatIsNotFeasible(Honest):
    EXPECTED = "improves|count_and_limits"

    def search(self, state, seed):
        if state.affords(1.0):
            state.metric.full(1 - state.bits)
        super().search(state, seed)


class LeavesTheWorst(Honest):
    """Says that it is good."""

    EXPECTED = "never_worse"

    def search(self, state, seed):
        rng = np.random.default_rng(seed)
        rows = [bits for bits, _ in state.fresh((r, "") for r in self.proposals(state, rng))]
        if rows:
            state.bits, state.value = rows[0], 1e9


class LiesInItsHistory(Honest):
    EXPECTED = "improves|told"

    def search(self, state, seed):
        super().search(state, seed)
        state.history.append((state.spent, 1e9))


class SpoilsItsHistory(Honest):
    EXPECTED = "stored"

    def search(self, state, seed):
        super().search(state, seed)
        state.history = None


class LeavesNoMask(Honest):
    EXPECTED = "count_and_limits"

    def search(self, state, seed):
        state.bits = state.bits * 0.5


class Raises(Honest):
    EXPECTED = "improves"

    def search(self, state, seed):
        raise ZeroDivisionError("inside")


class Exits(Honest):
    EXPECTED = "improves"

    def search(self, state, seed):
        sys.exit(0)


class FailsOnNothing(Honest):
    """Takes the first of a list that may be empty."""

    EXPECTED = "degenerate"

    def proposals(self, state, rng):
        return [swap_proposals(state.problem, state.bits, 4, rng, reach=None)[0]]


class NeverEnds(Honest):
    """Where nothing is left to try; stopped here after a while."""

    EXPECTED = "degenerate"

    def search(self, state, seed):
        rng, tries = np.random.default_rng(seed), 0
        while state.affords(state.metric.quick_cost):
            state.race(state.fresh((row, "swap") for row in self.proposals(state, rng)), 2)
            tries += 1
            if tries > 2000:
                raise TimeoutError("for ever")


class IgnoresItsSeed(Honest):
    EXPECTED = "seed_decides"

    def search(self, state, seed):
        super().search(state, int(np.random.default_rng().integers(2**31)))


class UsesTheGlobalSeed(Honest):
    EXPECTED = "nothing_else_is_changed"

    def search(self, state, seed):
        np.random.seed(seed)
        random.seed(seed)
        super().search(state, seed)


class TellsNoSource(Honest):
    """Sets the mask by hand."""

    EXPECTED = "improvements_are_told"

    def search(self, state, seed):
        rng = np.random.default_rng(seed)
        best = state.value
        for row in self.proposals(state, rng):
            if state.affords(1.0) and state.problem.feasible(row)[0]:
                value = state.metric.full(row)
                if value > best:
                    state.bits, best = row, value


class TakesTheMetricForPositive(Honest):
    """Stops where the metric is not above zero."""

    EXPECTED = "improves"

    def search(self, state, seed):
        if state.value > 0:
            super().search(state, seed)


@dataclass(frozen=True)
class NoText(Honest):
    EXPECTED = "options_are_documented"

    batch: int = 8


@dataclass(frozen=True)
class CannotBeStored(Honest):
    EXPECTED = "options_can_be_stored"

    def public(self):
        return super().public() | {"this": object()}


class CitesProse(Honest):
    EXPECTED = "can_be_cited"
    citation: ClassVar[str] = "Somebody et al."


def _all(kind):
    for one in kind.__subclasses__():
        yield one
        yield from _all(one)


BAD = [one for one in dict.fromkeys(_all(Honest)) if "EXPECTED" in vars(one)]


def _kit(refiner, name):
    return type(
        f"Test{name}",
        (RefinerConformance,),
        {
            "refiner": pytest.fixture(lambda self: refiner),
            "expected": getattr(refiner, "EXPECTED", ""),
            "__module__": __name__,
        },
    )


globals().update({f"Test{one.__name__}": _kit(one, one.__name__) for one in (Honest, *BAD)})
TestHonestStranger = _kit(Stranger(), "HonestStranger")
TestHonestClass = _kit(Stranger, "HonestClass")
TestHonestFunction = _kit(honest_function, "HonestFunction")
