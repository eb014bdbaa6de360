"""How far the outputs of two networks are from each other, whatever form they have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.network.device import device_of
from secateur.network.trees import tensors_in
from secateur.tasks import Task
from secateur.tasks.likelihood import likelihood_outputs

Distance = Callable[[Any, Any], Tensor]
"""From the smaller network's outputs and the dense one's to a scalar."""


def distance_of(task: Task, network: nn.Module, temperature: float) -> Distance:
    """The distance that fits what a task's outputs are.

    It is about those outputs that the task's loss depends on. Numbers: the mean squared difference,
    each tensor in units of its own variance. Classes: the Kullback–Leibler divergence of softened
    probabilities, times the square of the temperature (Hinton, Vinyals, Dean 2015). Yes or no: the
    same for each.

    Arguments:
        task: says what its outputs parametrise.
        network: run once on a batch of the selection split, to see its outputs.
        temperature: softens probabilities; 1 leaves them as they are.

    Raises:
        MetricError: it cannot be told which outputs the likelihood is about.
    """
    pick = _picker(task, network)
    if task.likelihood == "gaussian":
        return lambda outputs, taught: squared(pick(outputs), pick(taught))
    soft = categorical if task.likelihood == "categorical" else bernoulli

    def distance(outputs: Any, taught: Any) -> Tensor:
        pairs = zip(pick(outputs), pick(taught), strict=True)
        parts = [soft(own / temperature, aim / temperature) for own, aim in pairs]
        return temperature**2 * torch.stack(parts).sum()

    return distance


def _picker(task: Task, network: nn.Module) -> Callable[[Any], list[Tensor]]:
    """From outputs to the tensors that the likelihood is about."""
    if task.prediction is not None:
        prediction = task.prediction
        return lambda outputs: [prediction(outputs)]
    batches = task.batches("selection", device_of(network))
    try:
        batch = next(batches)
    finally:
        batches.close()
    with torch.no_grad():
        outputs = network(*batch.call.args, **batch.call.kwargs)
    found = likelihood_outputs(task, outputs, batch.targets, batch.size)
    probed = {id(one.tensor) for one in found}
    paths = [path for path, tensor in tensors_in(outputs).items() if id(tensor) in probed]

    def pick(outputs: Any) -> list[Tensor]:
        found = tensors_in(outputs)
        return [found[path] for path in paths]

    return pick


def squared(own: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """The mean squared difference, relative to the variance of each tensor that is wanted."""
    parts = []
    for mine, aim in zip(own, wanted, strict=True):
        spread = aim.double().var(unbiased=False).clamp_min(1e-12).to(mine.dtype)
        parts.append((mine - aim).square().mean() / spread)
    return torch.stack(parts).sum()


def categorical(logits: Tensor, wanted: Tensor) -> Tensor:
    """KL(wanted ‖ logits) in nats, classes in dimension 1, mean over samples and positions."""
    log_p, log_q = F.log_softmax(wanted, 1), F.log_softmax(logits, 1)
    return (log_p.exp() * (log_p - log_q)).sum(1).mean()


def bernoulli(logits: Tensor, wanted: Tensor) -> Tensor:
    """KL(wanted ‖ logits) in nats of one yes or no each, mean over all."""
    p = wanted.sigmoid()
    on = F.logsigmoid(wanted) - F.logsigmoid(logits)
    off = F.logsigmoid(-wanted) - F.logsigmoid(-logits)
    return (p * on + (1 - p) * off).mean()
