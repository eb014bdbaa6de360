"""A problem: its numbers against dimod's, its identity, and what it refuses."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import ConstraintError, SecateurError
from secateur.problem import (
    Problem,
    at_most,
    count,
    exactly,
    keep,
    linear,
    multiple_of,
    quadratic,
    tied,
)
from secateur.problem import qubo as qubo_room
from tests.random_problems import energies, everything, feasible_rows, matrix, model, problems


def mixed() -> dimod.BinaryQuadraticModel:
    """Labels of any kind."""
    bqm = dimod.BinaryQuadraticModel("BINARY")
    bqm.add_linear_from({"a": 1.0, 1: -2.0, ("layer", 0): 0.5, "1": 3.0})
    bqm.add_quadratic_from({("a", 1): 1.5, ("1", ("layer", 0)): -4.0})
    bqm.offset = 0.25
    return bqm


@settings(max_examples=80, deadline=None)
@given(problems(most=8))
def test_energies_fields_and_feasibility_are_those_of_the_definition(problem):
    rows = everything(problem.n)
    expected = energies(problem, rows)
    assert problem.energies(rows) == pytest.approx(expected, abs=1e-12 * (1 + problem.scale))
    assert problem.energies(rows[-1])[0] == pytest.approx(expected[-1], abs=1e-12)
    good = {tuple(row) for row in feasible_rows(problem).tolist()}
    assert problem.feasible(rows).tolist() == [tuple(row) in good for row in rows.tolist()]
    for row in rows[:: max(1, len(rows) // 7)]:
        assert bool(problem.broken(row)) != (tuple(row.tolist()) in good)
        field = problem.field(row)
        for i in range(problem.n):
            on, off = row.copy(), row.copy()
            on[i], off[i] = 1, 0
            difference = energies(problem, np.array([on, off]))
            assert field[i] == pytest.approx(difference[0] - difference[1], abs=1e-9)


def test_energies_are_the_same_a_part_at_a_time(monkeypatch):
    problem = Problem(model(matrix("signed", 9, np.random.default_rng(0)), 2.0))
    rows = everything(9)
    whole = problem.energies(rows)
    monkeypatch.setattr(qubo_room, "_CHUNK", 70)
    assert problem.energies(rows) == pytest.approx(whole, rel=1e-14, abs=1e-14)
    assert whole == pytest.approx(energies(problem, rows))


def test_matrices_carry_the_whole_energy():
    problem = Problem(mixed())
    z = np.array([1, 1, 0, 1])
    assert z @ problem.as_matrix() @ z + problem.offset == pytest.approx(problem.energies(z)[0])
    upper = problem.as_matrix(upper=True)
    assert z @ upper @ z + problem.offset == pytest.approx(problem.energies(z)[0])
    assert not np.tril(upper, -1).any()
    assert np.array_equal(problem.as_matrix(), problem.as_matrix().T)
    half = 0.5 * z @ (problem.couplings @ z)
    assert problem.offset + problem.linear @ z + half == pytest.approx(problem.energies(z)[0])
    assert (problem.couplings.toarray() == problem.couplings.toarray().T).all()
    assert not problem.couplings.diagonal().any()


def test_labels_of_any_kind_keep_their_order():
    problem = Problem(mixed(), [keep(("layer", 0))])
    assert problem.variables == ("a", 1, ("layer", 0), "1")
    assert problem.index == {"a": 0, 1: 1, ("layer", 0): 2, "1": 3}
    assert problem.positions(["1", "a"]).tolist() == [3, 0]
    assert problem.feasible([[1, 1, 0, 1], [1, 1, 1, 1]]).tolist() == [True, False]
    assert problem.bqm == mixed()
    assert repr(problem) == "Problem(4 variables, 2 couplings: keep: ('layer', 0))"


def test_the_hash_is_of_the_qubo_and_of_nothing_else():
    bqm = mixed()
    one = Problem(bqm)
    turned = dimod.BinaryQuadraticModel("BINARY")
    turned.add_linear_from(dict(bqm.linear))
    turned.add_quadratic_from({(v, u): b for (u, v), b in list(bqm.quadratic.items())[::-1]})
    turned.offset = 0.25
    assert Problem(turned).sha256 == one.sha256
    assert Problem(bqm, 2).sha256 == one.sha256
    assert one.with_start(np.zeros((1, 4))).sha256 == one.sha256
    zero = bqm.copy()
    zero.add_quadratic("a", "1", 0.0)
    assert Problem(zero).sha256 == one.sha256
    row, col, bias = one.quadratic
    again = Problem.from_arrays(one.variables, one.linear, (col[::-1], row[::-1], bias[::-1]), 0.25)
    assert again.sha256 == one.sha256
    assert len(one.sha256) == 64


def test_the_hash_knows_every_number_and_label():
    bqm = mixed()
    seen = {Problem(bqm).sha256}
    other = bqm.copy()
    other.offset = np.nextafter(0.25, 1)
    seen.add(Problem(other).sha256)
    for v in bqm.variables:
        other = bqm.copy()
        other.set_linear(v, np.nextafter(bqm.get_linear(v), 10))
        seen.add(Problem(other).sha256)
    for u, v in bqm.quadratic:
        other = bqm.copy()
        other.set_quadratic(u, v, np.nextafter(bqm.get_quadratic(u, v), 10))
        seen.add(Problem(other).sha256)
    other = bqm.copy()
    other.relabel_variables({1: 2})
    seen.add(Problem(other).sha256)
    other = bqm.copy()
    other.relabel_variables({1: "1", "1": 1})
    seen.add(Problem(other).sha256)
    moved = bqm.copy()
    moved.remove_interaction("a", 1)
    moved.add_quadratic("a", ("layer", 0), 1.5)
    seen.add(Problem(moved).sha256)
    assert len(seen) == 1 + 1 + 4 + 2 + 3


def test_minus_zero_is_zero_to_the_hash():
    one = Problem(dimod.BinaryQuadraticModel({"a": 0.0}, {}, 0.0, "BINARY"))
    other = Problem(dimod.BinaryQuadraticModel({"a": -0.0}, {}, -0.0, "BINARY"))
    assert one.sha256 == other.sha256


@settings(max_examples=40, deadline=None)
@given(problems(most=8), st.integers(-40, 40), st.integers(0, 255))
def test_the_tolerance_has_no_scale_of_its_own(problem, exponent, number):
    factor = 2.0**exponent
    bits = np.array([number >> i & 1 for i in range(problem.n)])
    row, col, bias = problem.quadratic
    scaled = Problem.from_arrays(
        problem.variables, problem.linear * factor, (row, col, bias * factor), problem.offset
    )
    unmoved = Problem.from_arrays(
        problem.variables, problem.linear, (row, col, bias), problem.offset / factor
    )
    assert scaled.tolerance(bits) == pytest.approx(factor * unmoved.tolerance(bits), rel=1e-12)


def test_the_tolerance_is_a_millionth_of_the_active_terms():
    problem = Problem(
        dimod.BinaryQuadraticModel({"a": -2.0, "b": 3.0, "c": 1e5}, {"ab": -4.0}, 0.0, "BINARY")
    )
    assert problem.tolerance([1, 0, 0]) == pytest.approx(2e-6)
    assert problem.tolerance([1, 1, 0]) == pytest.approx(9e-6)
    assert problem.scale == pytest.approx(100009.0)
    assert problem.tolerance([0, 0, 0]) == pytest.approx(1e-13 * 100009.0)


def test_nothing_of_a_problem_can_be_written_to():
    problem = Problem(mixed(), 2, start=np.zeros((1, 4)))
    for values in (problem.linear, *problem.quadratic, problem.couplings.data):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 9
    given = np.array([1.0, 2.0])
    made = Problem.from_arrays(["a", "b"], given, ([0], [1], [1.0]))
    given[0] = 7.0  # the caller's array stays theirs
    assert made.linear.tolist() == [1.0, 2.0]


def test_what_a_stranger_does_to_his_copy_stays_there():
    problem = Problem(mixed(), 2, start=np.zeros((1, 4)))
    before = (problem.sha256, problem.energies([1, 1, 1, 1])[0])
    theirs = problem.apart()
    theirs.bqm.scale(17.0)
    theirs.start[:] = 1
    theirs.linear = theirs.linear * 3
    theirs.constraints = ()
    with pytest.raises(ValueError, match="read-only"):
        theirs.quadratic[2][0] = 9
    assert problem.bqm == mixed()
    assert not problem.start.any()
    assert (problem.sha256, problem.energies([1, 1, 1, 1])[0]) == before
    assert problem.count == 2
    with pytest.raises(ValueError, match="set WRITEABLE"):
        problem.apart().linear.flags.writeable = True


def test_the_bqm_given_is_copied():
    bqm = mixed()
    problem = Problem(bqm)
    bqm.scale(5.0)
    assert problem.bqm == mixed()
    assert problem.linear[1] == -2.0


def test_properties_tell_the_kinds_of_demands_apart():
    problem = Problem(
        mixed(),
        [
            at_most(1, ["a", 1], name="few"),
            count(2),
            linear({"a": 2.0}, upper=1.0, name="sum"),
            quadratic({}, {("a", 1): 1.0}, upper=0.0, name="form"),
            multiple_of(2, ["1", 1], name="pairs"),
        ],
    )
    assert problem.count == 2
    assert [d.name for d in problem.limits] == ["few", "pairs"]
    assert [d.name for d in problem.sums] == ["sum", "form"]
    assert problem.kinds == {"count", "limit", "linear", "quadratic", "multiple"}
    few, pairs = problem.limits
    assert few.members.tolist() == [0, 1]
    assert (few.least, few.most, few.step) == (0, 1, 1)
    assert pairs.members.tolist() == [1, 3]
    assert pairs.allowed.tolist() == [True, False, True]
    assert (pairs.least, pairs.most, pairs.step) == (0, 2, 2)


def test_all_variables_named_one_by_one_are_a_count():
    problem = Problem(mixed(), [exactly(3, ["1", "a", 1, ("layer", 0)], name="three")])
    assert problem.count == 3
    assert problem.kinds == {"count"}
    assert problem.limits == ()
    one = Problem(dimod.BinaryQuadraticModel({"a": 1.0, "b": 1.0}, {}, "BINARY"), [tied("a", "b")])
    assert one.count is None
    assert Problem(mixed()).count is None


def test_a_part_of_the_demands():
    problem = Problem(mixed(), [count(2), at_most(1, ["a", 1]), linear({"a": 1.0}, upper=1.0)])
    assert problem.only({"count", "limit", "linear", "quadratic"}) is problem
    less = problem.only({"count"})
    assert less.count == 2
    assert less.limits == less.sums == ()
    assert problem.only(()).constraints == ()
    assert len(problem.constraints) == 3
    assert less.sha256 == problem.sha256


def test_other_linear_biases_change_nothing_else():
    problem = Problem(mixed(), 2, start=np.ones((1, 4)))
    problem.bqm, problem.couplings, problem.scale, problem.parts  # noqa: B018 - cached
    other = problem.with_linear(np.arange(4.0))
    assert other.energies([1, 1, 1, 1])[0] == pytest.approx(0 + 1 + 2 + 3 + 1.5 - 4 + 0.25)
    assert other.bqm.get_linear(("layer", 0)) == 2.0
    assert other.sha256 != problem.sha256
    assert other.count == 2
    assert other.start is problem.start
    assert other.scale == pytest.approx(6 + 5.5 + 0.25)
    assert np.concatenate([b.linear for b in other.parts.blocks]).sum() == 6.0
    assert problem.with_linear(np.zeros(4), 7.0).energies([0, 0, 0, 0])[0] == 7.0
    assert problem.bqm == mixed()
    with pytest.raises(ValueError, match="read-only"):
        other.linear[0] = 1


@pytest.mark.parametrize("start", [[0, 1, 0, 1], [[0, 1, 0]], [[0, 1, 2, 0]], [[0.5, 0, 0, 0]]])
def test_a_start_that_does_not_fit_is_refused(start):
    with pytest.raises(SecateurError, match="the start") as caught:
        Problem(mixed(), start=np.array(start))
    assert "rows of 4 zeros and ones" in caught.value.remedy


def test_a_start_is_kept_as_rows_of_small_integers():
    problem = Problem(mixed(), start=np.array([[True, False, True, False]]))
    assert problem.start.dtype == np.int8
    assert problem.start.tolist() == [[1, 0, 1, 0]]
    assert problem.with_start(None).start is None
    assert Problem(mixed()).with_start(np.eye(4)).start.dtype == np.int8


@pytest.mark.parametrize(
    ("constraints", "told", "remedy"),
    [
        (5, "5 ones are wanted of 4 variables", "0 to 4"),
        ([count(1), count(2)], "two constraints are called 'count'", "name="),
        ([at_most(1, ["aa"])], "names 'aa'", "did you mean 'a'"),
        ([at_most(1, ["zzz"])], "names 'zzz'", "bqm.variables"),
        (["a"], "a constraint is a str", "secateur.problem"),
        ([exactly(3, ["a", 1])], "wants 3 or more ones of 2", "at most 2"),
        ([linear({"a": 1.0}, lower=2.0)], "its terms give 0 to 1", "relax"),
        (-1, "-1 to -1 ones", "0 <= lower"),
        ([2.5], "a constraint is a float", "secateur.problem"),
    ],
)
def test_a_wrong_demand_is_told_with_a_remedy(constraints, told, remedy):
    with pytest.raises(ConstraintError, match=told) as caught:
        Problem(mixed(), constraints)
    assert remedy in caught.value.remedy


def test_spins_are_refused_and_the_remedy_works():
    spins = mixed().change_vartype("SPIN", inplace=False)
    with pytest.raises(SecateurError, match="SPIN, not BINARY") as caught:
        Problem(spins)
    assert "change_vartype('BINARY', inplace=False)" in caught.value.remedy


@pytest.mark.parametrize("where", ["linear", "quadratic", "offset"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_refused(where, value):
    numbers = {"linear": 1.0, "quadratic": 1.0, "offset": 1.0, where: value}
    bqm = dimod.BinaryQuadraticModel(
        {"a": numbers["linear"]}, {"ab": numbers["quadratic"]}, numbers["offset"], "BINARY"
    )
    with pytest.raises(SecateurError, match="NaN or infinite"):
        Problem(bqm)


def test_nothing_and_one_variable():
    empty = Problem(dimod.BinaryQuadraticModel({}, {}, 1.5, "BINARY"), 0)
    assert empty.n == 0
    assert empty.energies(np.zeros((2, 0))).tolist() == [1.5, 1.5]
    assert empty.feasible(np.zeros((1, 0))).tolist() == [True]
    assert empty.as_matrix().shape == (0, 0)
    assert empty.tolerance(np.zeros(0)) == pytest.approx(1.5e-13)
    assert empty.parts.blocks == ()
    assert empty.field(np.zeros(0)).shape == (0,)
    with pytest.raises(ConstraintError, match="1 ones are wanted of 0"):
        Problem(dimod.BinaryQuadraticModel("BINARY"), 1)
    one = Problem(dimod.BinaryQuadraticModel({"a": -2.0}, {}, "BINARY"), 1)
    assert one.energies([[0], [1]]).tolist() == [0.0, -2.0]
    assert one.feasible([[0], [1]]).tolist() == [False, True]
    assert one.as_matrix().tolist() == [[-2.0]]
    assert one.sha256 != empty.sha256


def test_many_variables_take_little():
    """A million variables with a chain of couplings: nothing is n × n."""
    n = 1_000_000
    row = np.arange(n - 1)
    problem = Problem.from_arrays(range(n), np.ones(n), (row, row + 1, np.full(n - 1, -2.0)), 3.0)
    bits = np.ones(n, dtype=np.int8)
    assert problem.energies(bits)[0] == 3.0 + n - 2.0 * (n - 1)
    assert problem.couplings.nnz == 2 * (n - 1)
