"""What a program means: the energies of all points, or None where a demand is broken."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from secateur.problem import Problem


@pytest.fixture
def write(tmp_path):
    def file(text: str, name: str = "a.lp"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return file


def table(file, names):
    """Energy, or None where a constraint is broken, of all points of the names in order."""
    problem = Problem(file.bqm, file.constraints)
    assert set(problem.variables) == set(names)
    place = [names.index(v) for v in problem.variables]
    points = np.array(list(itertools.product((0, 1), repeat=len(names))))[:, place]
    return [
        float(e) if good else None
        for e, good in zip(problem.energies(points), problem.feasible(points), strict=True)
    ]


def expected(formula, demand, n):
    points = itertools.product((0, 1), repeat=n)
    return [float(formula(*z)) if demand(*z) else None for z in points]
