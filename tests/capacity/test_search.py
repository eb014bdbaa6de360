"""The capacity search over real and planted backends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from secateur.capacity import solve_exactly

from secateur.backends import (
    Backend,
    BackendOptions,
    Capabilities,
    Problem,
    Solution,
    Status,
    Stopped,
    Timings,
    option,
)
from secateur.errors import BackendMisbehaved, BackendNotFound, SecateurError
from secateur.network import find_channels, keep_one_each
from secateur.qubo import fisher_qubo, hybrid_qubo
from secateur.statistics import collect_statistics
from tests.capacity.test_exchange import brute_force, random_problem
from tests.nets import Residual, classification, seeded


def everything(problem: Problem) -> np.ndarray:
    n = problem.n
    return ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.int8)


def solution(problem: Problem, bits: np.ndarray, *, exact: bool = False, **more) -> Solution:
    energies = problem.energies(bits)
    samples = dimod.SampleSet.from_samples(
        (bits, list(problem.variables)), vartype="BINARY", energy=energies
    )
    return Solution(
        samples,
        Status.OPTIMAL if exact else Status.FEASIBLE,
        Stopped.COMPLETED,
        Timings(0.0),
        bound=float(energies.min()) if exact else None,
        **more,
    )


class Proven(Backend):
    """Exact by enumeration; knows no count."""

    name = "proven"
    capabilities = Capabilities(max_variables=14, exact=True)
    calls: ClassVar[int] = 0

    def solve(self, problem, options):
        type(self).calls += 1
        assert problem.ones is None
        assert problem.limits == ()
        bits = everything(problem)
        return solution(problem, bits[[np.argmin(problem.energies(bits))]], exact=True)


class Native(Proven):
    """Exact, takes the count, does not take the limits."""

    name = "native"
    capabilities = Capabilities(max_variables=14, exact=True, native_cardinality=True)

    def solve(self, problem, options):
        assert problem.limits == ()
        bits = everything(problem)
        bits = bits[bits.sum(1) == problem.ones]
        return solution(problem, bits[[np.argmin(problem.energies(bits))]], exact=True)


@dataclass(frozen=True)
class NoisyOptions(BackendOptions):
    seed: int | None = option(None, "random seed", least=0)


class Noisy(Backend):
    """Random answers, as a bad heuristic gives."""

    name = "noisy"
    capabilities = Capabilities(stochastic=True, takes_seed=True)
    Options = NoisyOptions

    def solve(self, problem, options):
        rng = np.random.default_rng(options.seed)
        bits = rng.integers(0, 2, size=(3, problem.n)).astype(np.int8)
        return solution(problem, bits, seed=options.seed)


class OffByOne(Native):
    name = "off-by-one"

    def solve(self, problem, options):
        bits = np.zeros((1, problem.n), dtype=np.int8)
        bits[0, : problem.ones + 1] = 1
        return solution(problem, bits)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 9),
    ones=st.integers(0, 9),
    seed=st.integers(0, 10**6),
    limits=st.booleans(),
    backend=st.sampled_from([Proven, Native, Noisy, "greedy"]),
)
def test_any_backend_gives_exactly_the_count(n, ones, seed, limits, backend):
    problem = random_problem(max(n, 4), min(ones, max(n, 4)), seed, limits=limits)
    found = solve_exactly(problem, backend, seed=1)
    assert found.count == problem.ones
    assert problem.feasible(found.bits)[0]
    sample = dict(zip(found.labels, found.bits.tolist(), strict=True))
    assert found.energy == pytest.approx(problem.bqm.energy(sample), abs=1e-9)
    best = brute_force(problem)
    assert found.energy >= best - 1e-9
    if found.bound is not None:
        assert found.bound <= best + 1e-9
    if found.status is Status.OPTIMAL:
        assert found.energy == pytest.approx(best, abs=1e-6)


def test_native_cardinality_is_one_call_and_proven():
    problem = random_problem(10, 4, 3)
    found = solve_exactly(problem, Native)
    assert found.calls == 1
    assert found.status is Status.OPTIMAL
    assert found.energy == pytest.approx(brute_force(problem))
    assert found.provenance["method"] == "native cardinality"


def test_the_dual_bound_closes_where_the_count_is_on_the_hull():
    """Non-negative couplings reach nearly every count; there the offset search proves itself."""
    proven = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        upper = np.triu(rng.uniform(0, 0.3, (10, 10)), 1) + np.diag(rng.lognormal(size=10))
        problem = Problem(dimod.BinaryQuadraticModel(upper, "BINARY"), 4)
        found = solve_exactly(problem, Proven)
        proven += found.status is Status.OPTIMAL
        assert found.energy == pytest.approx(brute_force(problem), abs=1e-9)
    assert proven >= 9


def test_counts_off_the_hull_are_reached_too():
    """Signed couplings: an offset alone cannot reach these; the moves close the gap."""
    reached, off_hull = 0, 0
    for seed in range(20):
        problem = random_problem(8, 3, seed)
        found = solve_exactly(problem, Proven)
        off_hull += all(count != 3 for _, count in found.provenance["offsets"])
        reached += found.count == 3
    assert off_hull > 0
    assert reached == 20


@pytest.mark.parametrize("objective", [hybrid_qubo, fisher_qubo])
def test_every_count_of_a_small_network(objective):
    network, task = seeded(Residual, 4), classification(24, 8)
    channels = find_channels(network, task.calibration[0][0])
    bqm = objective(collect_statistics(network, task, channels, probes=8))
    for count in range(len(channels) + 1):
        free = solve_exactly(Problem(bqm, count), "annealing", options={"reads": 2, "sweeps": 50})
        assert free.count == count
        if count <= channels.most:
            limited = solve_exactly(
                Problem(bqm, count, keep_one_each(channels)),
                "annealing",
                options={"reads": 2, "sweeps": 50},
            )
            assert limited.count == count
            assert all((limited.bits[g.slice] == 0).any() for g in channels.groups)


def test_the_same_seed_gives_the_same_selection():
    problem = random_problem(40, 15, 0)
    one, same = (solve_exactly(problem, "annealing", seed=5) for _ in range(2))
    assert np.array_equal(one.bits, same.bits)
    assert one.seed == 5


def test_a_wrong_count_from_a_native_backend_is_named():
    with pytest.raises(BackendMisbehaved, match=r"'off-by-one'.*5 ones where exactly 4"):
        solve_exactly(random_problem(10, 4, 0), OffByOne)


def test_an_unknown_backend_names_the_nearest():
    with pytest.raises(BackendNotFound, match="there is no backend 'anealing'") as caught:
        solve_exactly(random_problem(5, 2, 0), "anealing")
    assert "did you mean 'annealing'?" in str(caught.value)


def test_a_problem_without_a_count_is_refused():
    problem = Problem(dimod.BinaryQuadraticModel({"a": 1.0}, {}, "BINARY"))
    with pytest.raises(SecateurError, match="no count"):
        solve_exactly(problem)


def test_ctrl_c_passes_through():
    class Interrupted(Proven):
        name = "interrupted"

        def solve(self, problem, options):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        solve_exactly(random_problem(5, 2, 0), Interrupted)
