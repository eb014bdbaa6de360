"""What Torch-Pruning 1.6.1 ranks channels by, computed on our channels.

Its formulas (``torch_pruning/pruner/importance.py``, group reduction "mean", no biases): every
parameter that a channel has slots in gives a score, the channel's is their mean, and a normaliser
divides by the mean over the group. Written in terms of our channels because its own groups exist
only where everything is tied; ``tests/test_benchmarks_claims.py`` holds both against each other
where Torch-Pruning is installed.

Its Taylor leaves batch norm out, whatever its list of layers says (the branch asks for the function
of group norm), and so does ours. One difference, on purpose: its Hessian's ``accumulate_grad``
looks for a parameter's *name* among parameters, never finds it, and so keeps the last sample's
squared gradient alone. Here it is the mean over all samples, as its documentation says.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.network import Channels
from secateur.network.device import device_of
from secateur.objectives import Objective, Terms
from secateur.statistics import ChannelStatistics
from secateur.tasks import Task

Scores = NDArray[np.float64]
Local = Callable[[str, Tensor], Tensor | None]
"""From a parameter's name and value, the dimension of the channels first, to a score a position;
None where the parameter has no say."""


def peers(network: nn.Module, channels: Channels, task: Task) -> dict[str, Scores]:
    """Every peer's scores, shape ``(n,)`` each; the lower, the sooner a channel goes.

    Arguments:
        network: dense; not changed.
        channels: of it.
        task: its calibration samples and loss give the gradients.
    """
    scales = _scales(network)
    first, second = gradients(network, task)

    def taylor(_: str, value: Tensor) -> Tensor | None:
        return value.abs().flatten(1).sum(1) if value.ndim > 1 else None

    def hessian(name: str, value: Tensor) -> Tensor | None:
        return value.reshape(len(value), -1).sum(1) if _counts(name, value, scales) else None

    def lamp(name: str, value: Tensor) -> Tensor | None:
        return (
            value.square().reshape(len(value), -1).sum(1) if _counts(name, value, scales) else None
        )

    def median(_: str, value: Tensor) -> Tensor | None:
        """Distances of the squared weights, as Torch-Pruning takes them; no batch norm."""
        if value.ndim < 2:
            return None
        flat = value.square().flatten(1)
        return torch.cdist(flat, flat).sum(0)

    def scale(name: str, value: Tensor) -> Tensor | None:
        return value.abs() if name in scales else None

    values = {name: parameter.detach() for name, parameter in network.named_parameters()}
    moved = {name: values[name] * first[name] for name in first}
    curved = {name: values[name].square() * second[name] for name in second}
    raw = grouped(channels, moved, taylor)
    made = {
        "Torch-Pruning Taylor, raw": raw,
        "Torch-Pruning Taylor": normalised(channels, raw),
        "Torch-Pruning OBD Hessian": normalised(channels, grouped(channels, curved, hessian)),
        "LAMP": layer_adaptive(channels, grouped(channels, values, lamp)),
        "FPGM": normalised(channels, grouped(channels, values, median)),
    }
    if scales:
        made["BNScale"] = last_without(normalised(channels, grouped(channels, values, scale)))
    return made


def grouped(channels: Channels, values: Mapping[str, Tensor], local: Local) -> Scores:
    """The mean over a channel's parameters of what each says; NaN where none does."""
    total, number = np.zeros(len(channels)), np.zeros(len(channels))
    for name, dims in channels.index.items():
        if name not in values:
            continue
        for dim, owner in dims.items():
            score = local(name, values[name].movedim(dim, 0))
            if score is None:
                continue
            own = np.asarray(owner)
            there = own >= 0
            np.add.at(total, own[there], score.double().numpy()[there])
            seen = np.zeros(len(channels), dtype=bool)
            seen[own[there]] = True
            number += seen
    return np.divide(total, number, out=np.full(len(channels), np.nan), where=number > 0)


def normalised(channels: Channels, scores: Scores) -> Scores:
    """Divided by the mean of each group."""
    made = scores.copy()
    for group in channels.groups:
        mean = scores[group.slice].mean()
        made[group.slice] /= mean if mean else 1.0
    return made


def layer_adaptive(channels: Channels, scores: Scores) -> Scores:
    """Each divided by the sum of those of its group that are not smaller (Lee et al. 2021)."""
    made = scores.copy()
    for group in channels.groups:
        own = scores[group.slice]
        order = np.argsort(own, kind="stable")
        left = np.cumsum(own[order][::-1])[::-1]
        made[group.start + order] = own[order] / left
    return made


def last_without(scores: Scores) -> Scores:
    """What has no score, having no batch norm, goes last: Torch-Pruning leaves it alone."""
    return np.where(np.isnan(scores), 1e3 * np.nanmax(scores), scores)


def scored(name: str, scores: Scores) -> Objective:
    """``E(z) = Σ s_i z_i``: the lowest scores go.

    Arguments:
        name: of the objective.
        scores: shape ``(n,)``.
    """

    class Scored(Objective):
        def terms(self, statistics: ChannelStatistics) -> Terms:
            return Terms(statistics.channels, scores)

    Scored.name = name
    return Scored()


def gradients(network: nn.Module, task: Task) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Of the calibration loss: the mean over samples, and the mean of the squares."""
    own = copy.deepcopy(network).eval().requires_grad_(True)
    first = {name: torch.zeros_like(p) for name, p in own.named_parameters()}
    second = {name: torch.zeros_like(p) for name, p in own.named_parameters()}
    samples = 0
    for batch in task.batches("calibration", device_of(own)):
        for number in range(batch.size):  # one by one: a network of the batch costs as much
            part = slice(number, number + 1)
            own.zero_grad()
            outputs = own(*(tensor[part] for tensor in batch.call.args))
            task.losses(outputs, batch.targets[part], size=1).sum().backward()
            samples += 1
            for name, parameter in own.named_parameters():
                if parameter.grad is not None:
                    first[name] += parameter.grad
                    second[name] += parameter.grad.square()
    return (
        {name: total / samples for name, total in first.items()},
        {name: total / samples for name, total in second.items()},
    )


def _scales(network: nn.Module) -> set[str]:
    """The names of batch norms' factors."""
    return {
        f"{path}.weight"
        for path, module in network.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine
    }


def _counts(name: str, value: Tensor, scales: set[str]) -> bool:
    """Weights and batch norms' factors; no biases."""
    return value.ndim > 1 or name in scales
