"""The true Fisher matrix of the gates, from random probes at the output.

For a loss with Hessian ``S`` at the output, probes ``v`` with ``E[vv'] = S`` give
``E[(v'J)'(v'J)] = J'SJ``: the Gauss–Newton matrix, which is the Fisher matrix of the likelihood.

- Gaussian likelihood (regression): ``S = s·I`` with ``s`` the loss's mean curvature at the output,
  measured by one Hessian–vector product. For the mean squared error that is 2/pixels exactly; for
  log-MSE it is 2/(pixels · MSE_s), up to a relative 2/pixels.
- categorical likelihood (classification): ``v = p - e_y`` with the class ``y`` drawn from the
  network's own softmax (Kunstner et al. 2019), so ``E[vv'] = diag(p) - pp'``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secateur.errors import MetricError, OptionError
from secateur.tasks.base import Task

if TYPE_CHECKING:
    from secateur.statistics.collect import ChannelStatistics


def fisher_probes(
    task: Task, outputs: Tensor, targets: Tensor, probes: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Random cotangents of the outputs, each of their shape.

    Raises:
        MetricError: the loss has no positive curvature at the output (L1 for instance).
    """
    if probes == 0:
        return
    if task.likelihood == "categorical":
        yield from _categorical_probes(outputs, probes, generator)
        return
    scale = _curvature(task, outputs, targets, generator).sqrt()
    scale = scale.reshape(-1, *[1] * (outputs.ndim - 1))
    for _ in range(probes):
        yield scale * _normal_like(outputs, generator)


def _normal_like(tensor: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(
        tensor.shape, generator=generator, device=generator.device, dtype=tensor.dtype
    )


def _categorical_probes(
    logits: Tensor, probes: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """``p - e_y`` over dimension 1; a dense prediction is one draw a position."""
    probabilities = logits.movedim(1, -1).softmax(-1)
    flat = probabilities.reshape(-1, probabilities.shape[-1])
    positions = logits[0].numel() // logits.shape[1]
    for _ in range(probes):
        drawn = torch.multinomial(flat, 1, generator=generator)
        probe = flat.scatter_add(1, drawn, -torch.ones_like(drawn, dtype=flat.dtype))
        # the loss of a dense prediction is a mean over its positions
        yield probe.reshape(probabilities.shape).movedim(-1, 1) / positions**0.5


def _curvature(task: Task, outputs: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
    """The mean diagonal of the loss's Hessian at the output of each sample, shape ``(batch,)``.

    Hutchinson's estimator with one vector of signs: exact for a loss that is a sum over the
    outputs' elements with constant curvature.
    """
    point = outputs.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(task.losses(point, targets).sum(), point, create_graph=True)
    signs = torch.randint(0, 2, point.shape, generator=generator, device=generator.device)
    direction = 2.0 * signs.to(point.dtype) - 1.0
    if slope.requires_grad:
        (product,) = torch.autograd.grad((slope * direction).sum(), point)
    else:
        product = torch.zeros_like(point)
    curvature = (product * direction).reshape(len(point), -1).mean(dim=1)
    if not bool((curvature > 0).all()):
        raise MetricError(
            f"the loss has the curvature {float(curvature.min()):.3g} at the network's output, "
            "and the Fisher matrix needs a positive one",
            remedy="measure with a smooth loss (mean squared error, log-MSE, cross-entropy with "
            'likelihood="categorical"), or with probes=0 and an objective without Fisher terms',
        )
    return curvature


def fisher_matrix(
    statistics: ChannelStatistics, *, across_groups: bool = False
) -> NDArray[np.float64]:
    """The Gauss–Newton matrix of the mean loss, shape ``(n, n)``, positive semidefinite.

    Arguments:
        statistics: with at least one probe.
        across_groups: keep the entries between channels of different groups.
    """
    rows = _rows(statistics)
    if across_groups:
        return np.asarray(rows.T @ rows / len(rows))
    matrix = np.zeros((rows.shape[1],) * 2)
    for group, block in zip(statistics.channels.groups, fisher_blocks(statistics), strict=True):
        matrix[group.slice, group.slice] = block
    return matrix


def fisher_blocks(statistics: ChannelStatistics) -> Iterator[NDArray[np.float64]]:
    """The Gauss–Newton matrix within each group, shape ``(size, size)``, one after another.

    Arguments:
        statistics: with at least one probe.
    """
    rows = _rows(statistics)
    for group in statistics.channels.groups:
        some = rows[:, group.slice]
        block = some.T @ some
        block /= len(rows)
        yield block


def reliability(statistics: ChannelStatistics) -> float:
    """How far the couplings inside the groups can be trusted, from 0 (noise) to 1.

    Two halves of the samples give two estimates of every coupling; their correlation ``r`` is
    stepped up to the whole sample by Spearman–Brown, ``2r / (1 + r)``; a negative one counts as 0.
    """
    rows = _rows(statistics)
    odd = statistics.fisher_samples % 2 == 1
    if not odd.any() or odd.all():
        return 0.0
    moments = _Moments()
    halves = [np.flatnonzero(half) for half in (odd, ~odd)]
    for group in statistics.channels.groups:
        upper = np.tri(group.size, k=-1, dtype=bool).T
        estimates = []
        for half in halves:
            some = rows[half, group.slice]
            estimates.append((some.T @ some)[upper] / len(half))
        moments.add(*estimates)
    correlation = max(0.0, moments.correlation)
    return 2 * correlation / (1 + correlation)


class _Moments:
    """The correlation of two long series of which only a part is held at a time.

    Means and centred moments of parts are joined as in Chan, Golub and LeVeque, "Updating formulae
    and a pairwise algorithm for computing sample variances" (1979).
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = np.zeros(2)
        self.moment = np.zeros((2, 2))

    def add(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        """Count another part of both."""
        if not len(first):
            return
        part = np.stack([first, second])
        mean = part.mean(axis=1)
        part -= mean[:, None]
        total = self.count + len(first)
        step = mean - self.mean
        self.moment += part @ part.T + np.outer(step, step) * (self.count * len(first) / total)
        self.mean += step * (len(first) / total)
        self.count = total

    @property
    def correlation(self) -> float:
        """Pearson's; 0 where one of the two is constant."""
        variances = np.diag(self.moment)
        if (variances <= 0).any():
            return 0.0
        return float(self.moment[0, 1] / np.sqrt(variances[0]) / np.sqrt(variances[1]))


def _rows(statistics: ChannelStatistics) -> NDArray[np.float64]:
    if len(statistics.fisher_rows) == 0:
        raise OptionError(
            "the statistics were measured with probes=0 and have no Fisher rows",
            remedy="measure with probes=20",
        )
    return statistics.fisher_rows
