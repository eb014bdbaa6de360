"""Problems written in PyQUBO, against the same ones by hand; with the real package."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import subprocess
import sys

import dimod
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyqubo import AndConst, Binary, Constraint, Num, Placeholder, Spin, SubH

from secateur.errors import ConstraintError, MissingExtra, SecateurError
from secateur.problem.constraints import (
    Cardinality,
    Linear,
    Quadratic,
    at_most,
    count,
    exactly,
    linear,
    tied,
)
from secateur.problem.pyqubo import demand, from_pyqubo
from secateur.problem.terms import combine

LABELS = tuple(f"layer.{i}:{j}" for i in range(2) for j in range(3))


def vectors(labels):
    for bits in itertools.product((0, 1), repeat=len(labels)):
        yield dict(zip(labels, bits, strict=True))


def channels(labels=LABELS):
    return [Binary(label) for label in labels]


def lowest(bqm):
    found = dimod.ExactSolver().sample(bqm).lowest()
    return {tuple(sorted(sample.items())) for sample in found.samples()}


# -- objectives ------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_an_expression_is_the_model_made_by_hand(data):
    numbers = st.integers(-4, 4).map(float)
    z = channels()
    by_hand = dimod.BinaryQuadraticModel(dict.fromkeys(LABELS, 0.0), {}, "BINARY")
    expression = Num(0.0)
    for i, label in enumerate(LABELS):
        bias = data.draw(numbers)
        by_hand.add_linear(label, bias)
        expression = expression + bias * z[i]
    for i, j in itertools.combinations(range(len(LABELS)), 2):
        bias = data.draw(numbers)
        by_hand.add_quadratic(LABELS[i], LABELS[j], bias)
        expression = expression + z[j] * z[i] * bias
    # the penalty of a count, with a placeholder
    ones, strength = data.draw(st.integers(0, 6)), data.draw(numbers)
    terms = [(label, 1) for label in LABELS]
    by_hand.add_linear_equality_constraint(terms, lagrange_multiplier=strength, constant=-ones)
    penalty = Constraint((sum(z) - ones) ** 2, label="count")
    model = expression + Placeholder("strength") * penalty + 1.5
    by_hand.offset += 1.5
    given_model = model.compile() if data.draw(st.booleans()) else model
    bqm, constraints, checks = from_pyqubo(given_model, {"strength": strength})
    assert constraints == ()
    assert tuple(bqm.variables) == LABELS
    assert bqm.is_almost_equal(by_hand)
    assert lowest(bqm) == lowest(by_hand)
    for sample in lowest(bqm):
        total = sum(dict(sample).values())
        wanted = {} if total == ones else {"count": float((total - ones) ** 2)}
        assert checks.broken(dict(sample)) == wanted


def test_the_variables_are_in_natural_order_or_in_that_of_the_labels():
    expression = sum(Binary(f"x{i}") for i in (10, 9, 1, 2))
    bqm, _, _ = from_pyqubo(expression)
    assert list(bqm.variables) == ["x1", "x2", "x9", "x10"]
    bqm, _, _ = from_pyqubo(expression, labels=["x10", "z", "x9", "x2", "x1"])
    assert list(bqm.variables) == ["x10", "z", "x9", "x2", "x1"]
    assert bqm.linear == {"x10": 1, "z": 0, "x9": 1, "x2": 1, "x1": 1}


def test_labels_that_are_no_text():
    bqm, _, checks = from_pyqubo(
        Constraint(Binary("0") * Binary("1"), "both") - Binary("('layer', 1)"),
        labels=[0, 1, ("layer", 1)],
    )
    assert list(bqm.variables) == [0, 1, ("layer", 1)]
    assert bqm.linear == {0: 0, 1: 0, ("layer", 1): -1}
    assert bqm.quadratic == {(0, 1): 1}
    assert checks.broken({0: 1, 1: 1, ("layer", 1): 0}) == {"both": 1.0}


def test_spins():
    s, t, a = Spin("s"), Spin("t"), Binary("a")
    bqm, _, checks = from_pyqubo(2 * s * t - s + 3 * a * s + Constraint((s + t) ** 2, "opposite"))
    assert bqm.vartype is dimod.BINARY
    for z in vectors(["a", "s", "t"]):
        u, v = 2 * z["s"] - 1, 2 * z["t"] - 1
        assert bqm.energy(z) == pytest.approx(2 * u * v - u + 3 * z["a"] * u + (u + v) ** 2)
        assert checks.values(z) == {"opposite": (u + v) ** 2}
        assert set(checks.broken(z)) == ({"opposite"} if u == v else set())


def test_a_constant():
    bqm, _, checks = from_pyqubo(Num(3.0))
    assert (bqm.num_variables, bqm.offset) == (0, 3.0)
    assert checks.broken({}) == {}
    bqm, _, _ = from_pyqubo(Num(3.0), labels=["a"])
    assert (list(bqm.variables), bqm.energy({"a": 1})) == (["a"], 3.0)


# -- what is wrong ---------------------------------------------------------------------------------

ABC = ("a", "b", "c")
A, B, C = channels(ABC)


@pytest.mark.parametrize(
    ("model", "feed", "said", "remedy"),
    [
        (A * Placeholder("M"), None, "the value of M is not provided", "feed_dict="),
        (A * Placeholder("M"), {"N": 1.0}, "the value of M is not provided", "feed_dict="),
        (A * Placeholder("M"), {"M": 1.0, "N": 1.0}, "no placeholder 'N'", "leave it out"),
        (A, {"M": 1.0}, "no placeholder 'M'", "leave it out"),
        (A * Placeholder("M"), {"M": "1"}, "the value '1' for 'M'", "finite"),
        (A * Placeholder("M"), {"M": math.nan}, "the value nan for 'M'", "finite"),
        (A * Placeholder("M"), {"M": True}, "the value True for 'M'", "finite"),
        (A * Placeholder("M"), {1: 1.0}, "for 1", "placeholder"),
        (A * math.inf, None, "NaN or infinite", "feed_dict"),
        (A * B * C, None, "product of three or more variables, .* 'a \\* b'", "AndConst"),
        ("a + b", None, "the model is a str", "expression"),
        (dimod.Binary("a"), None, "the model is a BinaryQuadraticModel", "expression"),
        (Constraint(A, "x") + Constraint(B, "x"), None, "have the label 'x'", "its own"),
        (Constraint(A, "c", condition=lambda v: 1 / 0), None, "cannot decode", "condition"),
    ],
)
def test_a_model_that_cannot_be_taken(model, feed, said, remedy):
    with pytest.raises(SecateurError, match=said) as caught:
        from_pyqubo(model, feed)
    assert remedy in caught.value.remedy


def test_placeholders_that_cost_nothing_are_asked_for_too():
    # PyQUBO would end the process at decoding
    model = Constraint(A * Placeholder("M"), "x") * 0 + B
    with pytest.raises(SecateurError, match="the value of M"):
        from_pyqubo(model)
    assert from_pyqubo(model, {"M": 2.0})[2].values({"a": 1, "b": 0}) == {"x": 2.0}


def test_a_variable_that_the_problem_does_not_have():
    with pytest.raises(ConstraintError, match=r"'layer.0:7', which the problem") as caught:
        from_pyqubo(Binary("layer.0:7") + Binary("layer.0:1"), labels=LABELS)
    assert "did you mean 'layer.0:" in caught.value.remedy
    with pytest.raises(ConstraintError, match="have the same text"):
        from_pyqubo(Binary("1"), labels=[1, "1"])


def test_one_constraint_used_twice_is_one():
    once = Constraint((A + B - 1) ** 2, "one")
    _, _, checks = from_pyqubo(once + 2 * once)
    assert checks.names == ("one",)
    _, _, checks = from_pyqubo(Constraint(A, "it's") + Constraint(B, "(b"))  # no way to tell
    assert checks.names == ("(b", "it's")


def test_without_the_package():
    program = (
        "import sys; sys.modules['pyqubo'] = None\n"
        "from secateur.errors import MissingExtra\n"
        "from secateur.problem.pyqubo import from_pyqubo\n"
        "try:\n    from_pyqubo(3)\n"
        "except MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'secateur[pyqubo]'" in done.stdout
    assert issubclass(MissingExtra, ImportError)


def test_the_package_is_loaded_when_it_is_used():
    program = "import secateur.problem.pyqubo, sys; print('pyqubo' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


# -- checks ----------------------------------------------------------------------------------------


def checks_of(model, feed=None, **more):
    return from_pyqubo(model, feed, **more)[2]


def test_each_labelled_constraint_is_checked_in_every_vector():
    model = (
        -3 * A
        + Placeholder("M") * Constraint((A + B + C - 1) ** 2, "one")
        + Constraint(A * B, "not both")
        + Constraint(B + C - 1, "at least one", condition=lambda value: value >= 0)
    )
    checks = checks_of(model, {"M": 2.0})
    assert checks.names == ("at least one", "not both", "one")
    for z in vectors("abc"):
        broken = set()
        if sum(z.values()) != 1:
            broken.add("one")
        if z["a"] and z["b"]:
            broken.add("not both")
        if z["b"] + z["c"] < 1:
            broken.add("at least one")
        assert set(checks.broken(z)) == broken
        assert checks.values(z)["one"] == (sum(z.values()) - 1) ** 2
        assert set(checks.broken({**z, "another": 1})) == broken


def test_rounding_breaks_nothing():
    checks = checks_of(Constraint((0.1 * A + 0.2 * B - 0.3) ** 2, "sum"))
    assert 0.0 < checks.values({"a": 1, "b": 1})["sum"] < 1e-15
    assert checks.broken({"a": 1, "b": 1}) == {}
    assert set(checks.broken({"a": 1, "b": 1}, tolerance=0.0)) == {"sum"}
    assert set(checks.broken({"a": 1, "b": 0})) == {"sum"}
    for scale in (1e-12, 1e12):  # the same whatever the unit
        checks = checks_of(Constraint(scale * (0.1 * A + 0.2 * B - 0.3) ** 2, "sum"))
        assert checks.broken({"a": 1, "b": 1}) == {}
        assert set(checks.broken({"a": 1, "b": 0})) == {"sum"}
    # a condition of its own may refuse a zero
    assert checks_of(Constraint(A, "a", condition=lambda v: v > 0)).broken({"a": 0}) == {"a": 0.0}


def test_sub_hamiltonians_are_checked_where_asked():
    model = AndConst(A, B, C, "and") + SubH(A + B, "cost")
    assert checks_of(model).broken({"a": 1, "b": 1, "c": 0}) == {}  # PyQUBO counts none
    checks = checks_of(model, zero=["and"])
    for z in vectors("abc"):
        assert set(checks.broken(z)) == (set() if z["c"] == z["a"] * z["b"] else {"and"})
    with pytest.raises(SecateurError, match="no sub-Hamiltonian 'an'") as caught:
        checks_of(model, zero=["an"])
    assert "did you mean 'and'" in caught.value.remedy


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ({"a": 1}, "lacks 'b', and 0 more"),
        ({}, "lacks 'a', and 1 more"),
        ({"a": 1, "b": -1}, "'b' the value -1"),
        ({"a": 0.5, "b": 1}, "'a' the value 0.5"),
    ],
)
def test_a_sample_that_does_not_fit(sample, said):
    checks = checks_of(Constraint(A + B, "x"))
    with pytest.raises(SecateurError, match=said):
        checks.broken(sample)


def test_checks_stay_where_they_were_made():
    checks = checks_of(Constraint(A, "x"))
    assert copy.deepcopy(checks).broken({"a": 1}) == {"x": 1.0}
    travelled = pickle.loads(pickle.dumps(checks))
    assert travelled.names == ("x",)
    with pytest.raises(SecateurError, match="cannot travel"):
        travelled.broken({"a": 1})


# -- hard demands ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (Constraint((A + B + C - 1) ** 2, "x"), exactly(1, ABC)),
        (Constraint(3.7 * (A + B + C - 2) ** 2, "x"), exactly(2, ABC)),
        (Constraint((2 - A - B - C) ** 2, "x"), exactly(2, ABC)),
        (Constraint((A + B + C) ** 2, "x"), exactly(0, ABC)),
        (Constraint((A + B + C + 1) ** 2, "x"), None),
        (Constraint((A - B) ** 2, "x"), tied("a", "b")),
        (Constraint(A * B, "x"), at_most(1, ["a", "b"])),
        (Constraint(A + B - 1, "x"), exactly(1, ["a", "b"])),
        (Constraint((3 * A + 2 * B - C - 2) ** 2, "x"), linear({"a": 3, "b": 2}, upper=2)),
        (Constraint((0.1 * A + 0.2 * B + 0.3 * C - 0.3) ** 2, "x"), linear({"a": 1}, upper=0)),
        (Constraint((A + B - 1) ** 2 + C, "x"), None),
        (Constraint((A + B - 1) ** 2 + (B + C - 1) ** 2, "x"), None),
        (Constraint(A * B + B * C, "x"), None),
        (Constraint(A + B - A * B - 1, "x"), None),
        (Constraint((Spin("a") + Spin("b")) ** 2, "x"), exactly(1, ["a", "b"])),
        (Constraint((Spin("a") + Spin("b")) ** 2 * 0.25, "x"), exactly(1, ["a", "b"])),
    ],
)
def test_a_demand_allows_just_the_zeros(expression, wanted):
    made = demand(expression)
    assert made.name == "x"
    checks = checks_of(expression)
    for z in vectors(list(checks.texts)):
        zero = abs(checks.values(z)["x"]) < 1e-9
        assert keeps(made, z) == zero, (made, z)
    if isinstance(wanted, Cardinality):
        assert isinstance(made, Cardinality)
        assert set(made.labels()) == set(wanted.labels())
        size = len(wanted.labels())
        assert made.allowed(size).tolist() == wanted.allowed(size).tolist()
    elif isinstance(wanted, Linear):
        assert isinstance(made, Linear)
    else:
        assert isinstance(made, Quadratic | Linear)


def keeps(constraint, z):
    if isinstance(constraint, Cardinality):
        named = constraint.labels() or tuple(z)
        return bool(constraint.allowed(len(named))[sum(z[label] for label in named)])
    if isinstance(constraint, Linear):
        value = sum(a * z[label] for label, a in constraint.coefficients.items())
    else:
        value = constraint.offset + sum(a * z[label] for label, a in constraint.linear.items())
        value += sum(b * z[i] * z[j] for (i, j), b in constraint.quadratic.items())
    return constraint.lower - 1e-9 <= value <= constraint.upper + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-3, 3), min_size=2, max_size=4),
    st.integers(-4, 4),
    st.sampled_from([1.0, 2.5, 1e-6, 1e6]),
)
def test_any_square_is_a_linear_demand(weights, k, scale):
    labels = [f"v{i}" for i in range(len(weights))]
    inner = sum(w * Binary(label) for w, label in zip(weights, labels, strict=True)) - k
    made = demand(scale * inner**2, name="square")
    assert isinstance(made, (Linear, Cardinality))
    for z in vectors(labels):
        value = sum(w * z[label] for w, label in zip(weights, labels, strict=True)) - k
        assert keeps(made, z) == (value == 0)


def test_a_demand_on_all_variables_is_the_count():
    expression = Constraint((A + B + C - 2) ** 2, "two")
    assert demand(expression, labels=["a", "b", "c"]) == count(2, name="two")
    assert demand(expression, labels=["a", "b", "c", "d"]) == exactly(
        2, ["a", "b", "c"], name="two"
    )
    bqm, own, checks = from_pyqubo(A - B * C, demands=[expression])
    assert own == (count(2, name="two"),)
    assert checks.names == ()
    assert bqm.energy({"a": 1, "b": 1, "c": 1}) == 0.0


def test_a_demand_with_a_placeholder_or_a_name_of_its_own():
    made = demand(Placeholder("k") - A - B, feed_dict={"k": 1.0}, name="one")
    assert made == exactly(1, made.labels(), name="one")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (A + B - 1, "has 0 labels"),
        (Constraint(A, "x") + Constraint(B, "y"), "has 2 labels"),
        (Constraint(A + B - 1, "x", condition=lambda v: v <= 0), "condition of its own"),
        (Constraint(A + B, "x", condition=lambda v: v > 0), "condition of its own"),
    ],
)
def test_an_expression_that_is_no_demand(expression, said):
    with pytest.raises(ConstraintError, match=said) as caught:
        demand(expression)
    assert caught.value.remedy


def test_demands_are_over_the_variables_of_the_model():
    with pytest.raises(ConstraintError, match="has the variable 'c'"):
        from_pyqubo(A + B, demands=[Constraint(C, "x")])
    bqm, (made,), _ = from_pyqubo(A + B, labels=["a", "b", "c"], demands=[Constraint(C, "x")])
    assert list(bqm.variables) == ["a", "b", "c"]
    assert keeps(made, {"c": 0})
    assert not keeps(made, {"c": 1})


# -- further terms ---------------------------------------------------------------------------------


def test_terms_are_added_to_an_objective():
    objective = dimod.BinaryQuadraticModel(
        {"a": 1.0, "b": 2.0, "c": 0.0}, {("a", "b"): 1}, "BINARY"
    )
    before = objective.copy()
    more, _, _ = from_pyqubo(Spin("c") * Binary("a") + 2)
    both = combine(objective, more, 0.5)
    assert list(both.variables) == ["a", "b", "c"]
    for z in vectors("abc"):
        assert both.energy(z) == pytest.approx(objective.energy(z) + 0.5 * more.energy(z))
    assert both.vartype is dimod.BINARY
    assert objective == before
    spins = more.change_vartype("SPIN", inplace=False)
    assert combine(objective, spins, 0.5).is_almost_equal(both)


def test_terms_that_cannot_be_added():
    objective = dimod.BinaryQuadraticModel({"layer:1": 1.0}, {}, "BINARY")
    other = dimod.BinaryQuadraticModel({"layer:2": 1.0}, {}, "BINARY")
    with pytest.raises(ConstraintError, match="'layer:2', which the objective") as caught:
        combine(objective, other)
    assert "did you mean 'layer:1'" in caught.value.remedy
    for weight in (math.nan, math.inf, "1"):
        with pytest.raises(SecateurError, match="the weight is"):
            combine(objective, objective, weight)
