"""Rows as runs that can be compared, those that are missing included.

How what is missing counts, in one place:

* A run that **failed**, one that its backend **cannot** make, and one that is **absent** have no
  answer. Each counts as a run: no success, a gap of 1 in means (which is the greatest there is), a
  gap or target that is never reached in curves, worse than every answer where two runs are
  compared. A method without any answer on an instance ranks last there.
* Absent is a cell that the study has and the rows do not. Where the cells are not told, a method is
  expected on every instance with the seeds and repetitions that it has anywhere and the instance
  has from anybody; with all of its own where these have none in common.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from secateur.study.row import Row, State
from secateur.study.statistics.best import describe, energy_of
from secateur.study.statistics.gaps import relative_gap, same
from secateur.study.statistics.summaries import InstanceSummary

Place = tuple[int, int, int]
"""Seed, repetition, and a number from 0 that tells rows of the same two apart."""
Cell = tuple[str, str, int, int]
"""Method, instance, seed, repetition."""


@dataclass(frozen=True)
class Run:
    """One run of a method on an instance, made or not.

    Arguments:
        place: what pairs it with the runs of others.
        row: None if it is absent.
        gap: to the best known; infinite without an answer.
        path: seconds and gap of each better selection, in order; empty without an answer.
        end: seconds when it ended; its limit, or the longest run on the instance, where no time is
            told; infinite where nobody tells one.
    """

    place: Place
    row: Row | None
    gap: float
    path: tuple[tuple[float, float], ...]
    end: float

    @property
    def answered(self) -> bool:
        """There is a selection."""
        return math.isfinite(self.gap)

    @property
    def stopped(self) -> bool:
        """Its limit ended it; with more time it might have found better."""
        return self.answered and self.row is not None and self.row.stopped != "completed"

    def reached(self, target: float) -> float:
        """Seconds when the gap was first at most the target; infinite: never."""
        return next((at for at, gap in self.path if gap <= target), math.inf)


@dataclass(frozen=True)
class Runs:
    """All runs of a study.

    Arguments:
        methods: by name.
        instances: by size, then name.
        of: the runs of each (method, instance) by place, at least one.
        rows: that they were made of, each once.
        repeated: rows that were there more than once, with the same key.
        doubled: rows of a cell that has another, with another key: other versions or options.
        unseen: instances that the study has and no row knows; they are left out.
    """

    methods: tuple[str, ...]
    instances: tuple[InstanceSummary, ...]
    of: Mapping[tuple[str, str], tuple[Run, ...]]
    rows: tuple[Row, ...]
    repeated: int
    doubled: int
    unseen: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the instances."""
        return tuple(instance.name for instance in self.instances)

    def all_of(self, method: str) -> list[tuple[float, Run]]:
        """The runs of a method with their weights: each instance weighs the same, 1 in all."""
        return [
            (1.0 / (len(self.names) * len(self.of[method, name])), run)
            for name in self.names
            for run in self.of[method, name]
        ]


def collect(rows: Iterable[Row], expected: Iterable[Cell] = ()) -> Runs:
    """The runs of a study.

    Arguments:
        rows: in any order.
        expected: the cells that the study has.
    """
    kept, repeated = _once(rows)
    labels = _labels(kept)
    grid: dict[tuple[str, str], dict[Place, Row | None]] = defaultdict(dict)
    by_instance: dict[str, list[Row]] = defaultdict(list)
    doubled = 0
    for row in kept:
        label = labels[row.instance, row.instance_sha256]
        places = grid[row.method, label]
        number = sum(place[:2] == (row.seed, row.repetition) for place in places)
        doubled += number > 0
        places[row.seed, row.repetition, number] = row
        by_instance[label].append(row)
    known = {name for name, _ in labels}
    cells = list(expected)
    methods = sorted({row.method for row in kept} | {cell[0] for cell in cells})
    wanted = _wanted(cells, labels) if cells else _supposed(grid, methods, list(by_instance))
    for (method, label), places_of in wanted.items():
        have = {place[:2] for place in grid[method, label]}
        for seed, repetition in places_of:
            if (seed, repetition) not in have:
                grid[method, label][seed, repetition, 0] = None
    instances = sorted(
        (describe(label, of) for label, of in by_instance.items()),
        key=lambda instance: (instance.variables, instance.name),
    )
    return Runs(
        methods=tuple(methods),
        instances=tuple(instances),
        of={
            (method, instance.name): _runs(grid[method, instance.name], instance, by_instance)
            for method in methods
            for instance in instances
        },
        rows=tuple(kept),
        repeated=repeated,
        doubled=doubled,
        unseen=tuple(sorted({cell[1] for cell in cells} - known)),
    )


