"""A part of a problem as a problem of its own."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.problem import Problem, at_least, at_most, count, linear, multiple_of, quadratic, tied
from secateur.problem.subproblem import subproblem
from tests.solving.toys import all_bits, blocks


def test_its_energies_are_the_whole_problems() -> None:
    problem, _ = blocks(12, 6, seed=0, pruning=False)
    bits = np.random.default_rng(1).integers(0, 2, 12).astype(np.int8)
    positions = np.array([7, 2, 9, 4])
    part = subproblem(problem, bits, positions)
    assert part.variables == tuple(problem.variables[i] for i in positions)
    whole = np.repeat(bits[None], 16, axis=0)
    whole[:, positions] = all_bits(4)
    np.testing.assert_allclose(part.energies(all_bits(4)), problem.energies(whole))


def test_count_and_limits_are_what_the_fixed_ones_leave() -> None:
    problem, _ = blocks(6, 6, seed=0, pruning=False)
    names = problem.variables
    limits = [at_most(2, names[:4], name="l"), at_most(1, names[4:5], name="m")]
    problem = Problem(problem.bqm, [count(3), *limits])
    bits = np.array([1, 0, 1, 0, 0, 1], dtype=np.int8)
    part = subproblem(problem, bits, np.array([1, 2, 5]))
    assert part.count == 2
    assert [(d.name, list(d.members), d.least, d.most) for d in part.limits] == [
        ("l", [0, 1], 0, 1)
    ]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 8), st.data())
def test_what_is_feasible_in_part_is_feasible_as_a_whole(
    seed: int, n: int, data: st.DataObject
) -> None:
    """And the other way round, for every kind of demand that the vector keeps."""
    random = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel(np.triu(random.normal(size=(n, n))), "BINARY")
    bits = random.integers(0, 2, n).astype(np.int8)
    some = tuple(random.permutation(n)[: n // 2].tolist())
    costs = {i: float(c) for i, c in enumerate(random.normal(size=n))}
    pairs = {(i, i + 1): float(c) for i, c in enumerate(random.normal(size=max(n - 1, 0)))}
    inside = int(bits[list(some)].sum())
    value = sum(c * bits[i] for i, c in costs.items())
    pairwise = value + sum(c * bits[i] * bits[j] for (i, j), c in pairs.items())
    offered = {
        "count": count(int(bits.sum())),
        "most": at_most(inside, some, name="most"),
        "least": at_least(inside, some, name="least"),
        "multiple": multiple_of(max(inside, 1), some, name="multiple"),
        "tied": tied(*some, name="tied"),
        "linear": linear(costs, upper=value + 0.3, name="linear"),
        "quadratic": quadratic(costs, pairs, lower=pairwise - 0.3, name="quadratic"),
    }
    chosen = data.draw(st.sets(st.sampled_from(sorted(offered))))
    problem = Problem(bqm, [offered[name] for name in sorted(chosen)])
    if not problem.feasible(bits)[0]:
        return
    positions = random.permutation(n)[: data.draw(st.integers(0, n))]
    part = subproblem(problem, bits, positions)
    free = all_bits(part.n)
    whole = np.repeat(bits[None], len(free), axis=0)
    whole[:, positions] = free
    np.testing.assert_array_equal(part.feasible(free), problem.feasible(whole))
    assert part.energies(free) == pytest.approx(problem.energies(whole), abs=1e-9)
