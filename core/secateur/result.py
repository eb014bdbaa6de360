"""What pruning gives back: rows to compare, the selection, and the smaller network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from secateur.network import Channels
from secateur.solving import Selection
from secateur.statistics import ChannelStatistics
from secateur.tasks import Task
from secateur.versions import versions


@dataclass(frozen=True)
class Row:
    """One network, dense or pruned, in numbers.

    Arguments:
        method: "dense", or how the channels were chosen.
        amount: the fraction pruned, exactly (K / n).
        pruned: K.
        channels: how many stay.
        metric: on the test split, channels removed and nothing else.
        metric_compensated: the same after the layers that read them were re-fitted, and batch norm
            re-estimated where that helped on the selection split; of the network that is returned.
            None if compensation was turned off.
        parameters: of the smaller network.
        macs: multiply–accumulates for one sample.
        latency_ms: median for one sample on one thread.
        latency_quartiles_ms: its quartiles.
        seconds: for choosing and compensating, without the shared statistics.
        batch_norm: batch norm was re-estimated, because it helped on the selection split.
        fitted: the compensation was kept, because it helped on the selection split.
        energy: of the method's own QUBO, or None.
        evaluations: of the true metric, by the refinement.
        proof: "proven", "gap = x %", "no bound" or "no QUBO": of the energy, not of the metric.
    """

    method: str
    amount: float
    pruned: int
    channels: int
    metric: float
    metric_compensated: float | None
    parameters: int
    macs: int
    latency_ms: float
    latency_quartiles_ms: tuple[float, float]
    seconds: float
    batch_norm: bool = False
    fitted: bool = False
    energy: float | None = None
    evaluations: int = 0
    proof: str = ""

    def to_json(self, metric_name: str) -> dict[str, Any]:
        """The row as plain data; the metric's columns carry its name."""
        return {
            "method": self.method,
            "amount": self.amount,
            "pruned": self.pruned,
            "channels": self.channels,
            metric_name: self.metric,
            f"{metric_name}_compensated": self.metric_compensated,
            "parameters": self.parameters,
            "macs": self.macs,
            "latency_ms": self.latency_ms,
            "latency_quartiles_ms": list(self.latency_quartiles_ms),
            "seconds": self.seconds,
            "batch_norm": self.batch_norm,
            "fitted": self.fitted,
            "energy": self.energy,
            "evaluations": self.evaluations,
            "proof": self.proof,
        }


@dataclass(frozen=True, eq=False)
class PruningResult:
    """A smaller network, and how it compares.

    Arguments:
        network: the smaller network, ready to use; ``torch.nn.Module`` in evaluation mode.
        selection: the channels pruned in it, with energy and provenance.
        rows: the dense network first, then one a method, the returned one last.
        task: what it was pruned for.
        channels: all channels of the dense network.
        statistics: what was measured, for another run on the same network.
        seed: of everything random.
        reliability: split-half reliability of the Fisher couplings, or None without probes.
        statistics_seconds: for the one pass that all methods share.
        settings: the options used, JSON-safe.
        notes: what was done to the network before: wrappers taken off, parametrizations baked.
    """

    network: nn.Module
    selection: Selection
    rows: tuple[Row, ...]
    task: Task
    channels: Channels
    statistics: ChannelStatistics
    seed: int
    reliability: float | None
    statistics_seconds: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The content of ``result.json``."""
        return {
            "rows": [row.to_json(self.task.metric_name) for row in self.rows],
            "task": self.task.name,
            "metric": self.task.metric_name,
            "seed": self.seed,
            "reliability": self.reliability,
            "statistics_seconds": self.statistics_seconds,
            "calibration_samples": self.statistics.samples,
            "settings": dict(self.settings),
            "notes": list(self.notes),
            "versions": versions(),
        }

    def __str__(self) -> str:
        return "\n".join([format_rows(self.rows, self.task), *self.notes])


def format_rows(rows: tuple[Row, ...], task: Task) -> str:
    """Rows as an aligned table, the dense network's figures as the reference."""
    unit = f" ({task.metric_unit})" if task.metric_unit else ""
    header = [
        "method",
        "channels",
        "parameters",
        "MACs",
        "latency (1 thread)",
        f"{task.metric_name}{unit}",
        "compensated",
        "seconds",
        "QUBO",
    ]
    cells = [header]
    for row in rows:
        cells.append(
            [
                row.method,
                f"{row.channels} (-{row.pruned})" if row.pruned else str(row.channels),
                f"{row.parameters:,}".replace(",", " "),
                f"{row.macs / 1e6:.1f} M",
                f"{row.latency_ms:.2f} ms",
                f"{row.metric:.3f}",
                "" if row.metric_compensated is None else f"{row.metric_compensated:.3f}",
                f"{row.seconds:.1f}" if row.pruned else "",
                row.proof,
            ]
        )
    widths = [max(len(line[k]) for line in cells) for k in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )
