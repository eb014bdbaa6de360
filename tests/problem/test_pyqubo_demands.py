"""A labelled constraint of PyQUBO as a hard demand: it allows just the zeros."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyqubo import Binary, Constraint, Placeholder, Spin

from secateur.errors import ConstraintError
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
from tests.problem.written import ABC, A, B, C, checks_of, vectors


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
