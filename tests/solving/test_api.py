"""``secateur.solve``: every kind of model and demand, any backend, one honest answer."""

from __future__ import annotations

import json

import dimod
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import secateur
from secateur.backends import Status, Stopped
from secateur.errors import (
    BackendNotFound,
    BackendOptionError,
    ConstraintError,
    OptionError,
    SecateurError,
)
from secateur.problem import Problem, at_most, count, keep, linear, quadratic, tied
from tests.clocks import spends
from tests.random_problems import cancelled_under_a_budget, model, optimum, problems, random_problem
from tests.solving.planted_backends import (
    Everything,
    Interrupted,
    Native,
    Noisy,
    Proven,
    Rubbish,
    Slow,
    Spent,
)

SCALES = (1.0, 1e-12, 1e-6, 1e6, 1e12)


def check(problem: Problem, found: secateur.Selection, best: float) -> None:
    """What holds of every answer."""
    near = 1e-9 * problem.scale
    assert found.labels == problem.variables
    assert problem.feasible(found.bits)[0]
    assert found.energy == problem.energies(found.bits)[0]
    assert found.energy >= best - near
    if found.bound is not None:
        assert found.bound <= best + near
        assert found.bound <= found.energy
    if found.proof == "proven":
        room = max(1e-7 * abs(best - problem.offset), near)
        assert found.energy == pytest.approx(best, rel=0, abs=room)
        assert found.status is Status.OPTIMAL
        assert found.gap == 0.0
    else:
        assert found.status is Status.FEASIBLE


def has_loose_steps(problem: Problem) -> bool:
    """Widths in steps, where couplings mix their groups: kept, but not used in a bound."""
    return any(demand.kind == "staircase" for demand in problem.parts.loose)


@settings(max_examples=150, deadline=None)
@example(problem=cancelled_under_a_budget())
@given(problem=problems(most=9, demands=3, scales=SCALES))
def test_auto_solves_and_proves_every_small_problem(problem):
    best = optimum(problem)
    if best == np.inf:
        with pytest.raises(ConstraintError, match="no choice"):
            secateur.solve(problem)
        return
    found = secateur.solve(problem)
    check(problem, found, best)
    assert found.proof == "proven" or has_loose_steps(problem)


@settings(max_examples=20, deadline=None)
@given(problem=problems(most=14, least=12, demands=2, scales=SCALES))
def test_auto_solves_and_proves_larger_problems(problem):
    best = optimum(problem)
    if best == np.inf:
        with pytest.raises(ConstraintError):
            secateur.solve(problem)
        return
    found = secateur.solve(problem)
    check(problem, found, best)
    assert found.proof == "proven" or has_loose_steps(problem)


@settings(max_examples=80, deadline=None)
@given(
    problem=problems(most=8, demands=2, scales=SCALES),
    backend=st.sampled_from([Proven, Native, Everything, Noisy, Rubbish, "greedy"]),
    proof=st.sampled_from([None, True, False]),
)
def test_any_backend_with_and_without_a_proof(problem, backend, proof):
    best = optimum(problem)
    try:
        found = secateur.solve(problem, backend=backend, proof=proof)
    except ConstraintError:
        # without our proof a backend may miss the only choices there are
        assert best == np.inf or (proof is False and (problem.sums or problem.budgets))
        return
    assert best < np.inf
    check(problem, found, best)
    if proof is not False:
        assert found.proof == "proven" or has_loose_steps(problem)
    if backend == "greedy":
        assert found.calls == 0
    else:
        assert found.calls >= 1


@pytest.mark.parametrize("family", ["signed", "dense", "concave", "trap", "ties", "zeros", "block"])
@pytest.mark.parametrize("backend", ["auto", "annealing", "branch-and-bound", "steepest-descent"])
def test_real_backends_are_proven_on_every_family(family, backend):
    for seed, wanted in ((0, 0), (1, 4), (2, 7), (3, 12), (4, None)):
        problem = random_problem(12, wanted, seed, family=family, limits=seed == 1)
        found = secateur.solve(problem, backend=backend)
        check(problem, found, optimum(problem))
        assert found.proof == "proven"


