"""Backends that break the contract in one way each; the kit is run on them by ``test_kit``.

``EXPECTED`` on each names a test that must fail. The honest one must pass them all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import dimod
import numpy as np
import pytest

from secateur.backends import (
    Availability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    option,
)
from secateur.backends import call as call_module
from secateur.testing import BackendConformance, brute_force


@pytest.fixture(autouse=True)
def _a_hang_is_told_sooner(monkeypatch):
    monkeypatch.setattr(call_module, "GRACE", 0.5)


@dataclass(frozen=True)
class Options(BackendOptions):
    reads: int = option(50, "random starts", least=1)
    seed: int | None = option(None, "random seed", least=0)
    time_limit: float | None = option(None, "stop after so long", least=0.0, unit="s")


class Honest(Backend):
    name = "honest"
    capabilities = Capabilities(stochastic=True, takes_seed=True, takes_time_limit=True)
    Options = Options

    def bits(self, problem, options):
        bits = np.random.default_rng(options.seed).integers(0, 2, (options.reads, problem.n))
        noise = 1e-12 * (np.abs(problem.linear).sum() + np.abs(problem.couplings).sum())
        while True:
            change = (1 - 2 * bits) * (problem.linear + bits @ problem.couplings)
            rows = np.flatnonzero(change.min(axis=1, initial=0.0) < -noise)
            if not len(rows):
                return bits
            bits[rows, change[rows].argmin(axis=1)] ^= 1

    def solve(self, problem, options):
        started = time.monotonic()
        bits = self.bits(problem, options)
        took = time.monotonic() - started
        return Solution.from_bits(problem, bits, options, took, versions={"numpy": np.__version__})


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


class FailsOnNothing(Honest):
    """Takes the least of a list that is empty."""

    EXPECTED = "degenerate"

    def bits(self, problem, options):
        assert problem.linear.min() < np.inf
        return super().bits(problem, options)


class TakesMoreThanItSays(Honest):
    EXPECTED = "test_size"
    capabilities = replace(Honest.capabilities, max_variables=60)

    def applicability(self, problem, options=None):
        return replace(super().applicability(problem, options), applicable=True)


@dataclass(frozen=True)
class TokenOptions(Options):
    token: str | None = option(None, "of the service", secret=True)

    def public(self):
        return super().public() | {"token": self.token}


class ShowsItsToken(Honest):
    EXPECTED = "no_secret_is_shown"
    Options = TokenOptions


class NotInstalled(Honest):
    EXPECTED = "can_be_used_here"

    @classmethod
    def availability(cls):
        return Availability(False, detail="gone")


def _all(kind):
    for one in kind.__subclasses__():
        yield one
        yield from _all(one)


def _kit(backend):
    return type(
        f"Test{backend.__name__}",
        (BackendConformance,),
        {
            "backend": pytest.fixture(lambda self: backend),
            "expected": getattr(backend, "EXPECTED", ""),
            "__module__": __name__,
        },
    )


BAD = [one for one in dict.fromkeys(_all(Honest)) if hasattr(one, "EXPECTED")]
globals().update({f"Test{one.__name__}": _kit(one) for one in (Honest, *BAD)})
