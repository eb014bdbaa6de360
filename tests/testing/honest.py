"""A backend that keeps the contract, and the kit run on one that may not."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest

from secateur.backends import Backend, BackendOptions, Capabilities, Solution, option
from secateur.backends import call as call_module
from secateur.testing import BackendConformance


@pytest.fixture(autouse=True)
def a_hang_is_told_sooner(monkeypatch):
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


def bad_of(module):
    """The backends of a module that break the contract, each by its ``EXPECTED``."""

    def below(kind):
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    found = dict.fromkeys(below(Honest))
    return [one for one in found if one.__module__ == module and hasattr(one, "EXPECTED")]


def kits_of(module, *backends):
    """The kit run on each of them: classes for pytest to collect in the module, by name."""
    return {
        f"Test{one.__name__}": type(
            f"Test{one.__name__}",
            (BackendConformance,),
            {
                "backend": pytest.fixture(lambda self, one=one: one),
                "expected": getattr(one, "EXPECTED", ""),
                "__module__": module,
            },
        )
        for one in backends
    }