def test_the_worst_backend_is_outdone_and_its_energy_is_shown():
    problem = random_problem(12, 5, 0)
    found = secateur.solve(problem, backend=Rubbish)
    assert found.proof == "proven"
    assert found.energy == pytest.approx(optimum(problem))
    assert found.backend == "rubbish"
    assert found.backend_energy >= found.energy
    assert found.to_json()["backend_energy"] == found.backend_energy
    assert "'rubbish'" not in found.proof
    without = secateur.solve(problem, backend=Rubbish, proof=False)
    assert without.bound is None
    assert without.proof == "no bound"
    assert without.certificate is None
    assert without.backend_energy == found.backend_energy


def test_without_a_proof_the_backends_own_proof_counts():
    problem = random_problem(10, 4, 0)
    found = secateur.solve(problem, backend=Native, proof=False)
    assert found.proof == "proven"
    assert found.calls == 1
    assert found.provenance["method"] == "native"
    assert found.certificate is not None
    assert not found.certificate.checkable
    assert found.certificate.content["claimed_by"].startswith("native")


def test_large_problems_are_not_proven_unasked():
    problem = random_problem(70, 30, 0)
    found = secateur.solve(problem, backend="steepest-descent", seed=0)
    assert found.bound is None
    assert "blocks" not in found.provenance
    asked = secateur.solve(problem, backend="steepest-descent", seed=0, proof=True, time_limit=2.0)
    assert asked.bound is not None
    assert asked.bound <= asked.energy <= found.energy + 1e-9


def test_wide_problems_of_narrow_blocks_are_proven_unasked():
    rng = np.random.default_rng(0)
    upper = np.kron(np.eye(20), np.triu(rng.uniform(0, 1, (6, 6))))
    found = secateur.solve(Problem(model(upper), 50), backend=Rubbish)
    assert found.proof == "proven"
    assert found.provenance["blocks"]["number"] == 20
    assert found.provenance["blocks"]["widest"] == 6


# -- kinds of models -------------------------------------------------------------------------------


def test_a_bqm_of_either_vartype_gives_the_same():
    bqm = random_problem(9, None, 3).bqm
    spins = bqm.change_vartype("SPIN", inplace=False)
    one, other = secateur.solve(bqm, count=4), secateur.solve(spins, count=4)
    assert one.sample == other.sample
    assert one.energy == pytest.approx(other.energy)
    assert spins.vartype is dimod.SPIN  # the caller's model is as it was
    free = secateur.solve(spins)
    assert free.energy == pytest.approx(dimod.ExactSolver().sample(spins).first.energy)


def test_a_problem_takes_further_demands():
    problem = random_problem(9, None, 3)
    both = secateur.solve(problem, count=4, constraints=[keep("v0"), tied("v1", "v2")])
    whole = problem.with_constraints([count(4), keep("v0"), tied("v1", "v2")])
    assert both.energy == pytest.approx(optimum(whole))
    assert set(both.provenance["demands"]) == {"count", "keep: v0", "tied: v1, v2"}
    assert problem.constraints == ()
    assert secateur.solve(problem.with_constraints([count(4)]), count=4).count == 4
    with pytest.raises(ConstraintError, match="count is 5, and the model demands 4") as caught:
        secateur.solve(problem.with_constraints([count(4)]), count=5)
    assert "leave one" in caught.value.remedy


@pytest.mark.parametrize("thing", [None, {"a": 1.0}, "model", dimod.Integer("i") * 2])
def test_what_is_no_model_is_refused(thing):
    with pytest.raises(SecateurError, match="the model is a") as caught:
        secateur.solve(thing)
    assert "BinaryQuadraticModel" in caught.value.remedy


