"""What the samplers of dwave-samplers promise beyond the kit: ranges, warm starts, Ctrl-C."""

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

from secateur.backends import Stopped
from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.errors import BackendOptionError, BackendUnsuitable
from secateur.problem import Problem
from secateur.testing import brute_force, random_problem
from secateur_backends import annealing
from tests.clocks import spends
from tests.planted import planted

SAMPLERS = ("annealing", "tabu", "steepest-descent", "path-integral")


def test_neal_is_another_name_of_annealing():
    assert load_backend("neal") is load_backend("annealing")


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_true_range_of_the_seed(name):
    """The vendor's message says 2^32 - 1, and it refuses more than 2^31 - 1."""
    most = 2**31 - (2 if name == "path-integral" else 1)
    quick = {"time_limit": 0.01} if name == "tabu" else {}
    problem = random_problem(4, 0)
    assert run(load_backend(name), problem, quick, seed=most).seed == most
    for seed in (most + 1, -1):
        with pytest.raises(BackendOptionError, match="seed"):
            run(load_backend(name), problem, quick, seed=seed)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_seed_that_was_drawn_is_reported_and_repeats_the_run(name):
    problem = Problem(planted(30, 1)[0])
    quick = {"time_limit": 0.05} if name == "tabu" else {"reads": 3}
    first = run(load_backend(name), problem, quick)
    again = run(load_backend(name), problem, quick, seed=first.seed)
    if name != "tabu":  # its runs end by the clock
        np.testing.assert_array_equal(first.samples.record.sample, again.samples.record.sample)
    assert run(load_backend(name), problem, quick).seed != first.seed


@pytest.mark.parametrize("seed", range(3))
def test_steepest_descent_ends_in_the_basin_of_its_start(seed):
    problem = random_problem(10, seed)
    start = np.random.default_rng(seed).integers(0, 2, (1, 10)).astype(np.int8)
    warm = Problem(problem.bqm, start=start)
    found = run(load_backend("steepest-descent"), warm, {"reads": 1}).samples.record.sample[0]
    bits = start[0].astype(float)
    while True:  # our own descent
        change = (1 - 2 * bits) * (problem.linear + problem.couplings @ bits)
        if change.min() >= 0:
            break
        bits[change.argmin()] = 1 - bits[change.argmin()]
    np.testing.assert_array_equal(found, bits)


@pytest.mark.parametrize("name", ["annealing", "tabu"])
def test_what_was_known_at_the_start_is_not_lost(name):
    """Too hot and too short to find anything, and yet the optimum is in the answer."""
    problem = random_problem(12, 2)
    optimum, bits = brute_force(problem)
    warm = Problem(problem.bqm, start=bits[None, :])
    spoilt = {"annealing": {"reads": 1, "sweeps": 1, "beta_hot": 1e-6, "beta_cold": 2e-6}}
    options = spoilt.get(name, {"time_limit": 0.001})
    assert run(load_backend(name), warm, options, seed=1).samples.first.energy == pytest.approx(
        optimum
    )


def test_a_time_limit_stops_between_two_reads():
    problem = Problem(planted(60, 2)[0])
    options = {"reads": 100_000, "sweeps": 100, "time_limit": 0.2}
    with spends(20 * 0.2 + 5):  # of some 100 s
        solution = run(load_backend("annealing"), problem, options)
    assert solution.stopped is Stopped.TIME_LIMIT
    assert len(solution.samples) >= 1


CODE = """
from secateur.problem import Problem
from secateur.backends.registry import load_backend
from secateur.backends.call import run
from secateur_backends import annealing
from tests.planted import planted
print("ready", flush=True)
run(load_backend({name!r}), Problem(planted(100, 1)[0]), {options!r})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("annealing", {"reads": 10**6, "sweeps": 1000}),
        ("tabu", {"time_limit": 120.0}),
        ("path-integral", {"reads": 10**6}),
    ],
)
def test_ctrl_c_is_obeyed_within_the_c_code(name, options):
    code = CODE.format(name=name, options=options)
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    guard = threading.Timer(60, child.kill)
    guard.start()
    assert child.stdout.readline() == "ready\n"
    time.sleep(1.0)
    os.kill(child.pid, signal.SIGINT)
    _, said = child.communicate()
    guard.cancel()
    assert child.returncode != -signal.SIGKILL, "it did not stop within a minute"
    assert "KeyboardInterrupt" in said


def sparse(n):
    """A ring."""
    ring = np.arange(n)
    return Problem.from_arrays(
        range(n), np.where(ring % 3, 1.0, -1.0), (ring, (ring + 1) % n, np.full(n, 0.5))
    )


@pytest.mark.parametrize("n", [6_000, 12_432])
def test_tabu_refuses_what_it_cannot_even_set_up_in_time(n):
    """Its matrix is dense whatever the problem is: 12 s on this project's machine at 12 432."""
    said = f"{n} variables .* takes .* s at least"
    with spends(5.0), pytest.raises(BackendUnsuitable, match=said) as caught:
        run(load_backend("tabu"), sparse(n))
    assert "decompose:tabu" in caught.value.remedy
    told = float(caught.value.remedy.split()[2])
    suits = load_backend("tabu")().applicability
    options = load_backend("tabu").make_options
    assert suits(sparse(n), options({"time_limit": told * 1.01})).applicable
    assert suits(sparse(n), options({})).seconds == pytest.approx(8e-8 * n**2, rel=0.1)


def test_steepest_descent_counts_that_each_step_looks_at_all():
    """A start took 5 s at 100 000 variables, and 0.1 s at 12 432."""
    descent = load_backend("steepest-descent")
    limited = descent.make_options({"time_limit": 1.0})
    assert descent().applicability(sparse(12_432), limited).applicable
    assert not descent().applicability(sparse(100_000), limited).applicable


@pytest.mark.parametrize("name", SAMPLERS)
def test_what_the_machine_cannot_hold_is_refused(name, monkeypatch):
    monkeypatch.setattr(annealing, "memory_here", lambda: 2**26)
    suits = load_backend(name)().applicability
    options = load_backend(name).make_options({"reads": 1, "time_limit": 1e6})
    assert suits(sparse(1000), options).applicable
    wide = suits(sparse(3000), options)
    assert wide.applicable == (name != "tabu")
    large = suits(sparse(400_000), options)
    assert not large.applicable
    assert "0.062" in large.reason
    assert large.memory_bytes > 2**26


@pytest.mark.parametrize(("reads", "limit"), [(1, 0.5), (3, 1.0), (100, 2.0), (5, 0.001)])
def test_setting_up_is_within_the_time_limit_of_tabu(reads, limit, monkeypatch):
    asked = {}

    class Recorder:
        def sample(self, bqm, **given):
            asked.update(given)
            return dimod.SampleSet.from_samples_bqm(np.zeros((1, 2000), np.int8), bqm)

    tabu = load_backend("tabu")
    monkeypatch.setattr(tabu, "_sampler", lambda self: Recorder())
    found = run(tabu, sparse(2000), {"reads": reads, "time_limit": limit, "seed": 1})
    setting_up = 4.5e-8 * 2000**2  # of the call; a copy for each read
    each = 3.5e-8 * 2000**2 + asked["timeout"] / 1000
    assert 1 <= asked["num_reads"] <= reads
    assert asked["num_reads"] == 1 or setting_up + asked["num_reads"] * each <= limit
    assert found.raw["reads"] == asked["num_reads"]
    assert (found.stopped is Stopped.TIME_LIMIT) == (asked["num_reads"] < reads)
