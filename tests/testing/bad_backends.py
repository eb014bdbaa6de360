"""Backends that break the contract in one way each; the kit is run on them by ``test_kit``.

``EXPECTED`` on each names a test that must fail. The honest one must pass them all. Here is what
they do to options, answers and problems; in ``bad_promises`` what they claim to be able to do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import dimod
import numpy as np

from secateur.backends import option
from tests.testing.honest import Honest, Options, a_hang_is_told_sooner, bad_of, kits_of

__all__ = ["a_hang_is_told_sooner"]  # a fixture


class AllZeros(Honest):
    EXPECTED = "finds_the_optimum"

    def bits(self, problem, options):
        return np.zeros((1, problem.n), dtype=int)


class DropsUnknownOptions(Honest):
    EXPECTED = "option_it_does_not_have"

    @classmethod
    def make_options(cls, given):
        known = {k: v for k, v in given.items() if k in ("reads", "seed", "time_limit")}
        return super().make_options(known)


class DropsItsOptions(Honest):
    EXPECTED = "options_used_are_in_the_answer"

    def solve(self, problem, options):
        return replace(super().solve(problem, options), options={})


class UsesTheGlobalSeed(Honest):
    EXPECTED = "nothing_else_is_changed"

    def bits(self, problem, options):
        np.random.seed(options.seed)
        return super().bits(problem, options)


class WrongOffsetSign(Honest):
    EXPECTED = "offset_is_in_the_energies"

    def solve(self, problem, options):
        solution = super().solve(problem, options)
        record = solution.samples.record
        samples = dimod.SampleSet.from_samples(
            (record.sample, list(solution.samples.variables)),
            "BINARY",
            record.energy - 2 * problem.bqm.offset,
            sort_labels=False,
        )
        return replace(solution, samples=samples)


class WrongEnergy(Honest):
    EXPECTED = "finds_the_optimum"
    change = 0.5

    def solve(self, problem, options):
        solution = super().solve(problem, options)
        solution.samples.record.energy[0] += self.change
        return solution


class NotANumber(WrongEnergy):
    change = float("nan")


class MissingVariable(Honest):
    EXPECTED = "any_label"

    def solve(self, problem, options):
        solution = super().solve(problem, options)
        kept = list(problem.variables)[:-1] or list(problem.variables)
        samples = dimod.SampleSet.from_samples(
            (solution.samples.record.sample[:, : len(kept)], kept),
            "BINARY",
            solution.samples.record.energy,
            sort_labels=False,
        )
        return replace(solution, samples=samples)


class SortsTheLabels(Honest):
    EXPECTED = "any_label"

    def solve(self, problem, options):
        solution = super().solve(problem, options)
        labels = sorted(problem.variables, key=str)
        samples = dimod.SampleSet.from_samples(
            (solution.samples.record.sample, labels),
            "BINARY",
            solution.samples.record.energy,
            sort_labels=False,
        )
        return replace(solution, samples=samples)


class TellsMilliseconds(Honest):
    EXPECTED = "times_are_in_seconds"

    def solve(self, problem, options):
        solution = super().solve(problem, options)
        times = replace(solution.timings, total=1000 * solution.timings.total + 10)
        return replace(solution, timings=times)


class ChangesTheProblem(Honest):
    EXPECTED = "nothing_else_is_changed"

    def solve(self, problem, options):
        solution = super().solve(problem, options)
        problem.bqm.offset += 1e-9
        return solution


class ScalesTheBiases(Honest):
    """Scales what it was handed, in place."""

    EXPECTED = "nothing_else_is_changed"

    def solve(self, problem, options):
        problem.linear[:] *= 0.1
        return super().solve(problem, options)


class MakesThemWriteable(Honest):
    EXPECTED = "nothing_else_is_changed"

    def solve(self, problem, options):
        for values in (problem.linear, *problem.quadratic):
            values.flags.writeable = True
            values *= 2
        return super().solve(problem, options)


class ChangesTheModelInPlace(Honest):
    EXPECTED = "nothing_else_is_changed"

    def solve(self, problem, options):
        solution = super().solve(problem, options)
        problem.bqm.scale(0.5)
        return solution


class FailsOnNothing(Honest):
    """Takes the least of a list that is empty."""

    EXPECTED = "degenerate"

    def bits(self, problem, options):
        assert problem.linear.min() < np.inf
        return super().bits(problem, options)


@dataclass(frozen=True)
class TokenOptions(Options):
    token: str | None = option(None, "of the service", secret=True)

    def public(self):
        return super().public() | {"token": self.token}


class ShowsItsToken(Honest):
    EXPECTED = "no_secret_is_shown"
    Options = TokenOptions


BAD = bad_of(__name__)
globals().update(kits_of(__name__, Honest, *BAD))
