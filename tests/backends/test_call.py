"""No answer of a backend is taken on trust: what it changes, claims and proves is held to ours."""

from __future__ import annotations

from typing import Any

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import secateur
from secateur.backends import Backend, BackendOptions, Capabilities, Solution, Status, Stopped
from secateur.backends.call import run
from secateur.errors import BackendError, BackendFailed, BackendMisbehaved
from secateur.problem import Problem, at_most, count, linear
from secateur.testing import brute_force, random_problem

SCALES = (1e-12, 1e-6, 1.0, 1e6, 1e12)


class Claims(Backend):
    """Answers with given rows, status and bound."""

    name = "claims"
    capabilities = Capabilities(native=frozenset({"count", "limit", "linear"}), exact=True)

    def __init__(self, rows: Any, **said: Any) -> None:
        self.rows = np.atleast_2d(rows)
        self.said = said

    def touch(self, problem: Problem) -> None:
        """What a bad plugin does to what it was handed."""

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        self.touch(problem)
        return Solution.from_bits(problem, self.rows, options, 0.001, **self.said)


def proves(problem: Problem, bits: Any, below: float = 0.0) -> Solution:
    energy = float(problem.energies(bits)[0])
    return run(Claims(bits, status=Status.OPTIMAL, bound=energy - below), problem)


# -- what it was handed ----------------------------------------------------------------------------


class Scales(Claims):
    def touch(self, problem: Problem) -> None:
        problem.linear[:] *= 1e-9


class Writes(Claims):
    def touch(self, problem: Problem) -> None:
        for values in (problem.linear, *problem.quadratic, problem.couplings.data):
            values.flags.writeable = True


class WritesTheBase(Claims):
    def touch(self, problem: Problem) -> None:
        base = problem.linear
        while isinstance(base.base, np.ndarray):
            base = base.base
        base.flags.writeable = True


class WritesADemand(Claims):
    def touch(self, problem: Problem) -> None:
        problem.limits[0].allowed[:] = True


@pytest.mark.parametrize("kind", [Scales, Writes, WritesTheBase, WritesADemand])
def test_biases_and_demands_cannot_be_written_to(kind: type[Claims]) -> None:
    problem = random_problem(6, 0)
    problem = problem.with_constraints([at_most(2, problem.variables[:3])])
    before = problem.energies(np.ones(6))[0]
    with pytest.raises(BackendFailed, match=r"read-only|WRITEABLE"):
        run(kind(np.zeros(6, int)), problem)
    assert problem.energies(np.ones(6))[0] == before


class ChangesTheModel(Claims):
    def touch(self, problem: Problem) -> None:
        problem.bqm.scale(0.5)
        problem.bqm.offset = 77.0


class ReplacesTheBiases(Claims):
    def touch(self, problem: Problem) -> None:
        problem.linear = problem.linear * 0.0
        problem.quadratic = (*problem.quadratic[:2], problem.quadratic[2] * 0.0)
        problem.offset = 0.0


class ChangesTheBudget(Claims):
    def touch(self, problem: Problem) -> None:
        for constraint in problem.constraints:
            getattr(constraint, "coefficients", {}).clear()
        problem.index.clear()
        problem.demands = ()


def test_a_model_that_it_changes_is_its_own() -> None:
    problem = random_problem(6, 0, offset=2.0)
    model = problem.bqm.copy()
    found = run(ChangesTheModel(np.ones(6, int)), problem)
    assert problem.bqm == model
    assert found.samples.first.energy == pytest.approx(
        model.energy(dict.fromkeys(problem.variables, 1))
    )


def test_biases_that_it_replaces_are_told_by_the_energy() -> None:
    """It prints 0 and calls it optimal, as all biases that it left are 0."""
    problem = random_problem(6, 0, offset=2.0)
    zeros = ReplacesTheBiases(np.ones(6, int), status=Status.OPTIMAL, bound=0.0)
    with pytest.raises(BackendMisbehaved, match="claims the energy 0"):
        run(zeros, problem)


def test_demands_that_it_changes_are_its_own() -> None:
    free = random_problem(6, 0)
    budget = linear(dict.fromkeys(free.variables, 1.0), upper=2.0)
    problem = free.with_constraints([budget])
    with pytest.raises(BackendMisbehaved, match="where -inf to 2 is allowed"):
        run(ChangesTheBudget(np.ones(6, int)), problem)
    assert len(budget.coefficients) == 6
    assert problem.index[free.variables[3]] == 3
    assert not problem.feasible(np.ones(6))[0]


def test_the_answer_of_a_plugin_that_scales_is_never_printed() -> None:
    problem = random_problem(6, 0)
    with pytest.raises(BackendError):
        secateur.solve(problem, backend=Scales(np.zeros(6, int)))


# -- what it claims --------------------------------------------------------------------------------


