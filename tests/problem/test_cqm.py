"""Constrained models of dimod: the same energies and the same allowed vectors, by brute force."""

from __future__ import annotations

import itertools
import math

import dimod
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import ConstraintError
from secateur.problem.constraints import (
    Cardinality,
    Constraint,
    Linear,
    Quadratic,
    at_least,
    at_most,
    count,
    exactly,
    keep,
    linear,
    multiple_of,
    quadratic,
    remove,
    tied,
)
from secateur.problem.cqm import from_cqm, to_cqm

ABCD = ("a", "b", "c", "d")


def keeps(constraint: Constraint, z: dict) -> bool:
    """By the definition of each class, term by term."""
    if isinstance(constraint, Cardinality):
        named = list(z) if constraint.variables is None else constraint.variables
        ones = sum(z[label] for label in named)
        most = len(named) if constraint.upper is None else constraint.upper
        return ones in range(constraint.lower, most + 1, constraint.step)
    if isinstance(constraint, Linear):
        value = sum(a * z[label] for label, a in constraint.coefficients.items())
    else:
        assert isinstance(constraint, Quadratic)
        value = constraint.offset + sum(a * z[label] for label, a in constraint.linear.items())
        value += sum(b * z[i] * z[j] for (i, j), b in constraint.quadratic.items())
    return constraint.lower - 1e-9 <= value <= constraint.upper + 1e-9


def vectors(variables):
    for bits in itertools.product((0, 1), repeat=len(variables)):
        yield dict(zip(variables, bits, strict=True))


def assert_same(bqm, constraints, cqm, values=lambda z: z):
    """``values`` makes what the CQM takes from 0/1."""
    assert list(bqm.variables) == list(cqm.variables)
    assert bqm.vartype is dimod.BINARY
    for z in vectors(list(cqm.variables)):
        there = values(z)
        assert bqm.energy(z) == pytest.approx(cqm.objective.energy(there), abs=1e-9)
        mine = all(keeps(constraint, z) for constraint in constraints)
        assert mine == cqm.check_feasible(there), (z, constraints)


def model(*constraints, variables=ABCD):
    """A CQM with an objective that tells all vectors apart, and these ``(terms, sense, bound)``."""
    cqm = dimod.ConstrainedQuadraticModel()
    cqm.add_variables("BINARY", variables)
    cqm.set_objective(
        dimod.BinaryQuadraticModel(
            {label: 1.5**i for i, label in enumerate(variables)},
            {(variables[0], variables[-1]): -0.7},
            2.0,
            "BINARY",
        )
    )
    for i, (terms, sense, bound) in enumerate(constraints):
        cqm.add_constraint_from_iterable(terms, sense, bound, label=f"c{i}")
    return cqm


def ones(*labels, coefficient=1.0):
    return [(label, coefficient) for label in labels]


