"""Strangers' solvers, wrapped where they are declared: promises, options, seeds, energies."""

from __future__ import annotations

import logging
import random
import sys
import threading
from dataclasses import dataclass
from typing import ClassVar

import dimod
import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler, TreeDecompositionSolver
from qiskit_optimization.algorithms import MinimumEigenOptimizer
from qiskit_optimization.minimum_eigensolvers import NumPyMinimumEigensolver

import secateur
from secateur.backends import (
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    load_backend,
    option,
    preserved_global_rng,
    run,
    wrap,
)
from secateur.backends.algorithm import quadratic_program
from secateur.backends.listing import describe_backends
from secateur.errors import BackendError, BackendFailed, BackendMisbehaved, BackendOptionError
from secateur.problem import at_most
from secateur.testing import BackendConformance, brute_force, random_problem
from tests.backends.test_registry import plugin
from tests.named import plainly

__all__ = ["plugin"]  # a fixture


class Careless(dimod.Sampler):
    """Draws from the global states, whatever it is told; claims what is wanted."""

    properties: ClassVar = {}
    parameters: ClassVar = {"num_reads": []}

    def __init__(self, claims="truth", address=None):
        self.claims = claims
        if address == "nowhere":
            raise OSError("no route")

    def sample(self, bqm, *, num_reads=400):
        rows = np.random.randint(0, 2, (num_reads, bqm.num_variables))
        rows[0] ^= random.getrandbits(1)
        greedy = dimod.SampleSet.from_samples_bqm((rows, list(bqm.variables)), bqm)
        if self.claims == "spin":
            greedy = greedy.change_vartype("SPIN", inplace=False)
        if self.claims == "nan":
            greedy.record.energy[:] = np.nan
        if self.claims == "shifted":
            greedy.record.energy[:] += 1.0
        if self.claims == "nobody's":
            greedy = greedy.relabel_variables({v: f"{v}!" for v in bqm.variables}, inplace=False)
        bqm.scale(0.0)  # a problem of its own
        return greedy


def as_one(problem, options):
    """All states, best first."""
    assert isinstance(options, BackendOptions)
    states = np.arange(2**problem.n)[:, None] >> np.arange(problem.n)[None, :] & 1
    return states[np.argsort(problem.energies(states))][: options.reads]


def by_keyword(problem, *, reads=3, penalty=1.0):
    """The same."""
    states = np.arange(2**problem.n)[:, None] >> np.arange(problem.n)[None, :] & 1
    return states[np.argsort(problem.energies(states))][:reads]


READS = option(5, "rows", least=1, most=1000)
REQUIRED = {"requires": ["dimod", "numpy"]}


def exact_eigensolver(*, levels: int = 1):
    assert levels >= 1
    return MinimumEigenOptimizer(NumPyMinimumEigensolver())


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


def states():
    torch = sys.modules.get("torch")
    own = torch.random.get_rng_state().tolist() if torch else None
    return random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2], own


@pytest.mark.parametrize("seed", [None, 0, 7, 2**31 - 1])
def test_the_global_random_states_come_back(seed):
    before = states()
    drawn = []
    for _ in range(2):
        with preserved_global_rng(seed) as used:
            drawn.append((random.random(), np.random.random()))
        assert used == (used if seed is None else seed)
        assert states() == before
    assert (drawn[0] == drawn[1]) == (seed is not None)
    with pytest.raises(ZeroDivisionError), preserved_global_rng(1):
        random.seed(5 + np.random.randint(5) // 0)
    assert states() == before


def test_one_within_another_brings_back_the_outer_ones():
    with preserved_global_rng(1):
        wanted = [random.random(), np.random.random(), random.random(), np.random.random()]
    before = states()
    with preserved_global_rng(1):
        drawn = [random.random(), np.random.random()]
        with preserved_global_rng(2):
            assert random.random() not in wanted
            np.random.random(5)
        drawn += [random.random(), np.random.random()]
    assert drawn == wanted
    assert states() == before


@pytest.mark.parametrize("first_out", [0, 1])
def test_of_two_threads_the_last_to_leave_brings_back_what_the_first_found(first_out):
    before = states()
    enter, leave = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def work(which):
        with preserved_global_rng(which):
            random.random()
            np.random.random()
            enter[which].set()
            assert leave[which].wait(20)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(2)]
    for which in range(2):
        threads[which].start()
        assert enter[which].wait(20)
    for which in (first_out, 1 - first_out):
        leave[which].set()
        threads[which].join(20)
    assert states() == before


