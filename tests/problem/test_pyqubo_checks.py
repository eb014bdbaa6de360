"""What of a PyQUBO model is checked in a sample: labelled constraints, and parts where asked."""

from __future__ import annotations

import copy
import pickle

import pytest
from pyqubo import AndConst, Constraint, Placeholder, SubH

from secateur.errors import SecateurError
from tests.problem.written import A, B, C, checks_of, vectors


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