@pytest.mark.parametrize(
    ("terms", "sense", "bound", "wanted"),
    [
        (ones(*ABCD), "==", 2, count(2)),
        (ones(*ABCD), "<=", 2, at_most(2, ABCD)),
        (ones("a", "b"), "==", 1, exactly(1, ["a", "b"])),
        (ones("a", "b"), "<=", 9, at_most(2, ["a", "b"])),
        (ones("a", "b"), ">=", 1, at_least(1, ["a", "b"])),
        (ones("a", "b"), ">=", -3, at_least(0, ["a", "b"])),
        (ones("a", "b", "c"), ">=", 1.5, at_least(2, ["a", "b", "c"])),
        (ones("a", "b", "c"), "<=", 1.5, at_most(1, ["a", "b", "c"])),
        (ones("a", "b", "c", coefficient=-1), ">=", -2, at_most(2, ["a", "b", "c"])),
        (ones("a", "b", "c", coefficient=-2), "<=", -2, at_least(1, ["a", "b", "c"])),
        (ones("a", "b", "c", coefficient=0.1), "==", 0.3, exactly(3, ["a", "b", "c"])),
        (ones("a", "b", "c", coefficient=0.1), "<=", 0.2, at_most(2, ["a", "b", "c"])),
        ([*ones("a", "b"), ("c", 0.0)], "==", 1, exactly(1, ["a", "b"])),
        ([*ones("a", "b"), (2.0,)], "<=", 3, at_most(1, ["a", "b"])),
        ([("a", 3.0), ("b", -3.0)], "==", 0, tied("a", "b")),
        ([("a", 1.0)], "==", 1, exactly(1, ["a"])),
        ([("a", 1.0)], "==", 0, exactly(0, ["a"])),
        (ones("a", "b"), "==", 0.5, linear({"a": 1, "b": 1}, lower=0.5, upper=0.5)),
        (ones("a", "b"), "<=", -1, linear({"a": 1, "b": 1}, upper=-1)),
        ([("a", 1.0), ("b", -1.0)], "<=", 0, linear({"a": 1, "b": -1}, upper=0)),
        ([("a", 2.0), ("b", 3.0), (1.0,)], ">=", 3, linear({"a": 2, "b": 3}, lower=2)),
        ([("a", "b", 2.0), ("c", 1.0), (1.0,)], "<=", 3,
         quadratic({"c": 1}, {("a", "b"): 2}, offset=1, upper=3)),
        ([("a", "b", 1.0)], "==", 1, quadratic({}, {("a", "b"): 1}, lower=1, upper=1)),
    ],
)  # fmt: skip
def test_a_comparison_becomes_the_plainest_constraint(terms, sense, bound, wanted):
    cqm = model((terms, sense, bound))
    bqm, (made,) = from_cqm(cqm)
    assert made.name == "c0"
    wanted = type(wanted)(**{**vars(wanted), "name": "c0"})
    if isinstance(wanted, Quadratic):
        assert made.linear == wanted.linear
        assert {frozenset(pair): b for pair, b in made.quadratic.items()} == {
            frozenset(pair): b for pair, b in wanted.quadratic.items()
        }
    elif isinstance(wanted, Cardinality):
        assert made.kind == wanted.kind
        assert set(made.labels()) == set(wanted.labels())
        size = len(wanted.labels()) or 4
        assert made.allowed(size).tolist() == wanted.allowed(size).tolist()
    else:
        assert made == wanted
    assert_same(bqm, [made], cqm)


def test_one_hot():
    cqm = model()
    cqm.add_discrete(["b", "c", "d"], label="hot")
    bqm, (made,) = from_cqm(cqm)
    assert made == exactly(1, made.labels(), name="hot")
    assert set(made.labels()) == {"b", "c", "d"}
    assert_same(bqm, [made], cqm)


def test_spins_and_integers_from_0_to_1():
    cqm = dimod.ConstrainedQuadraticModel()
    s, t, a = dimod.Spin("s"), dimod.Spin("t"), dimod.Binary("a")
    i = dimod.Integer("i", upper_bound=1)
    cqm.set_objective(2 * s * t - 3 * s * a + i * i + 0.5 * i * s + t + 7)
    cqm.add_constraint(s + t <= 0, label="spins")
    cqm.add_constraint(s + 2 * a + i >= 0, label="mixed")
    cqm.add_constraint(s * t + i * i - a <= 1, label="products")
    bqm, made = from_cqm(cqm)
    spins = {"s", "t"}
    assert_same(bqm, made, cqm, lambda z: {k: 2 * v - 1 if k in spins else v for k, v in z.items()})
    assert made[0].allowed(2).tolist() == [True, True, False]
    assert [constraint.kind for constraint in made] == ["limit", "linear", "quadratic"]


def test_products_that_cancel_leave_a_linear_constraint():
    cqm = model(([("a", "b", 1.0), ("a", "b", -1.0), ("a", 1.0), ("c", 1.0)], "<=", 1))
    bqm, (made,) = from_cqm(cqm)
    assert made == at_most(1, made.labels(), name="c0")
    assert_same(bqm, [made], cqm)


def test_an_empty_model_and_one_without_constraints():
    bqm, made = from_cqm(dimod.ConstrainedQuadraticModel())
    assert (bqm.num_variables, made) == (0, ())
    cqm = to_cqm(bqm, ())
    assert len(cqm.variables) == len(cqm.constraints) == 0
    cqm = model()
    bqm, made = from_cqm(cqm)
    assert made == ()
    assert_same(bqm, made, cqm)