def test_the_states_of_pytorch_come_back_where_it_is_loaded():
    torch = pytest.importorskip("torch")
    before = torch.random.get_rng_state()
    drawn = []
    for _ in range(2):
        with preserved_global_rng(4):
            drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_problem_without_variables_is_answered_without_a_call():
    def breaks(problem):
        raise RuntimeError("called")

    empty = secateur.Problem(dimod.BinaryQuadraticModel({}, {}, 2.5, "BINARY"))
    for exact in (False, True):
        found = run(wrap(breaks, exact=exact), empty)
        assert found.samples.first.energy == 2.5
        assert found.bound == (2.5 if exact else None)


@dataclass(frozen=True)
class Own(BackendOptions):
    reads: int = READS


@pytest.mark.parametrize("declared", [Own, {"reads": READS}, {"reads": (int, READS)}])
def test_options_are_declared_in_three_ways(declared):
    backend = wrap(as_one, options=declared)
    (one,) = backend.describe_options()
    assert (one.name, one.type, one.default, one.text) == ("reads", "int", 5, "rows")
    assert len(run(backend, random_problem(5, 0), {"reads": "7"}).samples) == 7
    for wrong in ({"reads": 0}, {"raeds": 3}, {"reads": "many"}):
        with pytest.raises(BackendOptionError):
            backend.make_options(wrong)


def test_the_options_of_a_factory_go_where_they_belong():
    seen = {}

    class Seen(Careless):
        def sample(self, bqm, **given):
            seen["sample"] = given
            return super().sample(bqm, **given)

    def make(*, depth: int = 1, seed: int | None = None):
        seen["make"] = depth, seed
        return Seen()

    declared = {"depth": READS, "num_reads": option(9, "rows", least=1), "seed": option(None, "s")}
    backend = wrap(make, options=declared)
    assert not seen, "it is made when it is asked, and not before"
    assert backend.capabilities.takes_seed
    assert len(backend.describe_options()) == 3
    run(backend, random_problem(4, 0), {"depth": 4, "num_reads": 3}, seed=11)
    assert seen == {"make": (4, 11), "sample": {"num_reads": 3}}


def test_a_sampler_with_a_seed_of_its_own_is_given_it():
    backend = wrap(SimulatedAnnealingSampler, requires=["dwave-samplers"])
    assert backend.capabilities == Capabilities(stochastic=True, takes_seed=True)
    one, two = (run(backend, random_problem(9, 0), {"num_reads": 2}, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.samples.record.sample, two.samples.record.sample)
    assert set(one.versions) == {"dwave-samplers", "dimod"}


def test_what_is_required_and_missing_makes_it_unavailable():
    backend = wrap(as_one, options={"reads": READS}, requires=["numpy", "no-such-package"])
    told = backend.availability()
    assert not told.usable
    assert told.remedy == "pip install no-such-package"
    assert wrap(as_one, options={"reads": READS}, **REQUIRED).availability().usable


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"thing": 3}, "a int cannot be wrapped"),
        ({"thing": "dimod:ExactSolver"}, "a str cannot be wrapped"),
        ({"thing": Careless, "native": {"count"}}, "promises 'count', which cannot be handed"),
        ({"thing": Careless, "takes_start": True}, "promises 'start', which cannot be handed"),
        ({"thing": Careless, "takes_time_limit": True}, "has no option 'time_limit'"),
        ({"thing": Careless(), "arguments": {"claims": "x"}}, "is made already"),
        ({"thing": Careless, "arguments": {"address": "nowhere"}}, "with address: OSError"),
        ({"thing": exact_eigensolver(), "native": {"linear"}}, "'linear', which cannot be"),
        ({"thing": exact_eigensolver(), "options": {"reps": 1}}, "set up already"),
        ({"thing": by_keyword, "options": {"raeds": 3}}, "has no option 'raeds'"),
        ({"thing": by_keyword, "options": 3}, "are 3"),
        ({"thing": by_keyword, "options": {"public": 3}}, "'public' cannot be an option"),
        ({"thing": as_one, "options": {"reads": 1}, "arguments": {"reads": 1}}, "is an argument"),
        ({"thing": as_one, "native": {"cuont"}}, "says native"),
        ({"thing": as_one, "exact": "yes"}, "says exact = 'yes'"),
        ({"thing": as_one, "metered": "no"}, "metered"),
        ({"thing": as_one, "max_variables": -1}, "says max_variables = -1"),
        ({"thing": Own, "exact": True}, "cannot be wrapped"),
        ({"thing": lambda: 1 / 0}, "raised ZeroDivisionError"),
        ({"thing": lambda: lambda: 3}, "cannot be wrapped"),
    ],
    ids=plainly,
)
def test_what_cannot_be_wrapped_is_told(more, said):
    with pytest.raises(BackendError) as caught:
        run(wrap(more.pop("thing"), **more), random_problem(4, 0))
    assert said in caught.value.message
    assert caught.value.remedy


