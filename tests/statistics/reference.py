"""What the statistics were before they were streamed: every row held, every sum written out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from secateur.metric import device_of
from secateur.network import Channels, GatedNetwork
from secateur.statistics.preserved import frozen_parameters
from secateur.statistics.rows import gate_rows
from secateur.tasks import Task


@dataclass
class Rows:
    """All samples' derivatives in double precision: (samples, n), and (samples · probes, n)."""

    gradients: np.ndarray
    fisher: np.ndarray
    samples: np.ndarray
    losses: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        return sum(np.outer(row, row) for row in self.fisher) / len(self.fisher)

    def half(self, odd: int) -> np.ndarray:
        chosen = self.fisher[self.samples % 2 == odd]
        return sum(np.outer(row, row) for row in chosen) / len(chosen)

    def reliability(self, channels: Channels) -> float:
        """Of the pairs inside groups, by their indices."""
        pairs = [
            (group.start + a, group.start + b)
            for group in channels.groups
            for a in range(group.size)
            for b in range(a + 1, group.size)
        ]
        halves = [self.half(odd) for odd in (0, 1)]
        values = np.array([[half[pair] for pair in pairs] for half in halves])
        correlation = max(0.0, np.corrcoef(values)[0, 1])
        return 2 * correlation / (1 + correlation)


def all_rows(
    network: nn.Module, task: Task, channels: Channels, *, probes: int = 0, seed: int = 0
) -> Rows:
    """Every row of a measurement with the same probes and seed."""
    generator = torch.Generator(device_of(network)).manual_seed(seed)
    gated = GatedNetwork(network, channels)
    gradients, fisher, samples, losses = [], [], [], []
    with frozen_parameters(network):
        seen = 0
        for rows in gate_rows(
            gated, task, task.batches("calibration"), probes=probes, generator=generator
        ):
            gradients += list(rows.gradients.double().numpy())
            losses += rows.losses.double().tolist()
            for probe in rows.fisher.double().numpy():
                fisher += list(probe)
                samples += range(seen, seen + len(probe))
            seen += len(rows.gradients)
    n = len(channels)
    return Rows(
        np.reshape(gradients, (-1, n)),
        np.reshape(fisher, (-1, n)),
        np.array(samples, dtype=int),
        np.array(losses),
    )
