"""A measuring in words: groups, channels, costs, ties, and what is not pruned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secateur.report.columns import Column, as_data
from secateur.report.footer import footer, tied_paths
from secateur.report.table import text
from secateur.versions import versions

if TYPE_CHECKING:
    from secateur.measured.measured import Measured
    from secateur.network.channels import Channels, Group


@dataclass(frozen=True, eq=False)
class GroupRow:
    """One group of channels in numbers.

    Arguments:
        group: its name, size, and what is tied to it.
        parameters: that go with one of its channels, alone, from the dense network.
        macs: the same of multiply–accumulates for one sample.
        taylor: sum of the Taylor scores of its channels.
        fisher: sum of ½·H_ii over its channels, in units of loss; None without probes.
    """

    group: Group
    parameters: float
    macs: float
    taylor: float
    fisher: float | None


COLUMNS = (
    Column("layer", lambda row: row.group.name, left=True),
    Column("channels", lambda row: row.group.size, key="channels"),
    Column("parameters each", lambda row: row.parameters, format=",.0f", key="parameters_each"),
    Column("MACs each", lambda row: row.macs, format=",.0f", key="macs_each"),
    Column("Taylor", lambda row: row.taylor, format=".3g", key="taylor"),
    Column("½ Fisher", lambda row: row.fisher, format=".3g", key="fisher"),
    Column("tied", lambda row: list(row.group.tied), key="tied", shown=False),
)


def describe_measured(measured: Measured) -> str:
    """The table of the groups, and below it ties and what is not pruned."""
    statistics = measured.statistics
    unit = measured.task.metric_unit
    layers = len(measured.channels.groups)
    head = (
        f"{len(measured.channels)} channels in {layers} layer{'' if layers == 1 else 's'}, "
        f"{statistics.samples} samples, loss {statistics.loss:.4g}"
    )
    if "dense_metric" in vars(measured):
        head += f", {measured.task.metric_name} {measured.dense_metric:.3f} {unit}".rstrip()
    if measured.reliability is not None:
        head += f", reliability of the Fisher couplings {measured.reliability:.2f}"
    head += f"; measured in {measured.seconds:.1f} s"
    below = [*footer(measured.channels), *measured.subject.notes]
    table = text(COLUMNS, group_rows(measured))
    return "\n".join([head, "", table, *([""] if below else []), *below])


def as_json(measured: Measured) -> dict[str, Any]:
    """The same as plain data."""
    channels = measured.channels
    return {
        "groups": [as_data(COLUMNS, row) for row in group_rows(measured)],
        "channels": len(channels),
        "samples": measured.statistics.samples,
        "loss": measured.statistics.loss,
        "reliability": measured.reliability,
        "seconds": measured.seconds,
        "task": measured.task.name,
        "measuring": measured.measuring.public(),
        "tied": [list(paths) for paths in tied_paths(channels)],
        "not_pruned": [{"path": path, "reason": reason} for path, reason in channels.stands],
        "notes": list(measured.subject.notes),
        "versions": versions(),
    }


def group_rows(measured: Measured) -> list[GroupRow]:
    """The rows of the table, in the order of the run."""
    statistics, channels = measured.statistics, measured.channels
    costs = _costs_each(channels)
    fisher = statistics.fisher_diagonal if measured.measuring.probes else None
    return [
        GroupRow(
            group,
            costs[number][0],
            costs[number][1],
            float(statistics.taylor[group.slice].sum()),
            None if fisher is None else 0.5 * float(fisher[group.slice].sum()),
        )
        for number, group in enumerate(channels.groups)
    ]


def _costs_each(channels: Channels) -> Sequence[tuple[float, float]]:
    """Parameters and multiply–accumulates that go with the first channel of each group."""

    nothing = np.zeros(len(channels), dtype=bool)
    dense, made = channels.cost(nothing), []
    for group in channels.groups:
        one = nothing.copy()
        one[group.start] = True
        fewer = channels.cost(one)
        made.append(
            (float(dense["params"] - fewer["params"]), float(dense["macs"] - fewer["macs"]))
        )
    return made