def test_a_backend_says_itself_what_it_promises():
    class Mine(Backend):
        name = "mine"

        def solve(self, problem, options):
            raise NotImplementedError

    assert wrap(Mine) is Mine
    with pytest.raises(BackendOptionError, match="says itself"):
        wrap(Mine, exact=True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([[0, 1]], "the shape (1, 2) for 3 variables"),
        ([[0, 1, 0.5]], "not all 0 or 1"),
        ("010", "a str"),
        (None, "a NoneType"),
        ({"a": 1}, "a dict"),
        ([[0, 1], [0]], "inhomogeneous"),
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


def test_a_factory_that_makes_something_metered_has_to_say_so():
    class Paid(Backend):
        name = "paid"
        capabilities = Capabilities(metered=True)
        asked = 0

        def solve(self, problem, options):
            type(self).asked += 1
            return Solution.from_bits(problem, np.zeros((1, problem.n)), options, 0.1)

    with pytest.raises(BackendError, match="which is metered") as caught:
        run(wrap(lambda: Paid(), options={}), random_problem(3, 0))
    assert "metered=True" in caught.value.remedy
    assert Paid.asked == 0
    backend = wrap(lambda: Paid(), options={}, metered=True)
    assert backend.capabilities.metered
    run(backend, random_problem(3, 0), charge=True)
    assert Paid.asked == 1


WRAPPED = """
    from secateur.backends import option, wrap

    def make(*, address: str = "x", depth: int = 1):
        raise SystemExit("made for the list")

    mine = wrap(
        make,
        arguments={"address": "here"},
        options={"depth": option(1, "how deep", least=1)},
        exact=True,
        requires=["numpy"],
        metered=True,
    )
"""


def test_an_entry_point_may_name_what_was_wrapped(plugin):
    """Its name and version are the entry point's; what a factory makes is not made for the list."""
    plugin("deep", WRAPPED, target="mine")
    backend = load_backend("deep")
    assert backend.name == "deep"
    (described,) = [one for one in describe_backends() if one.name == "deep"]
    assert described.usable
    assert "numpy" in described.detail
    assert described.capabilities["exact"]
    assert described.capabilities["metered"]
    assert backend.versions()["plugin-deep"] == "2.5"
    with pytest.raises(BackendFailed, match=r"backend 'deep' raised SystemExit: made for"):
        run(backend, random_problem(3, 0), charge=True)


FACTORY = """
    import dimod

    def make(address="here"):
        return dimod.ExactSolver()

    def vote(problem, options):
        return [1] * problem.n
"""


def test_an_entry_point_may_name_a_factory_or_a_function(plugin):
    plugin("made", FACTORY, target="make")
    problem = random_problem(4, 0)
    found = run(load_backend("made"), problem)
    assert found.samples.first.energy == pytest.approx(brute_force(problem)[0])
    assert found.versions["plugin-made"] == "2.5"
    assert run(load_backend("plugin_made:vote"), problem).samples.record.sample.all()


@pytest.mark.parametrize("answer", [[], np.zeros((0, 3))])
def test_no_row_is_no_solution(answer):
    found = run(wrap(lambda problem: answer), random_problem(3, 0))
    assert found.status is Status.NONE
    assert len(found.samples) == 0
