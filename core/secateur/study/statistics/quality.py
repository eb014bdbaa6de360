"""Whether a better energy is a better network: rank correlations with bootstrap intervals.

Source: Kendall, *The treatment of ties in ranking problems*, Biometrika 33 (1945), for tau-b;
Spearman, *The proof and measurement of association between two things*, American Journal of
Psychology 15 (1904); Efron and Tibshirani (1993) for the interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from secateur.study.row import Row
from secateur.study.statistics.analysis import EnergyQuality
from secateur.study.statistics.best import energy_of
from secateur.study.statistics.bootstrap import Bootstrap
from secateur.study.statistics.gaps import same, size_of
from secateur.study.statistics.runs import Runs
from secateur.study.statistics.summaries import Estimate

FEWEST = 4
"""Selections; with fewer a correlation says nothing."""
Floats = NDArray[np.float64]


def energies_and_networks(runs: Runs, bootstrap: Bootstrap) -> tuple[EnergyQuality, ...]:
    """One for each instance whose rows hold the metric of a network."""
    made = []
    for name in runs.names:
        rows = [
            run.row
            for method in runs.methods
            for run in runs.of[method, name]
            if run.row is not None and run.answered and _measured(run.row)
        ]
        if rows:
            made.append(_quality(name, rows, bootstrap))
    return tuple(made)


def _measured(row: Row) -> bool:
    return row.compensated is not None and bool(np.isfinite(row.compensated))


def _quality(name: str, rows: Sequence[Row], bootstrap: Bootstrap) -> EnergyQuality:
    higher = rows[0].higher_is_better is not False
    sign = 1.0 if higher else -1.0
    energies = _rounded([float(energy_of(row) or 0.0) for row in rows])
    points = sorted(
        {
            (row.ones, energy, sign * float(row.compensated or 0.0))
            for row, energy in zip(rows, energies, strict=True)
        }
    )
    # a selection that many runs found is one observation
    better = np.array([-energy for _, energy, _ in points])
    metric = np.array([value for _, _, value in points])
    kendall, spearman, note = _correlations(better, metric, bootstrap)
    # of several with the least energy, the worst: nothing in the energy chooses the better one
    chosen = sign * float(metric[better == better.max()].min())
    return EnergyQuality(
        instance=name,
        rows=len(rows),
        selections=len(points),
        kendall=kendall,
        spearman=spearman,
        best_energy_metric=chosen,
        best_metric=sign * float(metric.max()),
        higher_is_better=higher,
        dense=next((row.dense for row in rows if row.dense is not None), None),
        note=note,
    )


def _rounded(energies: Sequence[float]) -> list[float]:
    """The same number for energies that differ by rounding only."""
    size = size_of(energies)
    order = sorted(range(len(energies)), key=lambda k: energies[k])
    made = list(energies)
    for before, k in pairwise(order):
        if same(made[before], energies[k], size):
            made[k] = made[before]
    return made


def _correlations(
    one: Floats, other: Floats, bootstrap: Bootstrap
) -> tuple[Estimate, Estimate, str]:
    if len(one) < FEWEST:
        return Estimate(), Estimate(), f"{len(one)} different selections are too few"
    for values, what in ((one, "energy"), (other, "metric")):
        if (values == values[0]).all():
            return Estimate(), Estimate(), f"all selections have the same {what}"
    rng = np.random.default_rng(bootstrap.seed)
    draws = rng.multinomial(len(one), np.full(len(one), 1 / len(one)), size=bootstrap.resamples)
    weights = np.concatenate([np.ones((1, len(one))), draws])
    made = []
    for correlation in (weighted_kendall, weighted_spearman):
        values = correlation(one, other, weights)
        drawn = values[1:][np.isfinite(values[1:])]
        ends = bootstrap.interval(drawn) if len(drawn) else (None, None)
        made.append(Estimate(float(values[0]), *ends))
    return made[0], made[1], ""


def weighted_kendall(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Tau-b of points that occur so many times; NaN where either is constant.

    Arguments:
        one: shape ``(n,)``.
        other: shape ``(n,)``.
        weights: occurrences, shape ``(m, n)``.

    Returns:
        shape ``(m,)``.
    """
    signs = [np.sign(x[:, None] - x[None, :]) for x in (one, other)]
    both, first, second = (
        np.einsum("mi,mi->m", weights @ (a * b), weights)
        for a, b in ((signs[0], signs[1]), (signs[0], signs[0]), (signs[1], signs[1]))
    )
    return _over(both, np.sqrt(first * second))


def weighted_spearman(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Rho of points that occur so many times, ties averaged; arguments as above."""
    ranks = [
        weights @ ((x[:, None] < x[None, :]) + 0.5 * (x[:, None] == x[None, :]))
        for x in (one, other)
    ]
    total = weights.sum(axis=1, keepdims=True)
    a, b = (r - (weights * r).sum(axis=1, keepdims=True) / total for r in ranks)
    norm = np.sqrt((weights * a * a).sum(axis=1) * (weights * b * b).sum(axis=1))
    return _over((weights * a * b).sum(axis=1), norm)


def _over(above: Floats, below: Floats) -> Floats:
    tiny = below <= 1e-9
    return np.where(tiny, np.nan, np.clip(above / np.where(tiny, 1.0, below), -1.0, 1.0))
