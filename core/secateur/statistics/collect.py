"""One pass over the calibration data, from which every objective is made.

For each batch: one forward pass with a gate behind every channel, one backward pass for the loss
of each sample, and one for each Fisher probe. Memory does not depend on the size of the data but
for the rows that are kept (``n`` numbers a sample and a probe).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import OptionError
from secateur.network import Channels, GatedNetwork
from secateur.network.door import differentiable
from secateur.progress import track
from secateur.statistics.magnitude import l1_norms
from secateur.statistics.preserved import frozen_parameters, preserved_rng
from secateur.statistics.probes import fisher_probes
from secateur.statistics.similarity import ActivationMoments
from secateur.tasks.base import Task
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

    Raises:
        DataError: the data do not fit the network, are empty or not finite.
        NetworkError: the dense network's outputs are not finite.
        MetricError: the loss is not finite or has no curvature.
        OptionError: ``probes`` or ``seed`` is negative.
    """
    if probes < 0 or seed < 0:
        raise OptionError(f"probes is {probes} and seed is {seed}", remedy="use 0 or more")
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    generator = torch.Generator(device=device).manual_seed(seed)
    gated = GatedNetwork(network, channels)
    moments = ActivationMoments(channels)
    gradients: list[Tensor] = []
    rows: list[Tensor] = []
    owners: list[Tensor] = []
    losses: list[Tensor] = []
    seen = 0
    with preserved_rng(), frozen_parameters(network), track("measuring channels") as step:
        for batch in task.batches("calibration", device):
            gates = torch.ones(
                batch.size, len(channels), device=device, dtype=_precision(network)
            ).requires_grad_()
            gated.gates, gated.observer = gates, moments.add
            outputs = gated(batch.call)
            gated.observer = None
            check_outputs(outputs)
            loss = task.losses(outputs, batch.targets, size=batch.size)
            losses.append(loss.detach())
            gradients.append(_gate_gradient(loss.sum(), gates, keep=probes > 0))
            number = torch.arange(seen, seen + batch.size)
            probing = fisher_probes(
                task, outputs, batch.targets, probes, generator, size=batch.size
            )
            for index, probe in enumerate(probing):
                last = index + 1 == probes
                along = torch.stack([(tensor * one).sum() for tensor, one in probe]).sum()
                rows.append(_gate_gradient(along, gates, keep=not last))
                owners.append(number)
            seen += batch.size
            step.advance(batch.size)
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


def _gate_gradient(scalar: Tensor, gates: Tensor, *, keep: bool) -> Tensor:
    (gradient,) = torch.autograd.grad(scalar, gates, retain_graph=keep)
    return gradient.detach().cpu()


def _matrix(rows: list[Tensor], n: int) -> Matrix:
    stacked = torch.cat(rows) if rows else torch.zeros(0, n)
    return stacked.to(torch.float64).numpy()


def _precision(network: nn.Module) -> torch.dtype:
    return next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
