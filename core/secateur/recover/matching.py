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
    each tensor in units of its own variance over the selection split. Classes: the Kullback–Leibler
    divergence of softened probabilities, times the square of the temperature (Hinton, Vinyals, Dean
    2015). Yes or no: the same for each.

    Arguments:
        task: says what its outputs parametrise.
        network: the dense one; run on the selection split, to see its outputs.
        temperature: softens probabilities; 1 leaves them as they are.

    Raises:
        MetricError: it cannot be told which outputs the likelihood is about.
    """
    pick = _picker(task, network)
    if task.likelihood == "gaussian":
        spreads = spreads_of(task, network, pick)
        return lambda outputs, taught: squared(pick(outputs), pick(taught), spreads)
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


def spreads_of(
    task: Task, network: nn.Module, pick: Callable[[Any], list[Tensor]]
) -> tuple[float, ...]:
    """The variance of each tensor that is picked, over the selection split.

    One number for all batches: a batch's own would let those rule whose outputs hardly differ.
    """
    count: list[int] = []
    sums: list[list[float]] = []
    with torch.no_grad():
        for batch in task.batches("selection", device_of(network)):
            picked = [one.double() for one in pick(network(*batch.call.args, **batch.call.kwargs))]
            count.append(picked[0].numel())
            sums.append([float(f(one)) for one in picked for f in (torch.mean, _mean_square)])
    weights = torch.tensor(count, dtype=torch.float64) / sum(count)
    means, squares = (weights @ torch.tensor(sums, dtype=torch.float64)).view(-1, 2).T
    return tuple((squares - means.square()).clamp_min(1e-12).tolist())


def _mean_square(values: Tensor) -> Tensor:
    return values.square().mean()


def squared(own: Sequence[Tensor], wanted: Sequence[Tensor], spreads: Sequence[float]) -> Tensor:
    """The sum over tensors of the mean squared difference, each in units of its variance.

    Arguments:
        own: of the smaller network.
        wanted: of the dense one, in the same shapes.
        spreads: a variance for each.
    """
    parts = [
        (mine - aim).square().mean() / spread
        for mine, aim, spread in zip(own, wanted, spreads, strict=True)
    ]
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
