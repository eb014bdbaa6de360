"""Matrices and sums of curves, against definitions."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.certify import exact
from secateur.certify.exact import integers, min_plus, semidefinite


def determinant(rows):
    """By fractions."""
    rows = [[Fraction(x) for x in row] for row in rows]
    value = Fraction(1)
    for i in range(len(rows)):
        pivot = next((r for r in range(i, len(rows)) if rows[r][i]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != i:
            rows[i], rows[pivot], value = rows[pivot], rows[i], -value
        value *= rows[i][i]
        for r in range(i + 1, len(rows)):
            share = rows[r][i] / rows[i][i]
            rows[r] = [x - share * y for x, y in zip(rows[r], rows[i], strict=True)]
    return value


def by_minors(rows):
    """Every principal minor is at least zero."""
    every = range(len(rows))
    return all(
        determinant([[rows[i][j] for j in chosen] for i in chosen]) >= 0
        for size in every
        for chosen in itertools.combinations(every, size + 1)
    )


def gram(factor):
    return [[sum(a * b for a, b in zip(x, y, strict=True)) for y in factor] for x in factor]


@settings(max_examples=150, deadline=None)
@given(
    factor=st.integers(1, 5).flatmap(
        lambda w: st.integers(1, w).flatmap(
            lambda r: st.lists(
                st.lists(st.integers(-3, 3), min_size=r, max_size=r), min_size=w, max_size=w
            )
        )
    ),
    at=st.integers(0, 24),
    change=st.integers(-2, 2),
    shift=st.sampled_from([0, 70]),
)
def test_semidefinite_is_that_no_principal_minor_is_negative(factor, at, change, shift):
    rows = [[x << shift for x in row] for row in gram(factor)]
    i, j = divmod(at, 5)
    if max(i, j) < len(rows):
        rows[i][j] += change
        rows[j][i] = rows[i][j]
    wanted = by_minors(rows)
    assert semidefinite(rows) is wanted
    assert exact._eliminate(rows) is wanted
    if all(row[i] > 0 for i, row in enumerate(rows)):
        assert wanted or not exact._has_factor(rows)


@pytest.mark.parametrize("width", [6, 40, 130])
def test_a_factor_is_found_a_hair_inside_and_never_outside(width):
    rng = np.random.default_rng(width)
    factor = rng.normal(size=(width, width // 2)) * np.exp(6 * rng.normal(size=(width, 1)))
    whole = [[int(x) for x in row] for row in np.rint(factor * 2.0**20)]
    rows = gram(whole)  # singular, and exactly so
    wide = [[x << 60 for x in row] for row in rows]
    for i, row in enumerate(wide):
        row[i] += int(rows[i][i] * 2.0 ** (60 - 38))
    assert exact._has_factor(wide)
    assert semidefinite(wide) is True
    for i, row in enumerate(wide):
        row[i] = (rows[i][i] << 60) - int(rows[i][i] * 2.0 ** (60 - 45)) - 1
    assert not exact._has_factor(wide)
    # too wide to be eliminated: said as not found, which is refused
    assert semidefinite(wide) is (False if width <= exact.MOST_ELIMINATED else None)


@given(
    st.lists(
        st.one_of(
            st.floats(allow_nan=False, allow_infinity=False),
            st.integers(-(10**20), 10**20),
            st.builds(lambda a, b: Fraction(a, 2**b), st.integers(), st.integers(0, 80)),
        )
    ),
    st.integers(0, 3),
)
def test_integers_are_the_numbers(values, spare):
    found, scale = integers(values, spare)
    assert [Fraction(x, 2**scale) for x in found] == [Fraction(x) for x in values]
    assert all(x % 2**spare == 0 for x in found)


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), max_size=5),
    st.integers(1, 9),
    st.sampled_from([np.int64, object]),
)
def test_min_plus_is_the_least_sum_up_to_its_top(curves, top, kind):
    curves = [[min(x, top) for x in curve] for curve in curves]
    found = min_plus([np.array(curve, kind) for curve in curves], top)
    wanted = [top] * (sum(len(c) - 1 for c in curves) + 1)
    for counts in itertools.product(*(range(len(c)) for c in curves)):
        value = sum(c[k] for c, k in zip(curves, counts, strict=True))
        wanted[sum(counts)] = min(wanted[sum(counts)], value)
    assert found.tolist() == wanted
