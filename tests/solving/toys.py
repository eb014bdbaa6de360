"""Inner backends that look at every vector, and problems whose optimum is known at any size."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache, reduce
from itertools import product
from typing import Any, ClassVar

import dimod
import numpy as np

from secateur.backends import (
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
    option,
)
from secateur.problem import Problem


@cache
def all_bits(n: int) -> np.ndarray:
    bits = np.array(list(product((0, 1), repeat=n)), dtype=np.int8).reshape(2**n, n)
    bits.flags.writeable = False  # shared by all who ask
    return bits


@dataclass(frozen=True)
class ToyOptions(BackendOptions):
    effort: int = option(1, "ignored", least=1, most=9)
    token: str | None = option(None, "never shown", secret=True)


class Toy(Backend):
    """Looks at every vector of at most nine variables, and remembers what it was asked."""

    name: ClassVar[str] = "toy"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=9, native=frozenset({"count", "limit"}), exact=True
    )
    Options: ClassVar[type[BackendOptions]] = ToyOptions
    asked: ClassVar[list[Problem]] = []
    options: ClassVar[list[Any]] = []
    pause: ClassVar[float] = 0.0

    @staticmethod
    def forget() -> None:
        Toy.asked.clear()
        Toy.options.clear()
        Toy.pause = 0.0

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        Toy.asked.append(problem)
        Toy.options.append(options)
        time.sleep(Toy.pause)
        most = self.capabilities.max_variables
        assert most is not None
        assert problem.n <= most
        assert problem.kinds <= self.capabilities.native
        bits = all_bits(problem.n)
        bits = bits[problem.feasible(bits)]
        energies = problem.energies(bits)
        best = [int(np.argmin(energies))]
        samples = dimod.SampleSet.from_samples(
            (bits[best], list(problem.variables)), "BINARY", energy=energies[best]
        )
        return Solution(
            samples, Status.OPTIMAL, Stopped.COMPLETED, Timings(0.0), bound=float(energies.min())
        )


class PlainToy(Toy):
    """The same without constraints."""

    name: ClassVar[str] = "plain-toy"
    capabilities: ClassVar[Capabilities] = Capabilities(max_variables=9, exact=True)


class PaidToy(Toy):
    """The same for money."""

    name: ClassVar[str] = "paid-toy"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=9, native=frozenset({"count", "limit"}), exact=True, metered=True
    )


def blocks(n: int, size: int, seed: int, *, pruning: bool) -> tuple[Problem, list[np.ndarray]]:
    """A problem that falls into blocks, with its variables shuffled, and the blocks' positions.

    So its optimum is known at any n: block by block, by brute force.
    """
    random = np.random.default_rng(seed)
    matrix = np.zeros((n, n))
    order = random.permutation(n)
    parts = [order[i : i + size] for i in range(0, n, size)]
    for part in parts:
        block = random.normal(size=(len(part), len(part)))
        if pruning:  # importance, and a little redundancy
            block = 0.2 * np.abs(block) + np.diag(random.lognormal(size=len(part)))
        matrix[np.ix_(part, part)] = block
    bqm = dimod.BinaryQuadraticModel(matrix, "BINARY")
    labels = {i: f"layer.{i % 7}:{i}" for i in range(n)}
    return Problem(bqm.relabel_variables(labels, inplace=False)), parts


def optimum(problem: Problem, parts: list[np.ndarray]) -> float:
    """Per block and count by brute force; counts combined by dynamic programming."""
    curves = []
    for part in parts:
        bits = np.zeros((2 ** len(part), problem.n), dtype=np.int8)
        bits[:, part] = all_bits(len(part))
        energies, counts = problem.energies(bits), bits.sum(axis=1, dtype=np.int64)
        for limit in problem.limits:
            if set(limit.members) <= set(part):
                ones = bits[:, limit.members].sum(axis=1, dtype=np.int64)
                energies[(ones < limit.least) | (ones > limit.most)] = np.inf
        curves.append([energies[counts == k].min() for k in range(len(part) + 1)])

    def combine(left: list[float], right: list[float]) -> list[float]:
        total = np.full(len(left) + len(right) - 1, np.inf)
        for i, value in enumerate(left):
            total[i : i + len(right)] = np.minimum(
                total[i : i + len(right)], value + np.array(right)
            )
        return list(total)

    curve = reduce(combine, curves)
    return float(min(curve) if problem.count is None else curve[problem.count])


def rows_of(problem: Problem, solution: Solution) -> np.ndarray:
    samples = solution.samples
    columns = [samples.variables.index(variable) for variable in problem.variables]
    return np.asarray(samples.record.sample)[:, columns]


def best(solution: Solution) -> float:
    return float(solution.samples.first.energy)
