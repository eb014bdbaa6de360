"""Objectives that break the contract in one way each; the kit is run on them by ``test_kit``.

``EXPECTED`` on each names a test that must fail. The honest one must pass them all.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from secateur.objectives import Objective, Terms
from secateur.options import option
from secateur.testing import ObjectiveConformance


@dataclass(frozen=True)
class Honest(Objective):
    """Taylor scores, and the similarity of neighbours."""

    name: ClassVar[str] = "honest"

    weight: float = option(1.0, "of the scores", least=0.0)
    power: float = option(1.0, "of the scores", above=0)

    def score(self, statistics):
        return self.weight * statistics.taylor**self.power

    def terms(self, statistics):
        blocks = [np.ones((group.size, group.size)) for group in statistics.channels.groups]
        return Terms(statistics.channels, self.score(statistics), blocks)


class Returns(Honest):
    """Not a BQM."""

    EXPECTED = "makes_a_qubo"

    def terms(self, statistics):
        return dict(enumerate(self.score(statistics)))


class Spins(Honest):
    EXPECTED = "makes_a_qubo"

    def terms(self, statistics):
        return super().terms(statistics).bqm().change_vartype("SPIN")


class ForgetsAChannel(Honest):
    EXPECTED = "makes_a_qubo"

    def terms(self, statistics):
        bqm = super().terms(statistics).bqm()
        bqm.remove_variable(statistics.channels.labels[-1])
        return bqm


class AddsAVariable(Honest):
    EXPECTED = "makes_a_qubo"

    def terms(self, statistics):
        bqm = super().terms(statistics).bqm()
        bqm.add_linear("slack", 1.0)
        return bqm


class Infinite(Honest):
    EXPECTED = "makes_a_qubo"

    def terms(self, statistics):
        bqm = super().terms(statistics).bqm()
        bqm.add_linear(statistics.channels.labels[0], np.inf)
        return bqm


class DividesByZero(Honest):
    """NaN for the channel that is dead."""

    EXPECTED = "makes_a_qubo.*dead"

    def terms(self, statistics):
        with np.errstate(all="ignore"):
            linear = statistics.taylor / statistics.empirical_fisher
        return Terms(statistics.channels, self.weight * linear**self.power)


class WrongShape(Honest):
    EXPECTED = "makes_a_qubo"

    def terms(self, statistics):
        return Terms(statistics.channels, self.score(statistics)[:-1])


class CouplesTheWrongSize(Honest):
    EXPECTED = "makes_a_qubo"

    def terms(self, statistics):
        return Terms(statistics.channels, self.score(statistics), [np.ones((3, 3))])


class Exits(Honest):
    EXPECTED = "makes_a_qubo"

    def terms(self, statistics):
        sys.exit(0)


class StartsAbove(Honest):
    """Penalises something with a constant."""

    EXPECTED = "pruning_nothing"

    def terms(self, statistics):
        bqm = super().terms(statistics).bqm()
        bqm.offset += 1.0
        return bqm


class AnotherProblem(Honest):
    EXPECTED = "the_problem_is_the_qubo"

    def problem(self, statistics, demands=()):
        return Terms(statistics.channels, self.score(statistics)).problem(demands)


class Draws(Honest):
    EXPECTED = "the_same_each_time|nothing_else_is_changed"

    def score(self, statistics):
        return super().score(statistics) + np.random.rand(len(statistics.channels))


class DrawsByItself(Honest):
    EXPECTED = "the_same_each_time"

    def score(self, statistics):
        noise = np.random.default_rng().random(len(statistics.channels))
        return super().score(statistics) + noise


class ChangesTheStatistics(Honest):
    EXPECTED = "nothing_else_is_changed"

    def score(self, statistics):
        statistics.gate_gradients[:] *= 1.0 + 1e-12
        return super().score(statistics)


class ScalesTheGrams(Honest):
    EXPECTED = "nothing_else_is_changed"

    def terms(self, statistics):
        blocks = list(statistics.gram)
        for block in blocks:
            block *= 0.5
        return Terms(statistics.channels, self.score(statistics), blocks)


class HidesThatItNeedsProbes(Honest):
    EXPECTED = "needs_probes"

    def score(self, statistics):
        return self.weight * statistics.fisher_diagonal**self.power


class NeedsNoProbes(Honest):
    """Says that it needs them, and does not."""

    EXPECTED = "needs_probes"
    needs_probes: ClassVar[bool] = True


class Idle(Honest):
    EXPECTED = "each_option_does_something"

    def score(self, statistics):
        return statistics.taylor**self.power


@dataclass(frozen=True)
class Undocumented(Honest):
    EXPECTED = "options_are_documented"

    weight: float = 1.0


@dataclass(frozen=True)
class DefaultOutside(Honest):
    """A default that its own range refuses."""

    EXPECTED = "options_are_checked"

    weight: float = option(-1.0, "of the scores", least=0.0)


@dataclass(frozen=True)
class Unchecked(Honest):
    """Takes what it is given."""

    EXPECTED = "options_are_checked"

    power: object = option(1.0, "of the scores", above=0)

    def score(self, statistics):
        return self.weight * statistics.taylor ** float(self.power)


@dataclass(frozen=True)
class ShowsItsToken(Honest):
    EXPECTED = "no_secret_is_shown"

    token: str | None = option(None, "of a service", secret=True)

    def public(self):
        return super().public() | {"token": self.token}


class CitesProse(Honest):
    EXPECTED = "can_be_cited"
    citation: ClassVar[str] = "Somebody et al."


class Nameless(Honest):
    EXPECTED = "registered_under_its_name"
    name: ClassVar[str] = " spaced "


def honest_function(statistics, *, weight: float = 1.0):
    """A function, and honest."""
    return Terms(statistics.channels, weight * statistics.taylor).bqm()


def _all(kind):
    for one in kind.__subclasses__():
        yield one
        yield from _all(one)


BAD = [one for one in dict.fromkeys(_all(Honest)) if "EXPECTED" in vars(one)]


def _kit(objective, name):
    return type(
        f"Test{name}",
        (ObjectiveConformance,),
        {
            "objective": pytest.fixture(lambda self: objective),
            "expected": getattr(objective, "EXPECTED", ""),
            "__module__": __name__,
        },
    )


globals().update({f"Test{one.__name__}": _kit(one, one.__name__) for one in (Honest, *BAD)})
TestHonestFunction = _kit(honest_function, "HonestFunction")
