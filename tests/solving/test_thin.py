"""Wide blocks that stay sparse: bounded and improved, never written out."""

from __future__ import annotations

import numpy as np
import pytest

import secateur
from secateur.problem import Problem, count
from secateur.solving import thin
from secateur.solving.blocks import by_blocks
from tests.random_problems import energies, everything, matrix, model


def sparse_problem(n: int, seed: int, *demands) -> Problem:
    """A chain with some longer edges: one component, and few couplings."""
    rng = np.random.default_rng(seed)
    row = np.concatenate([np.arange(n - 1), rng.integers(0, n // 2, n // 4)])
    col = np.concatenate([np.arange(1, n), rng.integers(n // 2 + 1, n, n // 4)])
    key = np.unique(row * n + col)
    return Problem.from_arrays(
        range(n), rng.normal(size=n), (key // n, key % n, rng.normal(size=len(key))), 0.5, demands
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_lower_curve_is_below_every_choice(seed, monkeypatch):
    monkeypatch.setattr("secateur.problem.inner.DENSE", 0)
    n = 17
    q = matrix("signed", n, np.random.default_rng(seed))
    q[np.abs(np.subtract.outer(np.arange(n), np.arange(n))) > 1] = 0.0
    problem = Problem(model(q))
    rows = everything(n)
    values = energies(problem, rows) - problem.offset
    assert any(thin.is_thin(block) for block in problem.parts.blocks)
    for block in filter(thin.is_thin, problem.parts.blocks):
        own = everything(block.size)
        alone = own @ block.linear + 0.5 * np.sum((own @ block.couplings.toarray()) * own, axis=1)
        lower, curve = thin.thin_lower(block, 0.0), thin.thin_curve(block)
        for k in range(block.size + 1):
            best = alone[own.sum(axis=1) == k].min()
            assert lower[k] <= best <= curve.energy[k] + 1e-12
            assert np.isclose(alone[(own == curve.choice(k)).all(axis=1)][0], curve.energy[k])
    assert by_blocks(problem).bound - problem.offset <= values.min() + 1e-12


def test_a_wide_sparse_problem_is_answered_and_bounded(monkeypatch):
    monkeypatch.setattr(thin, "WRITTEN_OUT", 600)
    problem = sparse_problem(2000, 1, count(700))
    greedy = secateur.solve(problem, backend="greedy", proof=False)
    for found in (
        secateur.solve(problem, time_limit=2.0),
        secateur.solve(problem, backend="branch-and-bound"),
    ):
        assert found.count == 700
        assert found.energy <= greedy.energy
        assert found.bound is not None
        assert found.bound < found.energy


def test_its_certificate_is_verified(monkeypatch):
    from secateur.certify import check

    monkeypatch.setattr("secateur.problem.inner.DENSE", 0)
    monkeypatch.setattr(thin, "WRITTEN_OUT", 0)
    problem = sparse_problem(120, 2, count(40))
    made = secateur.solve(problem, backend="greedy", proof=True)
    verdict = check(made.certificate.content, problem.bqm)
    assert verdict.verified
    assert float(verdict.bound) == pytest.approx(made.bound)
