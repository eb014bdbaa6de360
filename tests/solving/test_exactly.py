"""The search over real and planted backends: always exact, never a false claim."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.backends import Status, Stopped
from secateur.errors import BackendBudgetSpent, BackendFailed, BackendMisbehaved, ConstraintError
from secateur.problem import Problem, at_most, count
from secateur.solving.control import Control
from secateur.solving.exactly import Search
from tests.random_problems import CARDINALITIES, model, optimum, problems, random_problem
from tests.solving.planted_backends import (
    Empty,
    Everything,
    Halfway,
    Interrupted,
    Meddler,
    MeteredNative,
    Native,
    Noisy,
    OffByOne,
    Proven,
    Rubbish,
    Slow,
    Spent,
)


@settings(max_examples=120, deadline=None)
@given(
    problem=problems(most=9, demands=2, kinds=CARDINALITIES, scales=(1.0, 1e-12, 1e12)),
    backend=st.sampled_from([Proven, Native, Everything, Noisy, Rubbish]),
)
def test_any_backend_gives_exactly_what_is_demanded(problem, backend):
    best = optimum(problem)
    try:
        found = Search(problem, backend(), seed=1).go()
    except ConstraintError:
        assert best == np.inf
        assert backend in (Everything, Native)  # all variables in a limit are a count too
        return
    if best == np.inf:
        assert found.bits is None
        assert not found.proven
        return
    assert problem.feasible(found.bits)[0]
    near = 1e-9 * problem.scale
    assert found.energy == pytest.approx(problem.energies(found.bits)[0], abs=near, rel=0)
    assert best - near <= found.energy <= found.backend_energy + near
    if found.bound is not None:
        assert found.bound <= best + near
    if found.proven:
        assert found.energy == pytest.approx(best, abs=near, rel=0)
    if problem.kinds <= backend.capabilities.native and backend.capabilities.exact:
        assert found.proven
        assert found.calls == 1


def test_a_count_taken_natively_is_one_call_and_proven():
    problem = random_problem(10, 4, 3)
    Native.calls = 0
    found = Search(problem, Native()).go()
    assert found.calls == Native.calls == 1
    assert found.proven
    assert found.energy == found.bound == pytest.approx(optimum(problem))
    assert found.prices == [{}]


def test_the_dual_bound_closes_where_the_count_is_on_the_hull():
    """Non-negative couplings reach nearly every count; there the prices prove the answer."""
    met = 0
    for seed in range(10):
        problem = random_problem(10, 4, seed, family="dense")
        found = Search(problem, Proven()).go()
        assert found.energy == pytest.approx(optimum(problem), abs=1e-9)
        met += found.energy - found.bound <= 1e-9
    assert met >= 9


def test_counts_off_the_hull_are_reached_too():
    """Signed couplings: a price alone cannot reach these; the moves close the gap."""
    off_hull = 0
    for seed in range(20):
        problem = random_problem(8, 3, seed)
        found = Search(problem, Proven()).go()
        off_hull += all(tried["count"][1] != 3 for tried in found.prices)
        assert found.bits.sum() == 3
        assert found.calls <= 16
    assert off_hull > 0


def test_a_concave_curve_is_reached_at_every_count():
    for wanted in range(9):
        problem = random_problem(8, wanted, 0, family="concave")
        found = Search(problem, Proven()).go()
        assert found.bits.sum() == wanted
        assert found.bound <= optimum(problem) + 1e-9
        assert found.energy == pytest.approx(optimum(problem))


def test_limits_that_no_backend_takes_are_kept_at_a_count_that_it_takes():
    problem = Problem(model(np.diag(np.arange(8.0))), [count(4), at_most(1, ["v0", "v1", "v2"])])
    found = Search(problem, Native()).go()
    assert found.calls <= 4
    assert found.bits.tolist() == [1, 0, 0, 1, 1, 1, 0, 0]
    assert found.bound <= 0 + 3 + 4 + 5 + 1e-9


def test_a_metered_backend_that_takes_the_count_is_called_once():
    MeteredNative.calls = 0
    problem = Problem(model(np.diag(np.arange(8.0))), [count(4), at_most(1, ["v0", "v1", "v2"])])
    assert Search(problem, MeteredNative(), charge=True).go().calls == 1
    assert MeteredNative.calls == 1
    assert Search(problem, Native(), most_calls=2).go().calls <= 2


def test_a_spent_budget_keeps_what_was_paid_for():
    Spent.calls = 0
    problem = random_problem(20, 9, 0)
    found = Search(problem, Spent(), seed=3).go()
    assert found.calls == 2
    assert found.stopped is Stopped.BUDGET
    assert found.bits.sum() == 9
    assert len(found.rows) == 2
    with pytest.raises(BackendBudgetSpent):
        Search(problem, Spent(), seed=3).go()


def test_every_read_is_kept_with_its_occurrences():
    problem = random_problem(12, 5, 0)
    found = Search(problem, Noisy(), options={"rows": 7}, seed=0).go()
    assert len(found.rows) == found.calls
    for rows, often in found.rows:
        assert len(np.unique(rows, axis=0)) == len(rows)
        assert often.sum() == 14
    times, values = np.array(found.incumbents).T
    assert (np.diff(times) >= 0).all()
    assert (np.diff(values) < 0).all()
    assert values[-1] == found.energy


def test_the_backends_own_energy_is_before_our_moves():
    upper = np.diag([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    problem = Problem(model(upper), 2)
    found = Search(problem, Rubbish()).go()
    assert found.energy == 1.0
    assert found.backend_energy >= found.energy
    rough = Search(Problem(model(upper)), Rubbish()).go()
    assert rough.backend_energy == 15.0
    assert rough.energy == 0.0


def test_the_same_seed_gives_the_same_answer():
    problem = random_problem(40, 15, 0)
    one, same = (Search(problem, Noisy(), seed=5).go() for _ in range(2))
    assert np.array_equal(one.bits, same.bits)
    assert one.last.seed == 5
    assert Search(problem, Proven(), seed=5).seed is None


def test_a_wrong_count_from_a_native_backend_is_named():
    with pytest.raises(BackendMisbehaved, match=r"'off-by-one'.*5 ones in 'count', where 4"):
        Search(random_problem(10, 4, 0), OffByOne()).go()


def test_a_backend_that_finds_nothing_is_named():
    with pytest.raises(BackendFailed, match="'empty' found no solution"):
        Search(random_problem(5, 2, 0), Empty()).go()


def test_a_proof_that_there_is_none_is_an_error_of_the_demands():
    problem = Problem(model(np.eye(4)), [count(3), at_most(1, ["v0", "v1", "v2"], name="few")])
    with pytest.raises(ConstraintError, match="'everything' proves that no choice") as caught:
        Search(problem, Everything()).go()
    assert "'count', 'few'" in caught.value.remedy


@pytest.mark.parametrize("backend", [Interrupted, Halfway])
def test_ctrl_c_passes_through(backend):
    with pytest.raises(KeyboardInterrupt):
        Search(random_problem(5, 2, 0), backend()).go()


def test_the_calls_share_the_time_of_the_whole_search():
    Slow.limits = []
    control = Control(0.8)
    found = Search(random_problem(10, 4, 0), Slow(), control=control).go()
    assert sum(Slow.limits) <= 0.8 + 1e-6  # it uses all that it is given
    assert found.stopped is Stopped.TIME_LIMIT or found.calls == 16
    assert Slow.limits[0] == pytest.approx(0.1, abs=0.05)
    assert all(limit <= 0.11 for limit in Slow.limits)
    assert found.calls == len(Slow.limits) > 2
    Slow.limits = []
    Search(random_problem(10, None, 0), Slow(), control=Control(0.3)).go()
    assert Slow.limits == [pytest.approx(0.25, abs=0.05)]  # less what a busy machine took
    Slow.limits = []
    asked = {"time_limit": 0.01}
    Search(random_problem(10, 4, 0), Slow(), options=asked, control=Control(9.0)).go()
    assert set(Slow.limits) == {0.01}


@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ("bqm", BackendMisbehaved, "says optimal at 0.5, and a descent from there finds -0.5"),
        ("arrays", BackendMisbehaved, "claims the energy 0 for a sample of 0.5"),
        ("in place", BackendFailed, "read-only"),
    ],
)
def test_what_a_backend_does_to_its_copy_is_no_proof(monkeypatch, how, error, told):
    monkeypatch.setattr(Meddler, "how", how)
    problem = Problem(dimod.BinaryQuadraticModel({"a": -1.0, "b": 2.0}, {}, 0.5, "BINARY"))
    with pytest.raises(error, match=told):
        Search(problem, Meddler()).go()
    assert problem.energies([[1, 0]])[0] == -0.5
    assert problem.bqm.energy({"a": 1, "b": 0}) == -0.5


def test_the_first_price_of_a_count_is_no_guess():
    """It comes from a good vector: where the curve is convex, the first call has the count."""
    problem = random_problem(12, 4, 0, family="none")
    found = Search(problem, Proven()).go()
    assert found.calls == 1
    assert found.prices[0]["count"][1] == 4
    native = Search(problem, Native()).go()
    assert native.prices == [{}]


def test_out_of_time_nothing_is_polished():
    problem = random_problem(30, 12, 0)
    late = Search(problem, Rubbish(), control=Control(1e-9)).go()
    assert late.energy == late.backend_energy
    assert late.calls == 1
    assert late.stopped is Stopped.TIME_LIMIT
    assert Search(problem, Rubbish()).go().energy < late.energy


def test_one_exact_call_is_taken_as_it_is():
    problem = Problem(dimod.BinaryQuadraticModel({"a": -1.0, "b": 2.0}, {}, 0.5, "BINARY"))
    found = Search(problem, Proven()).go()
    assert found.proven
    assert found.bits.tolist() == [1, 0]
    assert (found.energy, found.bound, found.calls) == (-0.5, -0.5, 1)
    assert found.last.status is Status.OPTIMAL