@pytest.mark.parametrize(
    "backend", ["auto", "greedy", "annealing", "branch-and-bound", "exhaustive"]
)
def test_nothing_and_one_variable(backend):
    empty = secateur.solve(dimod.BinaryQuadraticModel({}, {}, 1.5, "BINARY"), backend=backend)
    assert (empty.energy, empty.sample, empty.proof) == (1.5, {}, "proven")
    assert len(empty.samples) >= 1
    one = dimod.BinaryQuadraticModel({"a": -2.0}, {}, 1.0, "BINARY")
    assert secateur.solve(one, backend=backend).sample == {"a": 1}
    none = secateur.solve(one, count=0, backend=backend)
    assert (none.sample, none.energy, none.proof) == ({"a": 0}, 1.0, "proven")
    json.dumps(empty.to_json())
    with pytest.raises(ConstraintError, match="1 ones are wanted of 0 variables"):
        secateur.solve(dimod.BinaryQuadraticModel("BINARY"), count=1, backend=backend)


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["auto", "greedy", Noisy, "annealing"])
@pytest.mark.parametrize("proof", [None, False])
def test_demands_that_exclude_one_another_are_an_error(backend, proof):
    labels = [f"v{i}" for i in range(6)]
    torn = [count(4), at_most(1, labels[:3], name="few"), at_most(2, labels[3:], name="some")]
    with pytest.raises(ConstraintError, match="no choice keeps all demands together") as caught:
        secateur.solve(model(np.eye(6)), constraints=torn, backend=backend, proof=proof)
    assert "'few'" in caught.value.message
    assert caught.value.remedy


def test_sums_that_exclude_one_another_are_an_error():
    low = linear({"v0": 1.0, "v1": 1.0}, lower=2.0, name="both")
    high = linear({"v1": 1.0, "v2": 1.0}, upper=0.0, name="neither")
    with pytest.raises(ConstraintError, match="no choice keeps all demands"):
        secateur.solve(model(np.eye(3)), constraints=[low, high])
    with pytest.raises(ConstraintError, match="noisy found no choice") as caught:
        secateur.solve(model(np.eye(3)), constraints=[low, high], backend=Noisy, proof=False)
    assert "branch-and-bound" in caught.value.remedy


@pytest.mark.parametrize("limit", [0, 0.0, -1, float("nan"), float("inf")])
def test_a_wrong_time_limit_is_named(limit):
    with pytest.raises(OptionError, match="the time limit is") as caught:
        secateur.solve(model(np.eye(3)), time_limit=limit)
    assert "positive number of seconds" in caught.value.remedy


def test_options_need_a_backend_that_takes_them():
    with pytest.raises(OptionError, match="greedy takes no options"):
        secateur.solve(random_problem(4, 2, 0), backend="greedy", options={"reads": 5})


def test_the_options_of_auto_are_those_of_annealing():
    problem = random_problem(4, 2, 0)
    assert secateur.solve(problem, options={"reads": 5}).proof == "proven"
    with pytest.raises(BackendOptionError, match="reads"):
        secateur.solve(problem, options={"red": 5})


def test_an_option_that_the_backend_lacks_is_named_before_anything_is_called():
    with pytest.raises(BackendOptionError, match="rowz") as caught:
        secateur.solve(model(np.eye(3)), backend=Noisy, options={"rowz": 3})
    assert "rows" in str(caught.value)


def test_an_unknown_backend_names_the_nearest():
    with pytest.raises(BackendNotFound, match="there is no backend 'anealing'") as caught:
        secateur.solve(model(np.eye(3)), backend="anealing")
    assert "did you mean 'annealing'?" in str(caught.value)


def test_ctrl_c_passes_through():
    with pytest.raises(KeyboardInterrupt):
        secateur.solve(random_problem(5, 2, 0), backend=Interrupted)


# -- what the answer carries -----------------------------------------------------------------------


def test_every_read_is_kept_with_its_occurrences():
    problem = random_problem(12, 5, 0, limits=True)
    found = secateur.solve(problem, backend=Noisy, options={"rows": 5}, seed=1)
    samples = found.samples
    assert samples.record.num_occurrences.sum() == 10 * found.calls
    rows = samples.record.sample[:, [list(samples.variables).index(v) for v in problem.variables]]
    assert samples.record.energy == pytest.approx(problem.energies(rows))
    assert samples.record.is_feasible.tolist() == problem.feasible(rows).tolist()
    assert (np.diff(samples.record.energy) >= 0).all()
    assert len(np.unique(rows, axis=0)) == len(rows)
    answer = [
        r
        for r in samples.data(["sample", "energy", "num_occurrences", "is_feasible"])
        if r.sample == found.sample
    ]
    assert len(answer) == 1
    assert answer[0].is_feasible
    assert samples is found.samples