def test_constraints_that_have_one_text_keep_names_of_their_own():
    cqm = model()
    cqm.add_constraint_from_iterable(ones("a", "b"), "<=", 1, label=1)
    cqm.add_constraint_from_iterable(ones("c", "d"), "<=", 1, label="1")
    cqm.add_constraint_from_iterable(ones("a", "d"), "<=", 1, label=("x", 1))
    assert [made.name for made in from_cqm(cqm)[1]] == ["1", "'1'", "('x', 1)"]


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        (dimod.Integer("i", upper_bound=5), "'i' is INTEGER, from 0 to 5"),
        (dimod.Integer("i", lower_bound=1, upper_bound=1), "'i' is INTEGER, from 1 to 1"),
        (dimod.Real("r", upper_bound=1), "'r' is REAL, from 0 to 1"),
    ],
)
def test_variables_that_are_not_binary(variable, said):
    cqm = model()
    cqm.set_objective(variable + dimod.Binary("a"))
    with pytest.raises(ConstraintError, match=said) as caught:
        from_cqm(cqm)
    assert "binaries" in caught.value.remedy


def test_a_soft_constraint():
    cqm = model()
    cqm.add_constraint(
        dimod.Binary("a") + dimod.Binary("b") <= 1, label="mild", weight=3.0, penalty="quadratic"
    )
    with pytest.raises(ConstraintError, match="'mild' is soft, of weight 3") as caught:
        from_cqm(cqm)
    assert "hard" in caught.value.remedy


# -- the other way ---------------------------------------------------------------------------------

BQM = dimod.BinaryQuadraticModel(
    {"a": 1.0, "b": -2.0, "c": 0.5, "d": 0.0}, {("a", "b"): 1.5, ("c", "d"): -0.5}, 3.0, "BINARY"
)


@pytest.mark.parametrize(
    ("constraint", "written"),
    [
        (count(2), {"count"}),
        (count(0), {"count"}),
        (at_most(2, ABCD, name="x"), {"x"}),
        (at_most(9, ABCD, name="x"), {"x"}),
        (at_least(2, ["b", "c", "d"], name="x"), {"x"}),
        (at_least(0, ["b", "c"], name="x"), {"x"}),
        (exactly(1, ["b", "c"], name="x"), {"x"}),
        (keep("a", "b", name="x"), {"x"}),
        (remove("a", "b", name="x"), {"x"}),
        (Cardinality("x", ABCD, 1, 3), {"x: at least", "x: at most"}),
        (Cardinality("x", None, 1, 3), {"x: at least", "x: at most"}),
        (Cardinality("x", ABCD, 1, 2, 5), {"x"}),
        (tied("a", "c", "d", name="x"), {"x: 1", "x: 2"}),
        (multiple_of(2, ["a", "c"], name="x"), {"x: 1"}),
        (multiple_of(8, ABCD, name="x"), {"x"}),
        (keep(name="x"), {"x"}),
        (linear({"a": 3, "b": 2}, upper=4, name="x"), {"x"}),
        (linear({"a": 3, "b": -2}, lower=-1, upper=1, name="x"), {"x: at least", "x: at most"}),
        (linear({"a": 3, "b": -3}, lower=0, upper=0, name="x"), {"x"}),
        (quadratic({"a": 1}, {("b", "c"): 2}, offset=1, upper=3, name="x"), {"x"}),
        (quadratic({}, {}, offset=-2, upper=-1, name="x"), {"x"}),
        (quadratic({}, {}, offset=-2, upper=-3, name="x"), {"x"}),
        (quadratic({}, {("b", "c"): 2, ("a", "d"): 1}, lower=1, upper=2, name="x"),
         {"x: at least", "x: at most"}),
    ],
)  # fmt: skip
def test_each_constraint_is_written_and_comes_back(constraint, written):
    cqm = to_cqm(BQM, [constraint])
    assert set(cqm.constraints) == written
    assert_same(BQM, [constraint], cqm)
    bqm, back = from_cqm(cqm)
    assert_same(bqm, back, cqm)
    if written == {constraint.name} and constraint.kind == "count":
        assert back == (constraint,)


def test_spins_are_converted():
    cqm = to_cqm(BQM.change_vartype("SPIN", inplace=False), [count(2)])
    assert_same(BQM, [count(2)], cqm)


