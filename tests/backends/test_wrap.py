"""Strangers' solvers, wrapped: every way solves, and answers are understood or refused."""

from __future__ import annotations

import logging
from typing import ClassVar

import dimod
import numpy as np
import pytest
from dwave.samplers import TreeDecompositionSolver
from qiskit_optimization.algorithms import MinimumEigenOptimizer
from qiskit_optimization.minimum_eigensolvers import NumPyMinimumEigensolver

import secateur
from secateur.backends import Backend, Capabilities, Solution, Status, option, run, wrap
from secateur.backends.algorithm import quadratic_program
from secateur.errors import BackendFailed, BackendMisbehaved
from secateur.problem import at_most
from secateur.testing import BackendConformance, brute_force, random_problem
from tests.backends.wrapped import READS, Careless, as_one, by_keyword, exact_eigensolver

WAYS = {
    "a sampler's class": lambda: wrap(Careless, takes_seed=True),
    "with arguments": lambda: wrap(Careless, arguments={"claims": "spin"}, takes_seed=True),
    "an instance": lambda: wrap(Careless("spin"), takes_seed=True),
    "a composite": lambda: wrap(
        dimod.TruncateComposite(TreeDecompositionSolver(), 1), exact=True, max_variables=18
    ),
    "a function of problem and options": lambda: wrap(as_one, options={"reads": READS}),
    "a function with keywords": lambda: wrap(
        by_keyword, options={"reads": READS}, arguments={"penalty": 2.0}
    ),
    "a factory, lazily": lambda: wrap(exact_eigensolver, options={"levels": (int, READS)}),
    "a factory, at once": lambda: wrap(exact_eigensolver, exact=True, max_variables=12),
    "a factory with arguments": lambda: wrap(
        lambda claims: Careless(claims),
        arguments={"claims": "truth"},
        options={"num_reads": option(400, "rows", least=1)},
        takes_seed=True,
    ),
    "an algorithm": lambda: wrap(exact_eigensolver(), exact=True, max_variables=12),
    "an algorithm's class": lambda: wrap(
        MinimumEigenOptimizer,
        arguments={"min_eigen_solver": NumPyMinimumEigensolver()},
        native={"count", "limit"},
        exact=True,
        max_variables=12,
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_solves(way):
    problem = random_problem(5, 3, offset=2.0)
    backend = WAYS[way]()
    found = run(backend, problem)
    assert found.samples.first.energy == pytest.approx(brute_force(problem)[0])
    assert (found.status is Status.OPTIMAL) == backend.capabilities.exact
    exactly = random_problem(5, 3, ones=2)
    answer = secateur.solve(exactly, backend=backend)
    assert answer.count == 2
    assert answer.energy == pytest.approx(brute_force(exactly)[0])


def test_a_sampler_that_draws_from_the_global_states_repeats_its_seed():
    problem = random_problem(12, 1)
    backend = WAYS["a sampler's class"]()
    assert backend.capabilities == Capabilities(stochastic=True, takes_seed=True)

    def rows(seed):
        return run(backend, problem, seed=seed).samples.record.sample.tolist()

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)
    assert rows(None) != rows(None)
    assert run(backend, problem, seed=3).seed == 3


class TestSampler(BackendConformance):
    variables = 4
    options: ClassVar = {"num_reads": 200}

    @pytest.fixture
    def backend(self):
        return wrap(
            Careless,
            options={"num_reads": option(40, "rows", least=1, most=10_000)},
            takes_seed=True,
            requires=["dimod"],
        )


class TestFunction(BackendConformance):
    @pytest.fixture
    def backend(self):
        return wrap(as_one, options={"reads": READS}, max_variables=12)


class TestKeywords(BackendConformance):
    @pytest.fixture
    def backend(self):
        return wrap(
            by_keyword,
            options={"reads": READS},
            arguments={"penalty": 1.0},
            exact=True,
            max_variables=12,
        )


class TestAlgorithm(BackendConformance):
    @pytest.fixture
    def backend(self):
        made = {"min_eigen_solver": NumPyMinimumEigensolver()}
        return wrap(
            MinimumEigenOptimizer,
            arguments=made,
            native={"count", "limit"},
            exact=True,
            max_variables=9,
        )


class TestFactory(BackendConformance):
    options: ClassVar = {"levels": 2}

    @pytest.fixture
    def backend(self):
        return wrap(exact_eigensolver, options={"levels": READS}, requires="numpy", max_variables=9)


@pytest.mark.parametrize("claims", ["nan", "shifted"])
def test_wrong_energies_of_a_sampler_are_told_once_and_ours_are_kept(claims, caplog):
    problem = random_problem(6, 2)
    backend = wrap(Careless(claims), name="mine")
    with caplog.at_level(logging.WARNING, "secateur"):
        found = [run(backend, problem) for _ in range(3)]
    for one in found:
        bits = one.samples.record.sample
        order = [one.samples.variables.index(v) for v in problem.variables]
        assert one.samples.record.energy == pytest.approx(problem.energies(bits[:, order]))
    (said,) = caplog.messages
    assert said.startswith("backend 'mine' claims the energy")
    assert "ours are kept" in said


def test_right_energies_are_not_told(caplog):
    run(wrap(Careless("spin")), random_problem(6, 2, scale=1e6, offset=1e7))
    assert not caplog.messages


def test_a_backend_that_lies_of_its_own_is_still_an_error():
    class Liar(Backend):
        name = "liar"

        def solve(self, problem, options):
            from dataclasses import replace

            true = Solution.from_bits(problem, np.zeros((1, problem.n)), options, 0.1)
            shifted = true.samples.copy()
            shifted.record.energy[:] += 1.0
            return replace(true, samples=shifted)

    with pytest.raises(BackendMisbehaved, match="claims the energy"):
        run(Liar, random_problem(4, 0))


def test_more_that_a_sampler_says_is_kept():
    class Says(Careless):
        def sample(self, bqm, **more):
            rows = np.zeros((2, bqm.num_variables), dtype=np.int8)
            rows[1] = 1
            return dimod.SampleSet.from_samples_bqm(
                (rows, list(bqm.variables)),
                bqm,
                num_occurrences=[3, 4],
                chain_break_fraction=[0.5, 0.25],
                info={"problem_id": "x"},
            )

    found = run(wrap(Says), random_problem(3, 0)).samples
    assert found.info == {"problem_id": "x"}
    assert sorted(found.record.chain_break_fraction) == [0.25, 0.5]
    assert sorted(found.record.num_occurrences) == [3, 4]


def test_a_problem_without_variables_is_answered_without_a_call():
    def breaks(problem):
        raise RuntimeError("called")

    empty = secateur.Problem(dimod.BinaryQuadraticModel({}, {}, 2.5, "BINARY"))
    for exact in (False, True):
        found = run(wrap(breaks, exact=exact), empty)
        assert found.samples.first.energy == 2.5
        assert found.bound == (2.5 if exact else None)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([[0, 1]], "the shape (1, 2) for 3 variables"),
        ([[0, 1, 0.5]], "not all 0 or 1"),
        ("010", "a str"),
        (None, "None, as a function does that returns nothing"),
        ({"a": 1}, "a dict"),
        ([[0, 1], [0]], "a list whose parts differ in length"),
        (([0, 1, 0], -2.0), "a tuple whose parts differ in length"),
    ],
)
def test_an_answer_that_means_nothing_is_told(answer, said):
    with pytest.raises(BackendFailed) as caught:
        run(wrap(lambda problem: answer), random_problem(3, 0))
    assert "returned no bits" in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("answer", [[1, 0, 1], (1.0, 0.0, 1.0), [[True, False, True]]])
def test_one_row_is_an_answer(answer):
    found = run(wrap(lambda problem: answer), random_problem(3, 0))
    assert found.samples.record.sample.tolist() == [[1, 0, 1]]


def test_variables_that_are_not_the_problems_are_told():
    with pytest.raises(BackendFailed, match=r"returned no bits: 3 variables of 3; look at 'v0!?'"):
        run(wrap(Careless("nobody's")), random_problem(3, 0))


def test_the_quadratic_program_is_the_problem():
    limits = (at_most(1, ["v0", "v2"], name="few"),)
    problem = random_problem(4, 1, ones=2, offset=3.0, limits=limits)
    program = quadratic_program(problem)
    for number in range(16):
        bits = [number >> k & 1 for k in range(4)]
        row = np.array([bits])
        assert program.objective.evaluate(bits) == pytest.approx(problem.energies(row)[0])
        assert program.is_feasible(bits) == bool(problem.feasible(row)[0])


@pytest.mark.parametrize("answer", [[], np.zeros((0, 3))])
def test_no_row_is_no_solution(answer):
    found = run(wrap(lambda problem: answer), random_problem(3, 0))
    assert found.status is Status.NONE
    assert len(found.samples) == 0
