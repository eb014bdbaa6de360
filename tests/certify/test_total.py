"""How curves add up where 64 bits do not hold them, and where there are many."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from secateur.certify.problem import Form
from secateur.certify.total import check_sum
from secateur.errors import CertificateError
from tests.clocks import spends

from .prover import cardinality

F = Fraction


def both(counts, size):
    count = Form(cardinality("count", None, counts, counts), size, "demand 0")
    return {"constraints": ["count"]}, {"count": count}


def test_sums_that_no_float_holds_are_compared_exactly():
    """A bound a hair too high is refused; 1e300 stands beside 1e-300."""
    curves = [[0.0, 1e-300, 1e300], [0.0, 3.0, None], [-1e-200, 2.0**-60, 5.0]]
    members = [[0, 1], [2, 3], [4, 5]]
    junction, forms = both(3, 6)
    junction["children"] = [0, 1, 2]
    sums = [
        sum(F(c[k]) for c, k in zip(curves, ks, strict=True))
        for ks in np.ndindex(3, 3, 3)
        if sum(ks) == 3 and ks[1] < 2
    ]
    check_sum(junction, members, curves, forms, min(sums))
    with pytest.raises(CertificateError, match="less than the bound"):
        check_sum(junction, members, curves, forms, min(sums) + F(1, 2**1200))


def test_many_wide_curves_take_seconds():
    rng = np.random.default_rng(0)
    sizes = [64, 256, 512, 1024, 2048] * 6
    curves = [np.cumsum(rng.random(w + 1)).tolist() for w in sizes]
    ends = np.cumsum([0, *sizes]).tolist()
    members = [list(range(a, b)) for a, b in itertools.pairwise(ends)]
    # a total is at least the sum of as many least steps, of all curves
    junction, forms = both(ends[-1] // 3, ends[-1])
    junction["children"] = list(range(len(sizes)))
    low = sorted(step for c in curves for step in np.diff(c).tolist())
    bound = sum(map(F, low[: ends[-1] // 3])) + sum(F(c[0]) for c in curves)
    with spends(20.0):
        check_sum(junction, members, curves, forms, F(sum(c[0] for c in curves)))
        check_sum(junction, members, curves, forms, bound)
        with pytest.raises(CertificateError):
            check_sum(junction, members, curves, forms, F(sum(c[-1] for c in curves)))


def test_single_variables_are_many_blocks():
    n = 20_000
    h = np.random.default_rng(1).integers(-9, 9, n).astype(float).tolist()
    curves, members = [[0.0, x] for x in h], [[i] for i in range(n)]
    junction, forms = both(n // 2, n)
    junction["children"] = list(range(n))
    bound = F(sum(sorted(h)[: n // 2]))
    check_sum(junction, members, curves, forms, bound)
    with pytest.raises(CertificateError):
        check_sum(junction, members, curves, forms, F(math.nextafter(float(bound), math.inf)))
