"""What pruning gives back: rows to compare, the selection, and the smaller network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from secateur.errors import NetworkError
from secateur.faults import named
from secateur.metric import evaluate
from secateur.network import Channels
from secateur.network.labels import Origin
from secateur.report import table
from secateur.report.columns import Column, as_data
from secateur.report.footer import footer, tied_paths
from secateur.report.rows import row_columns
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
            re-estimated where that helped on the selection split. None if compensation was turned
            off.
        metric_recovered: the same after it was trained towards the dense network without labels;
            None if it was not.
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
    metric_recovered: float | None = None

    def to_json(self, metric_name: str) -> dict[str, Any]:
        """The row as plain data; the metric's columns carry its name."""
        return as_data(row_columns(metric_name, runtimes=list(self.times_ms)), self)


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
        dense: the network that was pruned, without wrappers.
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
    dense: nn.Module | None = field(default=None, repr=False)

    @named
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

    def to_csv(self) -> str:
        """The rows as CSV, under the keys of ``result.json``."""
        return table.to_csv(_columns(self.rows, self.task), self.rows)

    def to_markdown(self) -> str:
        """The table as Markdown."""
        return table.markdown(_columns(self.rows, self.task), self.rows)

    def save(self, folder: Path | str, network: nn.Module | None = None) -> Path:
        """Write it to a new folder: see ``secateur.report.save_or_rescue``.

        Arguments:
            folder: must not exist.
            network: the dense one, for its picture beside the others in the figure; the one that
                was pruned unless given.

        Raises:
            FileError: it could not be written there, or not wholly; where it is, is said.
        """
        from secateur.report.folder import save_or_rescue

        return save_or_rescue(self, folder, self.dense if network is None else network)

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
    return table.text(_columns(rows, task), rows)


def _columns(rows: tuple[Row, ...], task: Task) -> list[Column]:
    recovered = any(row.metric_recovered is not None for row in rows)
    return row_columns(task.metric_name, task.metric_unit, list(rows[0].times_ms), recovered)
