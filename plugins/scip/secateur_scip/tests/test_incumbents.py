"""SCIP's way to its answer, as its events tell it."""

from __future__ import annotations

import numpy as np
import pytest
from secateur.backends.call import run
from secateur.problem import Problem, count
from secateur_scip import SCIP


@pytest.mark.parametrize("convexify", ["yes", "no"])
@pytest.mark.parametrize("started", [True, False])
def test_each_better_solution_is_told_with_its_time(
    convexify: str, started: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not started:
        monkeypatch.setattr("secateur_scip.warm_start", lambda problem, control: [])
    ways = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        row, col = np.triu_indices(16, 1)
        bias = random.normal(size=len(row))
        made = Problem.from_arrays(
            range(16), random.normal(size=16), (row, col, bias), 0.0, [count(6)]
        )
        answer = run(SCIP, made, {"convexify": convexify})
        times = [seconds for seconds, _ in answer.incumbents]
        assert times
        assert times == sorted(times)
        assert times[-1] <= answer.timings.total
        energies = [float(made.energies(bits)[0]) for _, bits in answer.incumbents]
        assert min(energies) == pytest.approx(answer.samples.first.energy, abs=1e-9)
        assert all(made.feasible(bits)[0] for _, bits in answer.incumbents)
        ways.append(len(energies))
    assert max(ways) >= (1 if started else 2)
