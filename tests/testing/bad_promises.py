"""Backends whose promises are not kept: seeds, counts, limits, proofs, times, sizes."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from secateur.backends import Availability, Solution, Status
from secateur.testing import brute_force
from tests.testing.honest import Honest, a_hang_is_told_sooner, bad_of, kits_of

__all__ = ["a_hang_is_told_sooner"]  # a fixture


class IgnoresItsSeed(Honest):
    EXPECTED = "test_seed"

    def bits(self, problem, options):
        return super().bits(problem, replace(options, seed=None))


class AlwaysTheSameSeed(Honest):
    EXPECTED = "test_seed"

    def bits(self, problem, options):
        return super().bits(problem, replace(options, seed=0))


class HidesItsSeed(Honest):
    EXPECTED = "test_seed"
    capabilities = replace(Honest.capabilities, takes_seed=False)


class CountsWrong(Honest):
    """Takes the count natively, and is off by ``off``."""

    EXPECTED = "test_count"
    capabilities = replace(Honest.capabilities, native=frozenset({"count"}))
    off = 1

    def bits(self, problem, options):
        if problem.count is None:
            return super().bits(problem, options)
        ones = min(max(problem.count + self.off, 0), problem.n)
        order = np.argsort(problem.linear)
        bits = np.zeros((1, problem.n), dtype=int)
        bits[0, order[:ones]] = 1
        return bits


class CountsOneLess(CountsWrong):
    off = -1


class HidesThatItCounts(CountsWrong):
    EXPECTED = "test_count"
    capabilities = Honest.capabilities
    off = 0


class BreaksLimits(Honest):
    EXPECTED = "test_limits"
    capabilities = replace(Honest.capabilities, native=frozenset({"limit"}))


class ProvesWhatIsNotSo(Honest):
    """Says optimal of a local optimum, with a bound to match."""

    EXPECTED = "bound_is_below|test_proof|finds_the_optimum"
    capabilities = replace(Honest.capabilities, exact=True)

    def solve(self, problem, options):
        solution = super().solve(problem, replace(options, reads=1, seed=3))
        best = float(solution.samples.record.energy.min())
        return replace(solution, status=Status.OPTIMAL, bound=best, options=options.public())


class ExactWithoutProof(Honest):
    EXPECTED = "test_proof"
    capabilities = replace(Honest.capabilities, exact=True)


class BoundTooHigh(Honest):
    """A bound between the optimum and what it holds, where it did not find the optimum."""

    EXPECTED = "bound_is_below"

    def solve(self, problem, options):
        solution = super().solve(problem, options)
        worst = solution.samples.record.energy.argmax()
        row = solution.samples.record.sample[worst : worst + 1]
        energy = float(problem.energies(row)[0])
        again = Solution.from_bits(problem, 1 - row, options, 0.001, versions={"x": "1"})
        return replace(again, bound=max(energy, float(again.samples.record.energy[0])))


class Hangs(Honest):
    EXPECTED = "test_time_limit"

    def bits(self, problem, options):
        if options.time_limit is not None:
            time.sleep(30)
        return super().bits(problem, options)


class IgnoresTheStart(Honest):
    """Declares that it starts from what it is given, and answers with the worst."""

    EXPECTED = "test_start"
    capabilities = replace(Honest.capabilities, takes_start=True)

    def bits(self, problem, options):
        bits = super().bits(problem, options)
        if problem.start is None or problem.n > 12:
            return bits
        worst = type(problem)(-1 * problem.bqm)
        return brute_force(worst)[1][None, :]


class ProvesWhatASwapBeats(Honest):
    """The first K variables, called optimal."""

    EXPECTED = "test_count"
    capabilities = replace(Honest.capabilities, exact=True, native=frozenset({"count"}))

    def solve(self, problem, options):
        bits = np.zeros((1, problem.n), dtype=int)
        bits[0, : problem.count or 0] = 1
        best = float(problem.energies(bits)[0])
        more = {"status": Status.OPTIMAL, "bound": best, "versions": {"x": "1"}}
        return Solution.from_bits(problem, bits, options, 0.001, **more)


class ProvesWithAGap(Honest):
    """A gap of 0.1 % is not zero, however small the energies are."""

    EXPECTED = "test_proof"
    capabilities = replace(Honest.capabilities, exact=True)

    def solve(self, problem, options):
        solution = super().solve(problem, options)
        best = float(solution.samples.record.energy.min())
        return replace(solution, status=Status.OPTIMAL, bound=best - 1e-3 * abs(best))


class LosesTheSmallBesideTheHuge(Honest):
    """Exact in single precision, and says so of more."""

    EXPECTED = "huge_bias"
    capabilities = replace(Honest.capabilities, exact=True)

    def solve(self, problem, options):
        states = np.arange(2**problem.n)[:, None] >> np.arange(problem.n)[None, :] & 1
        row, col, bias = problem.quadratic
        energies = states @ problem.linear.astype(np.float32)
        energies += (states[:, row] * states[:, col]) @ bias.astype(np.float32)
        bits = states[[int(energies.astype(np.float32).argmin())]]
        best = float(problem.energies(bits)[0])
        more = {"status": Status.OPTIMAL, "bound": best, "versions": {"x": "1"}}
        return Solution.from_bits(problem, bits, options, 0.001, **more)


class TakesMoreThanItSays(Honest):
    EXPECTED = "test_size"
    capabilities = replace(Honest.capabilities, max_variables=60)

    def applicability(self, problem, options=None):
        return replace(super().applicability(problem, options), applicable=True)


class NotInstalled(Honest):
    EXPECTED = "can_be_used_here"

    @classmethod
    def availability(cls):
        return Availability(False, detail="gone")


BAD = bad_of(__name__)
globals().update(kits_of(__name__, *BAD))
