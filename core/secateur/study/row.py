"""What is kept of a cell: one row, whether it was solved or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """How a cell ended."""

    DONE = "done"
    """There is a selection that keeps every demand."""
    FAILED = "failed"
    """The backend raised, crashed, or returned something untrue."""
    CANNOT = "cannot"
    """The backend takes no such problem, or cannot be used here; it was not called."""


@dataclass(frozen=True)
class Row:
    """A cell that ended.

    Energies are the core's own. What a cell did not come to is None; times are seconds.

    Arguments:
        key: SHA-256 of all that determines the cell.
        study: its title.
        instance: its name in the study.
        family: what the instances of one table of the study share; "" where nothing was said.
        instance_sha256: of the problem: biases and demands.
        variables: of the problem.
        couplings: of the problem.
        count: exactly so many are one; None: any number.
        method: its name in the study.
        backend: that was asked.
        options: of the backend, without secrets.
        metered: a call costs money or quota.
        seed: of everything random.
        repetition: from 0; tells runs of one seed apart.
        time_limit: of the whole search.
        state: how it ended.
        reason: why it failed or could not.
        energy: of the selection.
        bound: proven, on the energy of any choice that keeps the demands.
        gap: between the two, relative to the energy; 0 is proven.
        backend_energy: the best of the backend's own answers, before our moves.
        best_known: an energy that the study's file says of the instance.
        status: of the selection.
        stopped: why the search stopped.
        calls: of the backend.
        wall: of the whole search, queues included, also those of answers that a journal had.
        queue: waited at a service.
        access: of a device or a metered solver, as it told, also for what a journal had.
        cpu: of this process and its children.
        charged: seconds, as the service told, all tries of the cell together.
        incumbents: seconds and energy of each better selection, in order.
        ones: positions of the variables that are one.
        dense: the metric of the network before pruning; None for a file.
        masked: the metric with the selection masked.
        compensated: the metric with what reads it fitted again.
        higher_is_better: of the metric.
        reads: how many answers the backend gave, occurrences counted.
        reads_kept: how many of them kept every demand.
        reads_best: how many of them had the best energy of the cell's backend.
        tuned: the trials that the method's options were chosen by, 0 for as they came.
        versions: of what it depends on.
        machine: system, processor, number of processors, load.
        started: UTC, ISO 8601.
    """

    key: str
    study: str
    instance: str
    instance_sha256: str
    variables: int
    couplings: int
    method: str
    backend: str
    seed: int
    state: State
    family: str = ""
    count: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    metered: bool = False
    repetition: int = 0
    time_limit: float | None = None
    reason: str = ""
    energy: float | None = None
    bound: float | None = None
    gap: float | None = None
    backend_energy: float | None = None
    best_known: float | None = None
    status: str = ""
    stopped: str = ""
    calls: int | None = None
    wall: float | None = None
    queue: float | None = None
    access: float | None = None
    cpu: float | None = None
    charged: float | None = None
    incumbents: tuple[tuple[float, float], ...] = ()
    ones: tuple[int, ...] = ()
    dense: float | None = None
    masked: float | None = None
    compensated: float | None = None
    higher_is_better: bool | None = None
    reads: int | None = None
    reads_kept: int | None = None
    reads_best: int | None = None
    tuned: int = 0
    versions: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    started: str = ""

    @property
    def seconds(self) -> float | None:
        """Of the wall, without waiting at a service."""
        return None if self.wall is None else self.wall - (self.queue or 0.0)
