"""Many methods on one measuring: selected, finished, and put into one table."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secateur.backends.call import check_applicable
from secateur.errors import OptionError, SecateurError
from secateur.limits import refuse_twice
from secateur.methods import RANDOM
from secateur.methods.resolved import Resolved
from secateur.methods.wanted import Wanted
from secateur.network.labels import Origin
from secateur.pruning.choosing import Picked, pick
from secateur.pruning.finishing import Finished, body_of, finish
from secateur.pruning.paying import check_paid_once
from secateur.pruning.planning import Planner, problem_without_costs
from secateur.pruning.rounds import check_rounds
from secateur.pruning.subject import Subject
from secateur.result import PruningResult, Row
from secateur.solving import Selection
from secateur.statistics import ChannelStatistics, reliability
from secateur.surgery import count_macs, count_parameters
from secateur.surgery.speed import measure_speed

logger = logging.getLogger("secateur")
TIMING = 0.3
"""Seconds a network and runtime."""


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be done, with everything decided that needs no data.

    Arguments:
        planners: one for each amount that is wanted.
        methods: each is run for every amount.
        seed: of everything random.
    """

    planners: Sequence[Planner]
    methods: Sequence[Resolved]
    seed: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """What several methods made of one network.

    Arguments:
        results: one for every amount and method, in the order of the table.
    """

    results: tuple[PruningResult, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The whole table, the dense network first."""
        return self.last.rows

    @property
    def last(self) -> PruningResult:
        """The result of the last row."""
        return self.results[-1]

    def __str__(self) -> str:
        return str(self.last)


def prepare(
    subject: Subject, wanted: Sequence[Wanted], methods: Sequence[Resolved], seed: int
) -> Job:
    """Everything that can be said to be wrong before any data are measured.

    Raises:
        AmountError: an amount that cannot be met.
        OptionError: an objective that needs what is not measured; no methods or amounts; a metered
            backend and a demand that is measured anew in every run.
        BackendUnsuitable: a backend that cannot take so many channels.
    """
    if not methods or not wanted:
        raise OptionError(
            f"{len(methods)} methods and {len(wanted)} amounts", remedy="give one of each, or more"
        )
    for method in methods:
        if method.objective.needs_probes and subject.measuring.probes == 0:
            raise OptionError(
                f"objective {method.objective.name!r} needs Fisher probes, and probes is 0",
                remedy="measure with probes=20, or use an objective that needs none: taylor, l1",
            )
        if method.objective.needs_across_groups and not subject.measuring.across_groups:
            raise OptionError(
                f"{method.name} is to have couplings between layers, which were not measured",
                remedy="measure with across_groups=True",
            )
        refuse_twice(method.method.options or {}, seed=seed)
    check_paid_once(wanted, methods)
    check_rounds(wanted, methods)
    planners = [Planner(one, subject, seed) for one in wanted]
    for planner in planners:
        _check_applicable(planner, methods)
    return Job(planners, methods, seed)


def _of_nothing(planner: Planner, done: Finished) -> tuple[str, ...]:
    """What to tell where everything stays: a budget that is kept already, for instance."""
    if done.selection.bits.any():
        return ()
    budget = ", ".join(f"{kind} = {upper}" for kind, upper in (planner.wanted.budget or {}).items())
    why = f": the dense network keeps the budget {budget} as it is" if budget else ""
    return (f"nothing was pruned{why}",)


def _check_applicable(planner: Planner, methods: Sequence[Resolved]) -> None:
    """Each backend can take a problem of this size; couplings are not known yet."""
    solvers = [
        (m.chosen.solver, m.chosen.options)
        for m in methods
        if m.chosen.solver is not None and m.chosen.options is not None
    ]
    if not solvers:
        return
    empty = problem_without_costs(planner.subject.channels, planner.demands)
    for solver, options in solvers:
        check_applicable(solver, empty.only(solver.capabilities.native), options)


def run(
    subject: Subject,
    statistics: ChannelStatistics,
    job: Job,
    *,
    dense_metric: float,
    statistics_seconds: float,
) -> Comparison:
    """Run every method for every amount; the networks are timed beside each other.

    Arguments:
        subject: the network, its task and its channels.
        statistics: of every channel.
        job: prepared on the same subject.
        dense_metric: of the network on the test split.
        statistics_seconds: that measuring took.
    """
    finished: list[tuple[Planner, Finished]] = []
    failed: list[tuple[Resolved, SecateurError]] = []
    for planner in job.planners:
        chosen: list[tuple[Resolved, Picked]] = []
        for method in job.methods:
            # a refinement starts from the very selection that is shown beside it
            same = next((one for one in chosen if one[0].same_choice(method)), None)
            try:
                body = body_of(subject, method)
                picked = (
                    pick(planner, statistics, method, body)
                    if same is None
                    else same[1].beside(method)
                )
                chosen.append((method, picked))
                done = finish(
                    subject,
                    picked.problem,
                    picked.method,
                    picked.selection,
                    seed=job.seed,
                    body=body,
                    notes=picked.notes,
                )
            except SecateurError as error:
                if len(job.methods) * len(job.planners) == 1:
                    raise
                logger.warning("%s failed: %s", method.name, error)
                failed.append((method, error))
                continue
            finished.append((planner, done))
    if not finished:
        raise failed[0][1]
    lost = tuple(f"{method.name} failed: {error.message}" for method, error in failed)
    rows, untimed = _rows(subject, [done for _, done in finished], job, dense_metric)
    trusted = reliability(statistics) if subject.measuring.probes else None
    results = tuple(
        PruningResult(
            network=done.network,
            selection=done.selection,
            rows=rows[: number + 2],
            task=subject.task,
            channels=subject.channels,
            statistics=statistics,
            seed=job.seed,
            reliability=trusted,
            statistics_seconds=statistics_seconds,
            notes=(*subject.notes, *_of_nothing(planner, done), *done.notes, *lost),
            settings={
                **planner.wanted.to_json(),
                "methods": [one.to_json() for one in job.methods],
                **subject.measuring.public(),
            },
            origin=_origin(subject, done.selection),
            untimed=untimed,
            dense=subject.network,
        )
        for number, (planner, done) in enumerate(finished)
    )
    return Comparison(results)


def _origin(subject: Subject, selection: Selection) -> Origin:
    keep = selection.bits == 0
    if subject.origin is None:
        return Origin(subject.channels, keep)
    return subject.origin.then(subject.channels, keep)


def _rows(
    subject: Subject, finished: Sequence[Finished], job: Job, dense_metric: float
) -> tuple[tuple[Row, ...], Mapping[str, str]]:
    """The table, and why times are missing; the networks take turns, so their ratios are fair."""
    networks = {"dense": subject.network}
    networks |= {str(number): done.network for number, done in enumerate(finished)}
    runtimes = list(dict.fromkeys(r for p in job.planners for r in p.wanted.runtimes))
    speed = measure_speed(networks, subject.example, where=runtimes, seconds=TIMING * len(networks))
    n = len(subject.channels)

    def row(key: str, **about: Any) -> Row:
        return Row(
            parameters=count_parameters(networks[key]),
            macs=count_macs(networks[key], subject.example),
            times_ms={name: 1e3 * times.best(key) for name, times in speed.times.items()},
            speedups={}
            if key == "dense"
            else {name: times.speedup(key) for name, times in speed.times.items()},
            **about,
        )

    rows = [
        row(
            "dense",
            method="dense" if subject.origin is None else "before",
            amount=0.0,
            pruned=0,
            channels=n,
            metric=dense_metric,
            metric_compensated=dense_metric,
            metric_recovered=None,
            seconds=0.0,
        )
    ]
    for number, done in enumerate(finished):
        pruned, qubo = done.selection.count, done.method.objective.name != RANDOM
        rows.append(
            row(
                str(number),
                method=done.method.name,
                amount=pruned / n,
                pruned=pruned,
                channels=n - pruned,
                metric=done.metric,
                metric_compensated=done.metric_compensated,
                metric_recovered=done.metric_recovered,
                seconds=done.seconds,
                batch_norm=done.batch_norm,
                fitted=done.fitted,
                energy=done.selection.energy if qubo else None,
                evaluations=done.evaluations,
                proof=done.selection.proof if qubo else "no QUBO",
            )
        )
    return tuple(rows), speed.missing
