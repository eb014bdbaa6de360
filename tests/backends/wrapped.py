"""A stranger's sampler, functions and algorithm, to be wrapped."""

from __future__ import annotations

import random
from typing import ClassVar

import dimod
import numpy as np
from qiskit_optimization.algorithms import MinimumEigenOptimizer
from qiskit_optimization.minimum_eigensolvers import NumPyMinimumEigensolver

from secateur.backends import BackendOptions, option


class Careless(dimod.Sampler):
    """Draws from the global states, whatever it is told; claims what is wanted."""

    properties: ClassVar = {}
    parameters: ClassVar = {"num_reads": []}

    def __init__(self, claims="truth", address=None):
        self.claims = claims
        if address == "nowhere":
            raise OSError("no route")

    def sample(self, bqm, *, num_reads=400):
        rows = np.random.randint(0, 2, (num_reads, bqm.num_variables))
        rows[0] ^= random.getrandbits(1)
        greedy = dimod.SampleSet.from_samples_bqm((rows, list(bqm.variables)), bqm)
        if self.claims == "spin":
            greedy = greedy.change_vartype("SPIN", inplace=False)
        if self.claims == "nan":
            greedy.record.energy[:] = np.nan
        if self.claims == "shifted":
            greedy.record.energy[:] += 1.0
        if self.claims == "nobody's":
            greedy = greedy.relabel_variables({v: f"{v}!" for v in bqm.variables}, inplace=False)
        bqm.scale(0.0)  # a problem of its own
        return greedy


def as_one(problem, options):
    """All states, best first."""
    assert isinstance(options, BackendOptions)
    states = np.arange(2**problem.n)[:, None] >> np.arange(problem.n)[None, :] & 1
    return states[np.argsort(problem.energies(states))][: options.reads]


def by_keyword(problem, *, reads=3, penalty=1.0):
    """The same."""
    states = np.arange(2**problem.n)[:, None] >> np.arange(problem.n)[None, :] & 1
    return states[np.argsort(problem.energies(states))][:reads]


READS = option(5, "rows", least=1, most=1000)


def exact_eigensolver(*, levels: int = 1):
    assert levels >= 1
    return MinimumEigenOptimizer(NumPyMinimumEigensolver())