@pytest.mark.parametrize(
    "constraint",
    [
        multiple_of(2, ABCD, name="x"),
        multiple_of(2, ["a", "b", "c"], of="zeros", name="x"),
        multiple_of(3, ABCD, name="x"),
        Cardinality("x", None, 1, None, 2),
        multiple_of(2, [f"v{i}" for i in range(11)], name="x"),
    ],
)
def test_steps_need_further_variables(constraint):
    labels = constraint.variables or ABCD
    bqm = dimod.BinaryQuadraticModel(dict.fromkeys(labels, 1.0), {}, "BINARY")
    with pytest.raises(ConstraintError, match=r"'x' allows .* in steps of") as caught:
        to_cqm(bqm, [constraint])
    assert "extra=True" in caught.value.remedy
    cqm = to_cqm(bqm, [constraint], extra=True)
    further = [label for label in cqm.variables if label not in labels]
    assert further[0] == "x: step 1"
    rows = [z | y for z in _few(labels) for y in vectors(further)]
    kept: dict[tuple[int, ...], bool] = {}
    for row in rows:
        z = tuple(row[label] for label in labels)
        kept[z] = kept.get(z, False) or cqm.check_feasible(row)
        assert cqm.objective.energy(row) == sum(z)
    for z, feasible in kept.items():
        assert feasible == bool(constraint.allowed(len(labels))[sum(z)])


def _few(labels):
    """All vectors; of many variables one for each number of ones."""
    if len(labels) <= 4:
        return list(vectors(labels))
    return [{v: int(i < k) for i, v in enumerate(labels)} for k in range(len(labels) + 1)]


@pytest.mark.parametrize(
    ("constraints", "said"),
    [
        ([keep("z", name="x")], "'x' names 'z'"),
        ([linear({"z": 1}, upper=1, name="x")], "'x' names 'z'"),
        ([at_least(5, ABCD, name="x")], "'x' allows no number of ones among 4"),
        ([count(1), count(2)], "would be called 'count'"),
        ([Cardinality("x", ABCD, 1, 3), keep("a", name="x: at least")], "'x: at least'"),
    ],
)
def test_what_cannot_be_written(constraints, said):
    with pytest.raises(ConstraintError, match=said) as caught:
        to_cqm(BQM, constraints)
    assert caught.value.remedy


def test_a_further_variable_of_a_name_that_is_taken():
    bqm = BQM.copy()
    bqm.add_linear("x: step 1", 1.0)
    with pytest.raises(ConstraintError, match="needs a variable 'x: step 1'"):
        to_cqm(bqm, [multiple_of(2, ABCD, name="x")], extra=True)


# -- any model -------------------------------------------------------------------------------------

WHOLE = st.integers(-3, 3)


@st.composite
def problems(draw):
    n = draw(st.integers(1, 5))
    labels = [draw(st.sampled_from(["x", "y"])) + str(i) for i in range(n)]
    values = st.lists(WHOLE, min_size=n, max_size=n)
    pairs = list(itertools.combinations(labels, 2))
    couplings = draw(st.lists(WHOLE, min_size=len(pairs), max_size=len(pairs)))
    bqm = dimod.BinaryQuadraticModel(
        dict(zip(labels, draw(values), strict=True)),
        {pair: b for pair, b in zip(pairs, couplings, strict=True) if b},
        draw(WHOLE),
        "BINARY",
    )
    constraints = []
    for number in range(draw(st.integers(0, 3))):
        name = f"c{number}"
        lower, upper = draw(
            st.sampled_from([(-1.0, 2.0), (1.0, 1.0), (-math.inf, 0.0), (1.0, math.inf)])
        )
        terms = {label: a for label, a in zip(labels, draw(values), strict=True) if a}
        which = draw(st.integers(0, 2))
        if which == 0:
            some = draw(st.none() | st.lists(st.sampled_from(labels), unique=True, min_size=1))
            size = n if some is None else len(some)
            least = draw(st.integers(0, size))
            most = draw(st.integers(least, size) | st.none())
            constraints.append(Cardinality(name, some and tuple(some), least, most))
        elif which == 1:
            constraints.append(Linear(name, terms, lower, upper))
        else:
            some_pairs = {pair: 1.0 for pair in pairs if draw(st.booleans())}
            constraints.append(Quadratic(name, terms, some_pairs, draw(WHOLE), lower, upper))
    return bqm, constraints


@settings(max_examples=60, deadline=None)
@given(problems())
def test_there_and_back_nothing_changes(problem):
    bqm, constraints = problem
    cqm = to_cqm(bqm, constraints)
    assert_same(bqm, constraints, cqm)
    again, back = from_cqm(cqm)
    assert_same(again, back, cqm)
