"""One measurement of the calibration data, from which every objective is made.

What is held depends on the channels only: for every group three matrices, for every channel a few
numbers. Memory on the way is that of one batch.
"""

from __future__ import annotations

from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.errors import OptionError
from secateur.faults import named
from secateur.limits import MOST_PROBES
from secateur.network import Channels, GatedNetwork
from secateur.network.device import device_of
from secateur.network.door import differentiable
from secateur.progress import track
from secateur.statistics.data import ChannelStatistics
from secateur.statistics.fingerprint import DataFingerprint
from secateur.statistics.magnitude import l1_norms
from secateur.statistics.moments import ActivationMoments
from secateur.statistics.preserved import frozen_parameters, preserved_rng
from secateur.statistics.rows import gate_rows
from secateur.statistics.sums import FisherSums, GradientSums
from secateur.tasks.base import Task


@named
@differentiable
def collect_statistics(
    network: nn.Module,
    task: Task,
    channels: Channels,
    *,
    probes: int = 20,
    seed: int = 0,
    batches: int | None = None,
    across_groups: bool = False,
    keep: NDArray[np.bool_] | None = None,
) -> ChannelStatistics:
    """Measure every channel on the calibration split.

    The network comes back as it was: parameters, buffers, gradients, modes, hooks and the global
    random state, on errors too. The same seed and data give the same result.

    Arguments:
        network: runs on its own device, in evaluation mode.
        task: gives the batches, the loss and the likelihood.
        channels: from ``find_channels``.
        probes: Fisher probes a sample; 0 leaves ``fisher`` empty.
        seed: of the probes.
        batches: so many of the calibration split; all unless given.
        across_groups: measure the Fisher matrix between channels of different groups too, which
            takes n × n numbers.
        keep: the channels that stay, shape ``(n,)``: the network is measured with the others zero
            where they are read. What is measured of those is what they would bring back: their
            derivatives at a gate of zero, and their activations. All stay unless given.

    Raises:
        DataError: the data do not fit the network, are empty or not finite.
        NetworkError: the dense network's outputs are not finite.
        MetricError: the loss is not finite or has no curvature.
        OptionError: ``probes`` or ``seed`` is negative, ``probes`` more than
            10 000, or ``across_groups`` without probes.
    """
    if probes < 0 or seed < 0:
        raise OptionError(f"probes is {probes} and seed is {seed}", remedy="use 0 or more")
    if probes > MOST_PROBES:
        raise OptionError(
            f"probes is {probes}",
            remedy=f"use at most {MOST_PROBES}: the gradients of all probes of a batch are held",
        )
    if batches is not None and batches < 1:
        raise OptionError(f"batches is {batches}", remedy="use 1 or more, or None for all")
    if across_groups and probes == 0:
        raise OptionError(
            "across_groups=True with probes=0: there is no Fisher matrix to measure",
            remedy="use probes=20, or leave across_groups out",
        )
    device = device_of(network)
    generator = torch.Generator(device=device).manual_seed(seed)
    gated = GatedNetwork(network, channels)
    moments = ActivationMoments(channels)
    gradients = GradientSums(len(channels))
    fisher = FisherSums(channels, across_groups=across_groups) if probes else None
    data = DataFingerprint()
    with preserved_rng(seed), frozen_parameters(network), track("measuring channels") as step:
        seen = data.watch(islice(task.batches("calibration", device), batches))
        for rows in gate_rows(
            gated,
            task,
            seen,
            probes=probes,
            generator=generator,
            observe=moments.add,
            keep=keep,
        ):
            gradients.add(rows.losses, rows.gradients)
            if fisher is not None:
                fisher.add(rows.fisher)
            step.advance(len(rows.gradients))
    taylor, gradient, square = gradients.means()
    gram, mean = moments.finish()
    blocks, across = ((), None) if fisher is None else fisher.finish()
    return ChannelStatistics(
        channels=channels,
        samples=gradients.samples,
        probes=probes,
        loss=gradients.loss / gradients.samples,
        seed=seed,
        data=data.hexdigest(),
        taylor=taylor,
        gradient=gradient,
        empirical_fisher=square,
        fisher=blocks,
        rows=(0, 0) if fisher is None else (fisher.rows[0], fisher.rows[1]),
        gram=gram,
        mean=mean,
        l1=l1_norms(network, channels),
        fisher_across=across,
    )
