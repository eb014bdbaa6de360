"""The one evaluator: the mean metric of a network, dense, cut or masked, on a split."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.network import Channels, GatedNetwork
from secateur.network.device import device_of as device_of
from secateur.network.run import evaluation, input_error
from secateur.tasks import Split, Task
from secateur.tasks.batches import Batch


def evaluate(
    network: nn.Module,
    task: Task,
    split: Split = "test",
    *,
    channels: Channels | None = None,
    keep: NDArray[np.bool_] | None = None,
) -> float:
    """The mean metric over the samples of a split.

    Arguments:
        network: run as it is, in evaluation mode.
        task: gives the samples and the metric.
        split: of the task.
        channels: with ``keep``, of the masked network instead.
        keep: the channels that stay, shape ``(n,)``.

    Raises:
        DataError: the network fails on the data.
        MetricError: the metric is not finite, or no number a sample.
    """
    total, samples = 0.0, 0
    gated = None if channels is None else GatedNetwork(network, channels)
    with torch.no_grad():
        for batch in task.batches(split, device_of(network)):
            if gated is None or keep is None:
                outputs = run_batch(network, batch)
            else:
                outputs = gated.masked(batch.call, keep)
            values = task.metrics(outputs, batch.targets, size=batch.size)
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
            raise input_error(batch.call, error) from error
