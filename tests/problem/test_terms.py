"""Further terms, added to an objective."""

from __future__ import annotations

import math

import dimod
import pytest
from pyqubo import Binary, Spin

from secateur.errors import ConstraintError, SecateurError
from secateur.problem.pyqubo import from_pyqubo
from secateur.problem.terms import combine
from tests.problem.written import vectors


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
