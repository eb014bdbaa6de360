"""What ``branch-and-bound`` promises beyond the kit: its limit, Ctrl-C, its width, honest words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import dimod
import numpy as np
import pytest

from secateur.backends import Status, Stopped
from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.problem import Problem, at_least, count
from secateur.testing import random_problem
from tests.clocks import spends


def solve(problem, **options):
    return run(load_backend("branch-and-bound"), problem, options)


@pytest.mark.parametrize("ones", [None, 90])
def test_at_its_time_limit_it_holds_a_choice_and_a_bound(ones):
    problem = random_problem(200, 1, ones=ones)
    with spends(1.2 * 1.0 + 1):
        found = solve(problem, time_limit=1.0)
    assert (found.status, found.stopped) == (Status.FEASIBLE, Stopped.TIME_LIMIT)
    assert np.isfinite(found.bound)
    assert found.bound < found.samples.first.energy


def test_a_gap_that_is_allowed_is_not_called_optimal():
    problem = random_problem(60, 2, ones=25)
    proven = solve(problem)
    near = solve(problem, gap=0.2)
    assert proven.status is Status.OPTIMAL
    assert near.bound <= proven.samples.first.energy <= near.samples.first.energy
    assert near.raw["nodes"] <= proven.raw["nodes"]
    if near.samples.first.energy - near.bound > 1e-3:
        assert near.status is Status.FEASIBLE


def test_it_is_never_worse_than_its_start():
    problem = random_problem(150, 3, ones=70)
    best = solve(problem, time_limit=1.0)
    row = np.array([best.samples.first.sample[v] for v in problem.variables])
    again = solve(problem.with_start(row[None]), time_limit=0.05)
    assert again.samples.first.energy <= best.samples.first.energy


def test_what_no_choice_keeps_is_infeasible():
    free = random_problem(6, 0)
    limit = at_least(3, free.variables[:3])
    solution = solve(free.with_constraints([count(2), limit]))
    assert solution.status is Status.INFEASIBLE
    assert len(solution.samples) == 0


def test_a_wide_block_with_few_couplings_is_never_written_out():
    pairs = {(0, k): -1.0 for k in range(1, 20_000)}
    problem = Problem(dimod.BinaryQuadraticModel({}, pairs, 0.0, "BINARY"), 100)
    solution = solve(problem)
    assert solution.samples.first.energy == -99.0
    assert solution.bound <= -99.0


def test_the_number_of_workers_does_not_change_the_answer():
    random = np.random.default_rng(0)
    linear = {k: float(v) for k, v in enumerate(random.normal(size=60))}
    pairs = {
        (i, j): float(random.normal())
        for first in range(0, 60, 15)
        for i in range(first, first + 15)
        for j in range(i + 1, first + 15)
    }
    problem = Problem(dimod.BinaryQuadraticModel(linear, pairs, 0.0, "BINARY"), 20)
    one, two = (solve(problem, workers=workers) for workers in (1, 2))
    assert one.samples == two.samples
    assert one.bound == two.bound
    assert one.status is Status.OPTIMAL


CODE = """
from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.testing import random_problem
problem = random_problem(300, 1, ones=150)
backend = load_backend("branch-and-bound")
print("ready", flush=True)
run(backend, problem)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_is_obeyed():
    child = subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    guard = threading.Timer(60, child.kill)
    guard.start()
    assert child.stdout.readline() == "ready\n"
    time.sleep(1.5)
    os.kill(child.pid, signal.SIGINT)
    _, said = child.communicate()
    guard.cancel()
    assert child.returncode != -signal.SIGKILL, "it did not stop within a minute"
    assert "KeyboardInterrupt" in said
