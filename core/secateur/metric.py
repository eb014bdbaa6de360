"""The one evaluator: the task's metric of a network, dense, masked, compensated or slim."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.faults import named
from secateur.network import Channels, GatedNetwork
from secateur.network.bench import Bench
from secateur.network.cut import cut
from secateur.network.device import device_of
from secateur.network.run import evaluation, input_error
from secateur.tasks import Split, Task
from secateur.tasks.batches import Batch

Keep = NDArray[np.bool_]
Runner = Callable[[Batch], object]
"""Gives the outputs for a batch."""
Compensator = Callable[[Keep], nn.Module]
"""Gives the dense network with the layers re-fitted that read what a mask takes away."""


class Evaluator:
    """What a network is worth on a task, in whatever state it is.

    A refinement sees the same numbers as the report: both ask here.

    Arguments:
        network: dense; not changed.
        channels: of it.
        task: gives the samples and the metric.
        compensate: for ``compensated``; ``secateur.surgery.compensation`` gives one.
    """

    def __init__(
        self,
        network: nn.Module,
        channels: Channels,
        task: Task,
        *,
        compensate: Compensator | None = None,
    ) -> None:
        self.network, self.channels, self.task = network, channels, task
        self._compensate = compensate

    def dense(self, split: Split = "test") -> float:
        """The mean metric of the network as it was given."""
        return evaluate(self.network, self.task, split)

    def masked(self, keep: Keep, split: Split = "test") -> float:
        """The mean metric with zeros where channels are read that do not stay.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.
            split: of the task.
        """
        return self._mean(self.masking(keep), split)

    def compensated(self, keep: Keep, split: Split = "test") -> float:
        """The same after the layers that read them were re-fitted.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.
            split: of the task.
        """
        return self._mean(self.compensating(keep), split)

    def slim(self, network: nn.Module, split: Split = "test") -> float:
        """The mean metric of another network on the same samples.

        Arguments:
            network: cut, compensated, trained further.
            split: of the task.
        """
        return evaluate(network, self.task, split)

    def masking(self, keep: Keep) -> Runner:
        """Runs the masked network."""
        return lambda batch: self._gated.masked(batch.call, keep)

    def cutting(self, keep: Keep) -> Runner:
        """Runs what a cut leaves: the same numbers as masked, in less time."""
        return lambda batch: run_batch(self._bench.cut(keep), batch)

    def cut(self, keep: Keep) -> nn.Module:
        """What a cut leaves: not to be changed, and another one after the next call."""
        return self._bench.cut(keep)

    def compensating(self, keep: Keep) -> Runner:
        """Fits and cuts once, then runs what is left."""
        assert self._compensate is not None, "this evaluator was made without compensation"
        slim = cut(self._compensate(keep), self.channels, keep)
        return lambda batch: run_batch(slim, batch)

    def _mean(self, runner: Runner, split: Split) -> float:
        return mean_metric(runner, self.task, self.task.batches(split, device_of(self.network)))

    @cached_property
    def _bench(self) -> Bench:
        return Bench(self.network, self.channels)

    @cached_property
    def _gated(self) -> GatedNetwork:
        return GatedNetwork(self.network, self.channels)


@named
def evaluate(network: nn.Module, task: Task, split: Split = "test") -> float:
    """The mean metric of a network over the samples of a split.

    Arguments:
        network: run as it is, in evaluation mode.
        task: gives the samples and the metric.
        split: of the task.

    Raises:
        DataError: the network fails on the data.
        MetricError: the metric is not finite, or no number a sample.
    """
    return mean_metric(
        lambda batch: run_batch(network, batch), task, task.batches(split, device_of(network))
    )


def mean_metric(runner: Runner, task: Task, batches: Iterable[Batch]) -> float:
    """The mean over samples of the metric of what a runner gives.

    Arguments:
        runner: gives the outputs for a batch.
        task: gives the metric.
        batches: at least one sample.

    Raises:
        MetricError: the metric is not finite, or no number a sample.
    """
    total, samples = 0.0, 0
    with torch.no_grad():
        for batch in batches:
            values = task.metrics(runner(batch), batch.targets, size=batch.size)
            total += float(values.double().sum())
            samples += batch.size
    return total / samples


def run_batch(network: nn.Module, batch: Batch) -> object:
    """A network's outputs for a batch, in evaluation mode.

    Raises:
        DataError: forward fails on these inputs.
    """
    with evaluation(network):
        try:
            return network(*batch.call.args, **batch.call.kwargs)
        except (RuntimeError, TypeError, ValueError, IndexError, KeyError) as error:
            if isinstance(error, torch.OutOfMemoryError):
                raise
            raise input_error(network, batch.call, error) from error
