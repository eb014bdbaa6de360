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
    return _within(statistics, rows.T @ rows / len(rows), across_groups)


def reliability(statistics: ChannelStatistics) -> float:
    """How far the couplings inside the groups can be trusted, from 0 (noise) to 1.

    Two halves of the samples give two estimates of every coupling; their correlation ``r`` is
    stepped up to the whole sample by Spearman–Brown, ``2r / (1 + r)``; a negative one counts as 0.
    """
    rows = _rows(statistics)
    odd = statistics.fisher_samples % 2 == 1
    if not odd.any():
        return 0.0
    groups = statistics.channels.group_index
    row, col = np.triu_indices(len(groups), 1)
    inside = groups[row] == groups[col]
    row, col = row[inside], col[inside]
    halves = [rows[half].T @ rows[half] / half.sum() for half in (odd, ~odd)]
    first, second = (half[row, col] for half in halves)
    if first.std() == 0 or second.std() == 0:
        return 0.0
    correlation = max(0.0, float(np.corrcoef(first, second)[0, 1]))
    return 2 * correlation / (1 + correlation)


def _rows(statistics: ChannelStatistics) -> NDArray[np.float64]:
    if len(statistics.fisher_rows) == 0:
        raise OptionError(
            "the statistics were measured with probes=0 and have no Fisher rows",
            remedy="measure with probes=20",
        )
    return statistics.fisher_rows


def _within(
    statistics: ChannelStatistics, matrix: NDArray[np.float64], across_groups: bool
) -> NDArray[np.float64]:
    if across_groups:
        return matrix
    groups = statistics.channels.group_index
    return np.where(groups[:, None] == groups[None, :], matrix, 0.0)
