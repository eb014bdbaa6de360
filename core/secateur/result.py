"""What pruning gives back: rows to compare, the selection, and the smaller network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from secateur.errors import NetworkError
from secateur.footer import footer, tied_paths
from secateur.metric import evaluate
from secateur.network import Channels
from secateur.network.labels import Origin
from secateur.solving import Selection
from secateur.statistics import ChannelStatistics
from secateur.surgery.measure import count_parameters
from secateur.surgery.timing import Ratio
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
        times_ms: CPU milliseconds for one sample on one thread, by runtime ("eager",
            "onnxruntime"): the least of a run in which the networks take turns.
        speedups: over the first row's network, by runtime, with the noise of that run.
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
    times_ms: Mapping[str, float]
    speedups: Mapping[str, Ratio]
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
            "times": {
                runtime: {"ms": ms, **_ratio(self.speedups.get(runtime))}
                for runtime, ms in self.times_ms.items()
            },
            "seconds": self.seconds,
            "batch_norm": self.batch_norm,
            "fitted": self.fitted,
            "energy": self.energy,
            "evaluations": self.evaluations,
            "proof": self.proof,
        }


def _ratio(speedup: Ratio | None) -> dict[str, Any]:
    if speedup is None:
        return {}
    return {
        "speedup": speedup.value,
        "at_least": speedup.low,
        "at_most": speedup.high,
        "different": speedup.different,
    }


@dataclass(frozen=True, eq=False)
class PruningResult:
    """A smaller network, and how it compares.

    Arguments:
        network: the smaller network, ready to use; ``torch.nn.Module`` in evaluation mode.
        selection: the channels pruned in it, with energy and provenance.
        rows: the network that was pruned first ("dense"; "before" in later rounds), then one a
            method, the returned one last.
        task: what it was pruned for.
        channels: all channels of the dense network.
        statistics: what was measured, for another run on the same network.
        seed: of everything random.
        reliability: split-half reliability of the Fisher couplings, or None without probes.
        statistics_seconds: for the one pass that all methods share.
        settings: the options used, JSON-safe.
        notes: what was done to the network before: wrappers taken off, parametrizations baked.
        origin: what is left of the dense network's channels, after all rounds.
        untimed: why times are missing, by runtime.
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
    origin: Origin | None = None
    untimed: Mapping[str, str] = field(default_factory=dict)

    def remeasured(self, network: nn.Module | None = None, name: str = "trained") -> PruningResult:
        """The result with its network as it is now, or another one of the same sizes.

        A new row is added, with the metric of the network and the size and time of the last row.

        Arguments:
            network: trained further; the result's own, changed in place, unless given.
            name: goes behind the last row's method, with a plus.

        Raises:
            NetworkError: its parameters have other names or sizes.
            DataError: it fails on the test data.
            MetricError: the metric is not finite.
        """
        network = self.network if network is None else network
        before, now = (_shapes(one) for one in (self.network, network))
        if before != now:
            different = sorted(k for k in before | now if before.get(k) != now.get(k))
            raise NetworkError(
                f"the network is another one: {different[0]} is {now.get(different[0])} in it and "
                f"{before.get(different[0])} in the result's",
                remedy="train result.network, or a copy of it",
            )
        metric = evaluate(network, self.task)
        last = self.rows[-1]
        row = replace(
            last,
            method=f"{last.method}+{name}",
            metric=metric,
            metric_compensated=metric,
            parameters=count_parameters(network),
            batch_norm=False,
            fitted=False,
        )
        return replace(self, network=network, rows=(*self.rows, row))

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
            "untimed": dict(self.untimed),
            **self._left(),
            "settings": dict(self.settings),
            "notes": list(self.notes),
            "tied": [list(paths) for paths in tied_paths(self.channels)],
            "not_pruned": [
                {"path": path, "reason": reason} for path, reason in self.channels.stands
            ],
            "versions": versions(),
        }

    def _left(self) -> dict[str, int]:
        if self.origin is None:
            return {}
        left = int(self.origin.keep.sum())
        return {"dense_channels": len(self.origin.channels), "channels_left": left}

    def __str__(self) -> str:
        untimed = [f"not timed in {name}: {why}" for name, why in self.untimed.items()]
        below = [*footer(self.channels), *self.notes, *untimed]
        return "\n".join([format_rows(self.rows, self.task), *([""] if below else []), *below])


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def format_rows(rows: tuple[Row, ...], task: Task) -> str:
    """Rows as an aligned table, the dense network's figures as the reference."""
    unit = f" ({task.metric_unit})" if task.metric_unit else ""
    timed = list(rows[0].times_ms)
    header = [
        "method",
        "channels",
        "parameters",
        "MACs",
        f"{timed[0]} (1 thread)",
        f"{task.metric_name}{unit}",
        "compensated",
        "seconds",
        "QUBO",
        *timed[1:],
    ]
    cells = [header]
    for row in rows:
        cells.append(
            [
                row.method,
                f"{row.channels} (-{row.pruned})" if row.pruned else str(row.channels),
                f"{row.parameters:,}".replace(",", " "),
                f"{row.macs / 1e6:.1f} M",
                _time(row, timed[0]),
                f"{row.metric:.3f}",
                "" if row.metric_compensated is None else f"{row.metric_compensated:.3f}",
                f"{row.seconds:.1f}" if row.pruned else "",
                row.proof,
                *(_time(row, runtime) for runtime in timed[1:]),
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


def _time(row: Row, runtime: str) -> str:
    """``3.60 ms (2.00x)``, or that there is no difference."""
    if runtime not in row.times_ms:
        return ""
    text = f"{row.times_ms[runtime]:.2f} ms"
    speedup = row.speedups.get(runtime)
    if speedup is None:
        return text
    return f"{text} ({f'{speedup.value:.2f}x' if speedup.different else 'no difference'})"
