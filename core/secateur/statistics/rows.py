"""The passes over the calibration data: derivatives with respect to the gates, sample by sample.

For each batch: one forward pass with a gate behind every channel, one backward pass for the loss
of each sample, and one for each Fisher probe.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import NetworkError, SecateurError
from secateur.network import GatedNetwork
from secateur.network.gates import Observer
from secateur.statistics.probes import fisher_probes
from secateur.tasks.base import Task
from secateur.tasks.batches import Batch
from secateur.tasks.scores import check_outputs


@dataclass(frozen=True, eq=False)
class GateRows:
    """Derivatives of some samples, in the precision of the network and on the CPU.

    Arguments:
        losses: of each sample, shape ``(batch,)``.
        gradients: ``∂L_s/∂m_i``, in units of loss, shape ``(batch, n)``.
        fisher: ``v'J`` of every probe, shape ``(probes, batch, n)``.
    """

    losses: Tensor
    gradients: Tensor
    fisher: Tensor


def gate_rows(
    gated: GatedNetwork,
    task: Task,
    batches: Iterable[Batch],
    *,
    probes: int,
    generator: torch.Generator,
    observe: Observer | None = None,
    keep: NDArray[np.bool_] | None = None,
) -> Iterator[GateRows]:
    """The derivatives of every sample, in the order of the data.

    Samples go together as far as they can be told apart by their place in a batch, else one by
    one. Gradients have to be enabled, and the network's parameters are best frozen.

    Arguments:
        gated: the network.
        task: gives the loss and the likelihood.
        batches: of the task.
        probes: Fisher probes a sample.
        generator: of their random numbers, on the network's device.
        observe: sees every place where channels are read.
        keep: the channels that stay, shape ``(n,)``; the gates of the others are zero, and their
            derivatives say what they would bring back. All unless given.

    Raises:
        DataError: the data do not fit the network, are empty or not finite.
        NetworkError: the dense network's outputs are not finite.
        MetricError: the loss is not finite or has no curvature.
    """
    together: bool | None = None
    for batch in batches:
        if together is None and batch.size > 1:
            together = _separable(gated, task, batch.take(slice(0, 2)), keep)
        parts = [batch] if together or batch.size == 1 else _singly(batch)
        for part in parts:
            yield _rows_of(gated, task, part, probes, generator, observe, keep)


def _rows_of(
    gated: GatedNetwork,
    task: Task,
    part: Batch,
    probes: int,
    generator: torch.Generator,
    observe: Observer | None,
    keep: NDArray[np.bool_] | None,
) -> GateRows:
    gates = _gates(gated.network, part.size, len(gated.channels), keep)
    outputs = gated(part.call, gates, keep=keep, observe=observe)
    check_outputs(outputs)
    losses = task.losses(outputs, part.targets, size=part.size)
    gradients = _gate_gradient(losses.sum(), gates, keep=probes > 0)
    fisher = gradients.new_zeros(probes, *gradients.shape)
    probing = fisher_probes(task, outputs, part.targets, probes, generator, size=part.size)
    for index, probe in enumerate(probing):
        scalar = torch.stack([(out * v).sum() for out, v in probe]).sum()
        fisher[index] = _gate_gradient(scalar, gates, keep=index + 1 < probes)
    return GateRows(losses.detach(), gradients, fisher)


def _gates(
    network: nn.Module, samples: int, n: int, keep: NDArray[np.bool_] | None = None
) -> Tensor:
    first = next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(1))
    gates = torch.ones(samples, n, device=first.device, dtype=first.dtype)
    if keep is not None:
        gates *= torch.as_tensor(keep).to(gates)
    return gates.requires_grad_()


def _gate_gradient(scalar: Tensor, gates: Tensor, *, keep: bool) -> Tensor:
    if not scalar.requires_grad:
        raise NetworkError(
            "the loss does not depend on any channel in a way that can be differentiated",
            remedy="leave detach(), no_grad() and .item() out of forward and loss",
        )
    (gradient,) = torch.autograd.grad(scalar, gates, retain_graph=keep, allow_unused=True)
    return torch.zeros_like(gates).cpu() if gradient is None else gradient.detach().cpu()


def _singly(batch: Batch) -> Iterator[Batch]:
    for index in range(batch.size):
        yield batch.take(index)


def _separable(
    gated: GatedNetwork, task: Task, pair: Batch, keep: NDArray[np.bool_] | None = None
) -> bool:
    """Whether samples of a batch can be told apart by their place where channels are read.

    Measured, not assumed: the derivatives of two samples at once against each by itself.
    """

    def derivatives(part: Batch) -> Tensor:
        gates = _gates(gated.network, part.size, len(gated.channels), keep)
        outputs = gated(part.call, gates, keep=keep)
        check_outputs(outputs)
        loss = task.losses(outputs, part.targets, size=part.size)
        return _gate_gradient(loss.sum(), gates, keep=False)

    singly = torch.cat([derivatives(pair.take(index)) for index in range(2)])
    try:
        together = derivatives(pair)
    except SecateurError:
        return False
    scale = float(singly.abs().max())
    return bool(((together - singly).abs() <= 1e-3 * scale).all())
