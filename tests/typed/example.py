"""What a user of the library writes, with types: every main result is what it says it is.

It is checked by ``mypy --strict`` against the package as it is installed, and not run. Each
``assert_type`` fails where a name has become ``Any``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import dimod
import torch
from torch import Tensor, nn

import secateur
from secateur.backends import Availability, BackendOptions, load_backend
from secateur.errors import OptionError
from secateur.files import QuboFile, read_file
from secateur.problem import count
from secateur.surgery.export import Exported


def accuracy(outputs: Tensor, labels: Tensor) -> Tensor:
    """For each sample."""
    return (outputs.argmax(1) == labels).float()


def task_of(batches: list[tuple[Tensor, Tensor]]) -> secateur.Task:
    """As in the tutorial."""
    return secateur.Task(
        calibration=batches,
        selection=batches,
        loss=nn.functional.cross_entropy,
        metric=accuracy,
        metric_name="accuracy",
        likelihood="categorical",
    )


def prune_one(network: nn.Module, task: secateur.Task) -> nn.Module:
    """The short door, and what comes of it."""
    result = secateur.prune(network, task, amount=0.36, objective="fisher", seed=1)
    assert_type(result, secateur.PruningResult)
    assert_type(result.network, nn.Module)
    assert_type(result.selection, secateur.Selection)
    assert_type(result.rows[-1].metric, float)
    assert_type(result.rows[-1].metric_compensated, float | None)
    assert_type(result.channels, secateur.Channels)
    assert_type(result.statistics, secateur.ChannelStatistics)
    assert_type(result.save("smaller"), Path)
    again = secateur.prune(result, task, amount="10%", refine=secateur.TensorTrain(evaluations=20))
    assert_type(again, secateur.PruningResult)
    assert_type(secateur.load_slim(network, "smaller"), nn.Module)
    trained = secateur.finetune(again, task.calibration, epochs=2, settled=True)
    assert_type(trained, secateur.PruningResult)
    assert_type(secateur.export(trained, "smaller.onnx"), Exported)
    return trained.network


def prune_many(network: nn.Module, task: secateur.Task) -> secateur.PruningResult:
    """Measured once; a method is a value."""
    measured = secateur.measure(network, task, probes=4)
    assert_type(measured, secateur.Measured)
    assert_type(measured.qubo("residual"), dimod.BinaryQuadraticModel)
    assert_type(measured.dense_metric, float)
    method = secateur.Method("hybrid", backend="annealing", options={"reads": 10})
    assert_type(measured.prune(method, amount=12), secateur.PruningResult)
    found = secateur.find_channels(network, [torch.zeros(1, 3)])
    assert_type(found, secateur.Channels)
    return secateur.compare(network, task, [method, "fisher"], budget={"macs": 0.5})


def solve_file(path: Path) -> dict[Any, int]:
    """A QUBO of any origin, under demands."""
    read = read_file(path)
    assert_type(read, QuboFile)
    answer = secateur.solve(read.bqm, constraints=[count(3)], backend="annealing", time_limit=1.0)
    assert_type(answer, secateur.Selection)
    assert_type(answer.energy, float)
    assert_type(answer.bound, float | None)
    assert_type(answer.proof, str)
    assert_type(answer.count, int)
    return answer.sample


class Mine(secateur.Backend):
    """A solver of one's own."""

    name = "mine"

    def solve(self, problem: secateur.Problem, options: BackendOptions) -> secateur.Solution:
        """Keep the first variables."""
        assert_type(problem.n, int)
        assert_type(problem.bqm, dimod.BinaryQuadraticModel)
        raise OptionError("not today", remedy="try another")


def usable(name: str) -> bool:
    """Whether a backend can be used here."""
    backend = load_backend(name)
    assert_type(backend, type[secateur.Backend])
    assert_type(backend.availability(), Availability)
    try:
        return backend.availability().usable
    except secateur.SecateurError as error:
        print(error.remedy)
        return False
