"""Variables whose value in some optimum is certain."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import Problem
from secateur.problem.persistency import persistent
from tests.solving.toys import all_bits


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 10), st.data())
def test_some_optimum_has_the_certain_values(seed: int, n: int, data: st.DataObject) -> None:
    """Of all certain values together, with a count and without, against brute force."""
    random = np.random.default_rng(seed)
    matrix = np.triu(random.normal(size=(n, n)) * (random.random((n, n)) < 0.4), 1)
    if data.draw(st.booleans()):  # ties
        matrix = np.rint(matrix)
    diagonal = random.normal(size=n) * data.draw(st.sampled_from([1.0, 10.0]))
    bqm = dimod.BinaryQuadraticModel(matrix + np.diag(diagonal), "BINARY")
    ones = data.draw(st.none() | st.integers(0, n))
    problem = Problem(bqm, () if ones is None else ones)
    values, known = persistent(problem)
    bits = all_bits(n)
    bits = bits[problem.feasible(bits)]
    agreeing = bits[(bits[:, known] == values[known]).all(axis=1)]
    assert len(agreeing)
    assert problem.energies(agreeing).min() == pytest.approx(problem.energies(bits).min())


def test_it_fixes_what_is_certain_one_after_the_other() -> None:
    # c costs something; then b saves something; then a is not worth its coupling to b
    bqm = dimod.BinaryQuadraticModel(
        {"a": -1.0, "b": -3.0, "c": 5.0}, {"ab": 2.0, "bc": -4.0}, 0.0, "BINARY"
    )
    values, known = persistent(Problem(bqm))
    assert known.all()
    assert list(values) == [0, 1, 0]


def test_under_a_count_the_cheapest_are_certain() -> None:
    bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": 2.0, "c": -1.0}, {}, 0.0, "BINARY")
    for ones, wanted in ((0, [0, 0, 0]), (1, [0, 0, 1]), (2, [1, 0, 1]), (3, [1, 1, 1])):
        values, known = persistent(Problem(bqm, ones))
        assert known.all()
        assert list(values) == wanted


def test_one_huge_bias_is_fixed_and_the_rest_is_not_lost_beside_it() -> None:
    bqm = dimod.BinaryQuadraticModel({0: 1e12, 1: -1.0, 2: 0.5}, {(1, 2): -1.0}, 0.0, "BINARY")
    problem = Problem(bqm)
    values, known = persistent(problem)
    assert known.all()
    assert dict(zip(problem.variables, values, strict=True)) == {0: 0, 1: 1, 2: 1}


def test_no_variables() -> None:
    values, known = persistent(Problem(dimod.BinaryQuadraticModel({}, {}, 1.0, "BINARY"), 0))
    assert values.shape == known.shape == (0,)
