"""Every backend of the project keeps the contract, by the kit that strangers use."""

from __future__ import annotations

from typing import ClassVar

import pytest
from qiskit.primitives import StatevectorSampler

from secateur.testing import BackendConformance


class TestAnnealing(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "annealing"


class TestNeal(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "neal"


class TestTabu(BackendConformance):
    options: ClassVar = {"time_limit": 0.02}

    @pytest.fixture
    def backend(self):
        return "tabu"


class TestSteepestDescent(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "steepest-descent"


class TestPathIntegral(BackendConformance):
    options: ClassVar = {"reads": 5}

    @pytest.fixture
    def backend(self):
        return "path-integral"


class TestExhaustive(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "exhaustive"


class TestGurobi(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "gurobi"


class TestBranchAndBound(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "branch-and-bound"


class TestQAOA(BackendConformance):
    options: ClassVar = {"reps": 2}

    @pytest.fixture
    def backend(self):
        return "qaoa"


class TestQAOADevice(BackendConformance):
    """On a sampler of Qiskit that is not a device, but is called as one."""

    options: ClassVar = {"sampler": StatevectorSampler(seed=7), "iterations": 10}
    large = 8

    @pytest.fixture
    def backend(self):
        return "qaoa-device"


class TestDecomposed(BackendConformance):
    options: ClassVar = {"size": 4, "patience": 40}

    @pytest.fixture
    def backend(self):
        return "decompose:exhaustive"


class TestGreedySampler(BackendConformance):
    """Any ``dimod.Sampler`` class is a backend."""

    @pytest.fixture
    def backend(self):
        from dwave.samplers import TreeDecompositionSolver

        return TreeDecompositionSolver
