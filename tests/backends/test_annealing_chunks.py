"""A time limit cuts reads into pieces; without one nothing changes."""

from __future__ import annotations

import dimod
import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler

from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.errors import BackendUnsuitable
from secateur.problem import Problem
from secateur_backends.annealing import Annealing
from secateur_backends.annealing_chunks import beta_range, betas
from tests.clocks import spends


def dense(n: int, seed: int = 0) -> Problem:
    random = np.random.default_rng(seed)
    row, col = np.triu_indices(n, 1)
    bias = random.normal(size=len(row))
    return Problem.from_arrays(range(n), random.normal(size=n), (row, col, bias))


@pytest.mark.parametrize("schedule", ["geometric", "linear"])
def test_the_schedule_is_the_vendors(schedule):
    """The vendor's run on its own schedule is its run on ours, bit for bit."""
    bqm = dense(40).bqm
    sampler = SimulatedAnnealingSampler()
    own = sampler.sample(
        bqm, beta_range=[0.01, 3.0], beta_schedule_type=schedule, num_sweeps=50, seed=7
    )
    ours = sampler.sample(
        bqm,
        beta_schedule_type="custom",
        beta_schedule=betas(0.01, 3.0, 50, schedule),
        num_sweeps=50,
        seed=7,
    )
    assert (own.record.sample == ours.record.sample).all()


@pytest.mark.parametrize("limit", [None, 60.0])
def test_a_short_read_is_the_vendors_with_a_limit_or_without(limit):
    problem = dense(60)
    options = {"reads": 3, "sweeps": 100, "seed": 5, "time_limit": limit}
    found = run(load_backend("annealing"), problem, options)
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
        problem.linear, problem.quadratic, 0.0, dimod.BINARY
    )
    own = SimulatedAnnealingSampler().sample(
        bqm, num_reads=3, num_sweeps=100, beta_range=list(beta_range(problem)), seed=5
    )
    assert (found.samples.record.sample == own.record.sample).all()
    assert found.stopped == "completed"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("annealing", {"reads": 50, "sweeps": 20_000}),
        ("annealing", {"reads": 1, "sweeps": 1_000_000}),
        ("tabu", {"reads": 2}),
        ("steepest-descent", {"reads": 100_000}),
        ("path-integral", {"reads": 10, "sweeps": 5000}),
    ],
)
def test_a_limit_is_kept_within_a_read(name, options):
    problem = dense(400)
    with spends(1.2 * 0.5 + 1.0):
        found = run(load_backend(name), problem, {**options, "time_limit": 0.5})
    assert len(found.samples) >= 1
    if name != "tabu":
        assert found.stopped == "time limit"


def test_a_read_that_was_made_to_fit_is_still_cooled():
    problem = dense(400)
    found = run(Annealing(), problem, {"reads": 1, "sweeps": 1_000_000, "time_limit": 0.7})
    assert 10 <= found.raw["sweeps"] < 1_000_000
    random = np.random.default_rng(0).integers(0, 2, size=(200, 400))
    # however few sweeps a busy machine leaves, at the start of a schedule it is as good as these
    assert found.samples.first.energy < 2 * problem.energies(random).min()


@pytest.mark.parametrize("name", ["annealing", "tabu", "path-integral", "steepest-descent"])
def test_what_cannot_fit_is_refused_before_it_starts(name):
    suits = load_backend(name)
    problem = dense(1500)
    backend = suits()
    backend.cost = type(backend.cost)(each=1e-4, work=0.0)  # a slower machine
    with spends(5.0), pytest.raises(BackendUnsuitable, match="time limit of a call"):
        run(backend, problem, {"time_limit": 0.5})