def _once(rows: Iterable[Row]) -> tuple[list[Row], int]:
    """Each row of a key once, the last that started, in an order of their own."""
    given = sorted(rows, key=lambda row: (row.key, row.method, row.instance, row.started))
    kept = {(row.key, row.method, row.instance): row for row in given}
    return list(kept.values()), len(given) - len(kept)


def _labels(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """What an instance is called; the start of its hash where two share a name."""
    hashes: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        hashes[row.instance].add(row.instance_sha256)
    return {
        (name, sha): name if len(found) == 1 else f"{name} ({sha[:8]})"
        for name, found in hashes.items()
        for sha in found
    }


def _wanted(
    cells: Sequence[Cell], labels: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], set[tuple[int, int]]]:
    """What the study's cells say."""
    wanted: dict[tuple[str, str], set[tuple[int, int]]] = defaultdict(set)
    for method, name, seed, repetition in cells:
        for (instance, _), label in labels.items():
            if instance == name:
                wanted[method, label].add((seed, repetition))
    return wanted


def _supposed(
    grid: Mapping[tuple[str, str], Mapping[Place, Row | None]],
    methods: Sequence[str],
    labels: Sequence[str],
) -> dict[tuple[str, str], set[tuple[int, int]]]:
    """What the rows of others suggest."""
    own: dict[str, set[tuple[int, int]]] = defaultdict(set)
    anybody: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for (method, label), places in grid.items():
        for seed, repetition, _ in places:
            own[method].add((seed, repetition))
            anybody[label].add((seed, repetition))
    return {
        (method, label): (own[method] & anybody[label]) or own[method]
        for method in methods
        for label in labels
    }


def _runs(
    places: Mapping[Place, Row | None],
    instance: InstanceSummary,
    by_instance: Mapping[str, Sequence[Row]],
) -> tuple[Run, ...]:
    """By place; one absent run where nothing at all was expected."""
    longest = max(
        (row.seconds for row in by_instance[instance.name] if row.seconds is not None),
        default=math.inf,
    )
    return tuple(
        _run(place, row, instance, longest)
        for place, row in sorted(places.items() or [((0, 0, 0), None)], key=lambda item: item[0])
    )


def _run(place: Place, row: Row | None, instance: InstanceSummary, longest: float) -> Run:
    seconds = None if row is None else row.seconds
    limit = None if row is None else row.time_limit
    end = max(0.0, seconds) if seconds is not None else limit if limit is not None else longest
    energy = energy_of(row)
    if row is None or energy is None or instance.best is None:
        return Run(place, row, math.inf, (), end)
    path: list[tuple[float, float]] = []
    least = math.inf
    # waiting at a service is no part of a run's time, so nothing comes later than its end
    for at, found in [*sorted(row.incumbents), (end, energy)]:
        if found < least and not beyond(row, found):
            least = found
            path.append((min(at, end), relative_gap(found, instance.best, instance.size)))
    return Run(place, row, relative_gap(energy, instance.best, instance.size), tuple(path), end)


def beyond(row: Row, found: float) -> bool:
    """Whether an incumbent is better than the answer of its run: then it is not believed."""
    return row.energy is not None and found < row.energy and not same(found, row.energy)


def state_of(run: Run) -> str:
    """How it counts: "done", "failed", "cannot" or "absent"."""
    if run.row is None:
        return "absent"
    if run.row.state is State.DONE and not run.answered:
        return State.FAILED.value
    return run.row.state.value