def beaten(scale: float, ones: int | None) -> tuple[Problem, Any, Any]:
    """A problem, a vector that one flip (or swap) improves, and the optimum."""
    values = [3.0, -1.0, -2.0, 1.0]
    bqm = dimod.BinaryQuadraticModel(
        {k: scale * v for k, v in enumerate(values)}, {(0, 1): 0.1 * scale}, 0.0, "BINARY"
    )
    problem = Problem(bqm, () if ones is None else ones)
    return problem, (np.array([0, 1, 0, 1]) if ones else np.array([0, 1, 0, 0])), [0, 1, 1, 0]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("ones", [None, 2])
def test_an_optimum_that_a_descent_beats_is_a_lie(scale: float, ones: int | None) -> None:
    problem, bits, best = beaten(scale, ones)
    with pytest.raises(BackendMisbehaved, match="a descent from there finds"):
        proves(problem, bits)
    assert proves(problem, best).status is Status.OPTIMAL


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("ones", [None, 2])
def test_a_bound_above_what_a_descent_finds_is_a_lie(scale: float, ones: int | None) -> None:
    problem, bits, best = beaten(scale, ones)
    energy, lowest = (float(problem.energies(b)[0]) for b in (bits, best))
    with pytest.raises(BackendMisbehaved, match="a descent finds"):
        run(Claims(bits, bound=energy), problem)
    with pytest.raises(BackendMisbehaved, match="above its own sample's"):
        run(Claims(bits, bound=energy + 0.01 * scale), problem)
    assert run(Claims(bits, bound=lowest), problem).bound == lowest


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("ones", [None, 2])
def test_a_gap_is_not_called_optimal_however_small_the_energy(
    scale: float, ones: int | None
) -> None:
    problem, _, best = beaten(scale, ones)
    energy = abs(float(problem.energies(best)[0]))
    with pytest.raises(BackendMisbehaved, match="says optimal with the bound"):
        proves(problem, best, below=1e-3 * energy)
    assert proves(problem, best, below=1e-9 * energy).status is Status.OPTIMAL


def test_an_energy_near_zero_is_held_to_its_own_terms() -> None:
    """Large terms that are not in the answer are no excuse for a gap."""
    bqm = dimod.BinaryQuadraticModel({0: 1e-3, 1: 2e-3, 2: 100.0, 3: 100.0}, {}, 0.0, "BINARY")
    with pytest.raises(BackendMisbehaved, match="says optimal with the bound"):
        proves(Problem(bqm, 1), [1, 0, 0, 0], below=1e-6)
    assert proves(Problem(bqm, 1), [1, 0, 0, 0]).status is Status.OPTIMAL


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 9),
    st.integers(-12, 12),
    st.sampled_from([0.0, 1e-9, 1e-4, 0.5]),
    st.booleans(),
    st.booleans(),
)
def test_the_verdict_does_not_depend_on_the_scale(
    seed: int, n: int, exponent: int, gap: float, counted: bool, optimal: bool
) -> None:
    rng = np.random.default_rng(seed)
    plain = random_problem(n, seed)
    ones = int(rng.integers(0, n + 1))
    bits = brute_force(plain.with_constraints([count(ones)] if counted else []))[1]
    if not optimal:
        bits = rng.permutation(bits)
    # a power of two changes no digit
    scaled = random_problem(n, seed, scale=2.0 ** round(exponent / np.log10(2)))

    def verdict(problem: Problem) -> str:
        problem = problem.with_constraints([count(ones)] if counted else [])
        try:
            return str(proves(problem, bits, gap * abs(float(problem.energies(bits)[0]))).status)
        except BackendMisbehaved as error:
            return next(w for w in ("descent", "says optimal with the bound") if w in str(error))

    assert verdict(plain) == verdict(scaled)
    if optimal and gap <= 1e-9:
        assert verdict(plain) == "optimal"


def test_a_status_that_contradicts_itself() -> None:
    problem, _, best = beaten(1.0, None)
    energy = float(problem.energies(best)[0])
    for said, words in (
        ({"status": Status.OPTIMAL}, "with the bound None"),
        ({"status": Status.INFEASIBLE}, "infeasible and returned samples"),
        ({"bound": float("nan")}, "NaN"),
        (
            {"bound": energy, "status": Status.OPTIMAL, "stopped": Stopped.TIME_LIMIT},
            "stopped early",
        ),
    ):
        with pytest.raises(BackendMisbehaved, match=words):
            run(Claims(best, **said), problem)


def test_without_variables_there_is_one_answer() -> None:
    problem = Problem(dimod.BinaryQuadraticModel({}, {}, 2.5, "BINARY"))
    found = run(Claims(np.zeros((1, 0), int), status=Status.OPTIMAL, bound=2.5), problem)
    assert found.samples.first.energy == 2.5