def test_reads_of_the_answer_are_counted():
    problem = random_problem(8, 3, 0)
    found = secateur.solve(problem, backend=Native)
    assert found.samples.record.num_occurrences.tolist() == [1]
    greedy = secateur.solve(problem, backend="greedy")
    assert greedy.samples.record.num_occurrences.tolist() == [0]
    assert greedy.samples.first.sample == greedy.sample


def test_the_answer_says_where_it_came_from():
    problem = random_problem(10, 4, 0)
    found = secateur.solve(problem, backend=Noisy, options={"rows": 4}, seed=7)
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    about = told["provenance"]
    assert about["problem"] == problem.sha256
    assert about["demands"] == ["count"]
    assert about["method"] == "multipliers"
    assert about["options"]["rows"] == 4
    assert about["time_limit"] is None
    assert {"secateur", "dimod", "numpy"} <= set(about["versions"])
    assert len(about["prices"]) == found.calls
    assert about["blocks"]["widest"] == 10
    times, values = np.array(about["incumbents"]).T
    assert (np.diff(times) >= 0).all()
    assert (np.diff(values) < 0).all()
    assert values[-1] == pytest.approx(found.energy)
    assert told["seed"] == 7
    assert told["sample"] == {str(k): v for k, v in found.sample.items()}


def test_times_are_told_by_stage():
    found = secateur.solve(random_problem(10, 4, 0), backend=Noisy)
    assert {"total", "backend", "moves", "curves", "proof"} <= set(found.timings)
    assert all(0 <= seconds <= found.seconds for seconds in found.timings.values())
    parts = sum(v for k, v in found.timings.items() if k != "total")
    assert parts <= found.seconds + 1e-3
    assert "backend" not in secateur.solve(random_problem(10, 4, 0)).timings


@pytest.mark.parametrize("backend", ["auto", "annealing", Noisy])
def test_the_same_seed_gives_the_same_answer(backend):
    problem = random_problem(60, 25, 0)
    one, same = (secateur.solve(problem, backend=backend, seed=5, proof=False) for _ in range(2))
    assert np.array_equal(one.bits, same.bits)
    assert one.bound == same.bound
    if backend != "auto":
        assert one.seed == 5


def test_a_spent_budget_is_told():
    Spent.calls = 0
    found = secateur.solve(random_problem(50, 20, 0), backend=Spent, proof=False)
    assert found.stopped is Stopped.BUDGET
    assert found.calls == 2
    assert found.count == 20


def test_a_time_limit_is_of_the_whole_search():
    Slow.limits = []
    problem = random_problem(20, 8, 0)
    with spends(1.2 + 1.0):
        found = secateur.solve(problem, backend=Slow, time_limit=1.0)
    assert sum(Slow.limits) <= 0.8  # the rest is kept for the proof
    assert found.proof == "proven"
    Slow.limits = []
    without = secateur.solve(problem, backend=Slow, time_limit=0.6, proof=False)
    assert without.stopped is Stopped.TIME_LIMIT
    assert sum(Slow.limits) <= 0.7
    assert without.provenance["time_limit"] == 0.6


def test_checks_are_told_as_broken():
    pyqubo = pytest.importorskip("pyqubo")
    x, y = pyqubo.Binary("x"), pyqubo.Binary("y")
    expression = -3 * x - 3 * y + pyqubo.Constraint(x * y, label="not both")
    problem = Problem.from_pyqubo(expression)
    assert secateur.solve(problem).provenance["broken"]


def test_both_kinds_of_budgets_at_once():
    rng = np.random.default_rng(0)
    labels = [f"v{i}" for i in range(10)]
    demands = [
        count(5),
        linear({v: float(i) for i, v in enumerate(labels)}, upper=20.0),
        quadratic({}, {(a, b): 1.0 for a in labels[:5] for b in labels[5:]}, lower=5.0, upper=6.0),
    ]
    problem = Problem(model(np.triu(rng.normal(size=(10, 10)))), demands)
    found = secateur.solve(problem)
    check(problem, found, optimum(problem))
    assert found.proof == "proven"
