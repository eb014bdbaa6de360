"""How far an energy is from the best, with every sign and size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secateur.study.statistics.gaps import relative_gap, same, size_of

NUMBERS = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)


@pytest.mark.parametrize(
    ("energy", "best", "gap"),
    [
        (-99.0, -100.0, 0.01),  # the common (energy - best) / |best|
        (0.0, -100.0, 1.0),
        (50.0, -100.0, 1.0),  # another sign: as bad as nothing
        (100.0, 50.0, 0.5),  # relative to the greater
        (1e-9, 0.0, 1.0),  # a best of 0 has no unit
        (0.0, 0.0, 0.0),
        (-101.0, -100.0, 0.0),  # below the best
        (-100.0 + 5e-8, -100.0, 0.0),  # rounding
        (-100.0 + 5e-7, -100.0, 5e-9),
    ],
)
def test_known_gaps(energy, best, gap):
    assert relative_gap(energy, best) == pytest.approx(gap, rel=1e-6, abs=0)


def test_rounding_is_judged_by_the_greatest_energy_of_the_instance():
    """1e4 terms that cancel leave 1e-9 where there should be 0."""
    assert relative_gap(1e-9, 0.0, size=1e4) == 0.0
    assert relative_gap(1e-7, 0.0, size=1e4) == 1.0
    assert relative_gap(0.0, -1e-9, size=1e4) == 0.0


def test_same_has_two_scales():
    assert same(1.0, 1.0 + 0.9e-9)
    assert not same(1.0, 1.0 + 1.2e-9)
    assert same(0.0, 0.9e-12, size=1.0)
    assert not same(0.0, 1.1e-12, size=1.0)
    assert same(-1.0, -1.0 - 0.9e-9)


def test_size():
    assert size_of([1.0, -3.0, 2.0]) == 3.0
    assert size_of([]) == 0.0


@given(NUMBERS, NUMBERS, st.integers(-20, 20))
def test_from_zero_to_one_and_the_same_at_any_scale(energy, best, power):
    gap = relative_gap(energy, best)
    assert 0.0 <= gap <= 1.0
    assert (gap == 0.0) == (energy <= best or same(energy, best))
    assert relative_gap(energy * 2.0**power, best * 2.0**power) == gap


@given(NUMBERS, NUMBERS, NUMBERS)
def test_a_worse_energy_has_no_smaller_gap(one, other, best):
    low, high = sorted((one, other))
    assert relative_gap(low, best) <= relative_gap(high, best)
