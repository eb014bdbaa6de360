"""One pass over the calibration data, from which every objective is made.

For each batch: one forward pass with a gate behind every channel, one backward pass for the loss
of each sample, and one for each Fisher probe. Memory does not depend on the size of the data but
for the rows that are kept (``n`` numbers a sample and a probe).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import NetworkError, OptionError, SecateurError
from secateur.metric import device_of
from secateur.network import Channels, GatedNetwork
from secateur.network.door import differentiable
from secateur.progress import track
from secateur.statistics.magnitude import l1_norms
from secateur.statistics.preserved import frozen_parameters, preserved_rng
from secateur.statistics.probes import fisher_probes
from secateur.statistics.similarity import ActivationMoments
from secateur.tasks.base import Task
from secateur.tasks.batches import Batch
from secateur.tasks.scores import check_outputs

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """What was measured, with n channels in the order of ``channels.labels``.

    Arguments:
        channels: the channels measured.
        gate_gradients: ``∂L_s/∂m_i``, shape ``(samples, n)``, in units of loss.
        fisher_rows: ``v'J`` of each probe, scaled so that ``rows'rows / len(rows)`` estimates the
            Gauss–Newton matrix of the mean loss; shape ``(samples · probes, n)``.
        fisher_samples: the sample that each row belongs to, shape ``(samples · probes,)``.
        gram: for every group, the mean over positions of ``a a'``, shape ``(size, size)``.
        mean: for every group, the mean activation, shape ``(size,)``.
        l1: L1 norm of each filter's weights, shape ``(n,)``.
        loss: the mean loss of the dense network.
        seed: of the probes.
    """

    channels: Channels
    gate_gradients: Matrix
    fisher_rows: Matrix
    fisher_samples: NDArray[np.intp]
    gram: tuple[Matrix, ...]
    mean: tuple[Matrix, ...]
    l1: Matrix
    loss: float
    seed: int

    @property
    def samples(self) -> int:
        """The number of calibration samples."""
        return len(self.gate_gradients)

    @property
    def probes(self) -> int:
        """Fisher probes a sample; 0: there are no Fisher rows."""
        return len(self.fisher_rows) // max(1, self.samples)

    @cached_property
    def taylor(self) -> Matrix:
        """``mean_s |∂L_s/∂m_i|`` (Molchanov et al. 2019, gate form), shape ``(n,)``."""
        return np.abs(self.gate_gradients).mean(axis=0)

    @cached_property
    def gradient(self) -> Matrix:
        """The signed mean ``∂L/∂m_i``, shape ``(n,)``."""
        return self.gate_gradients.mean(axis=0)

    @cached_property
    def empirical_fisher(self) -> Matrix:
        """``mean_s (∂L_s/∂m_i)²``, shape ``(n,)``; see Kunstner et al. 2019 for its limits."""
        return np.square(self.gate_gradients).mean(axis=0)

    @cached_property
    def fisher_diagonal(self) -> Matrix:
        """The diagonal of the true Fisher (Gauss–Newton) matrix, shape ``(n,)``."""
        return np.square(self.fisher_rows).mean(axis=0)

    @cached_property
    def energy(self) -> Matrix:
        """Mean square activation ``E[a_i²]`` of every channel, shape ``(n,)``."""
        return np.concatenate([np.diag(gram) for gram in self.gram])


@differentiable
def collect_statistics(
    network: nn.Module,
    task: Task,
    channels: Channels,
    *,
    probes: int = 20,
    seed: int = 0,
    batches: int | None = None,
) -> ChannelStatistics:
    """Measure every channel on the calibration split.

    The network comes back as it was: parameters, buffers, gradients, modes, hooks and the global
    random state, on errors too. The same seed and data give the same result.

    Arguments:
        network: runs on its own device, in evaluation mode.
        task: gives the batches, the loss and the likelihood.
        channels: from ``find_channels``.
        probes: Fisher probes a sample; 0 leaves ``fisher_rows`` empty.
        seed: of the probes.
        batches: so many of the calibration split; all unless given.

    Raises:
        DataError: the data do not fit the network, are empty or not finite.
        NetworkError: the dense network's outputs are not finite.
        MetricError: the loss is not finite or has no curvature.
        OptionError: ``probes`` or ``seed`` is negative.
    """
    if probes < 0 or seed < 0:
        raise OptionError(f"probes is {probes} and seed is {seed}", remedy="use 0 or more")
    if batches is not None and batches < 1:
        raise OptionError(f"batches is {batches}", remedy="use 1 or more, or None for all")
    device = device_of(network)
    generator = torch.Generator(device=device).manual_seed(seed)
    gated = GatedNetwork(network, channels)
    moments = ActivationMoments(channels)
    gradients: list[Tensor] = []
    rows: list[Tensor] = []
    owners: list[Tensor] = []
    losses: list[Tensor] = []
    seen = 0
    together: bool | None = None
    with preserved_rng(seed), frozen_parameters(network), track("measuring channels") as step:
        for batch in islice(task.batches("calibration", device), batches):
            if together is None and batch.size > 1:
                together = _separable(gated, task, batch.take(slice(0, 2)))
            parts = [batch] if together or batch.size == 1 else _singly(batch)
            for part in parts:
                gates = _gates(network, part.size, len(channels))
                outputs = gated(part.call, gates, observe=moments.add)
                check_outputs(outputs)
                loss = task.losses(outputs, part.targets, size=part.size)
                losses.append(loss.detach())
                gradients.append(_gate_gradient(loss.sum(), gates, keep=probes > 0))
                number = torch.arange(seen, seen + part.size)
                probing = fisher_probes(
                    task, outputs, part.targets, probes, generator, size=part.size
                )
                for index, probe in enumerate(probing):
                    last = index + 1 == probes
                    scalar = torch.stack([(out * v).sum() for out, v in probe]).sum()
                    rows.append(_gate_gradient(scalar, gates, keep=not last))
                    owners.append(number)
                seen += part.size
                step.advance(part.size)
    n = len(channels)
    gram, mean = moments.finish()
    return ChannelStatistics(
        channels=channels,
        gate_gradients=_matrix(gradients, n),
        fisher_rows=_matrix(rows, n),
        fisher_samples=torch.cat(owners).numpy() if owners else np.zeros(0, dtype=np.intp),
        gram=gram,
        mean=mean,
        l1=l1_norms(network, channels),
        loss=float(torch.cat(losses).double().mean()),
        seed=seed,
    )


def _gates(network: nn.Module, samples: int, n: int) -> Tensor:
    first = next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(1))
    return torch.ones(samples, n, device=first.device, dtype=first.dtype).requires_grad_()


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


def _separable(gated: GatedNetwork, task: Task, pair: Batch) -> bool:
    """Whether samples of a batch can be told apart by their place where channels are read.

    Measured, not assumed: the derivatives of two samples at once against each by itself.
    """

    def derivatives(part: Batch) -> Tensor:
        gates = _gates(gated.network, part.size, len(gated.channels))
        outputs = gated(part.call, gates)
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


def _matrix(rows: list[Tensor], n: int) -> Matrix:
    stacked = torch.cat(rows) if rows else torch.zeros(0, n)
    return stacked.to(torch.float64).numpy()
