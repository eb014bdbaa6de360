"""A method on an instance, and a method over all instances."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from secateur.study.statistics.analysis import Ranks
from secateur.study.statistics.best import energy_of
from secateur.study.statistics.bootstrap import Bootstrap
from secateur.study.statistics.curves import expected_time, primal_integral
from secateur.study.statistics.gaps import NOTHING, relative_gap
from secateur.study.statistics.portfolio import is_best
from secateur.study.statistics.runs import Run, Runs, state_of
from secateur.study.statistics.shares import time_to_solution, wilson
from secateur.study.statistics.summaries import (
    CellSummary,
    Estimate,
    InstanceSummary,
    MethodSummary,
)


def summarise_cell(
    method: str,
    instance: InstanceSummary,
    runs: Sequence[Run],
    *,
    threshold: float,
    confidence: float,
) -> CellSummary:
    """All runs of a method on an instance.

    Arguments:
        method: its name.
        instance: what is known of it.
        runs: at least one, made or not.
        threshold: a run succeeds if its gap is at most this.
        confidence: of the intervals.
    """
    states = Counter(state_of(run) for run in runs)
    gaps = [min(run.gap, NOTHING) for run in runs]
    energies = [energy for run in runs if (energy := energy_of(run.row)) is not None]
    successes = sum(run.gap <= threshold for run in runs)
    success = wilson(successes, len(runs), confidence)
    read_success, of_reads = _reads(runs, instance, threshold, confidence)
    seconds = _mean([run.row.seconds for run in runs if run.row is not None])
    access = _mean([run.row.access for run in runs if run.row is not None])
    return CellSummary(
        method=method,
        instance=instance.name,
        runs=len(runs),
        done=states["done"],
        failed=states["failed"],
        cannot=states["cannot"],
        absent=states["absent"],
        energy=min(energies, default=None),
        gap=math.fsum(gaps) / len(gaps),
        gap_best=min(gaps),
        gap_worst=max(gaps),
        to_bound=_to_bound(runs, instance),
        successes=successes,
        success=success,
        read_success=read_success,
        seconds=seconds,
        access=access,
        tts=time_to_solution(seconds, success),
        tts_access=Estimate() if access is None else time_to_solution(access, success),
        tts_reads=of_reads,
        expected=expected_time(runs, threshold),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return math.fsum(told) / len(told) if told else None


def _to_bound(runs: Sequence[Run], instance: InstanceSummary) -> float | None:
    if instance.bound is None:
        return None
    gaps = [
        NOTHING if energy is None else relative_gap(energy, instance.bound, instance.size)
        for energy in (energy_of(run.row) for run in runs)
    ]
    return math.fsum(gaps) / len(gaps)


def _reads(
    runs: Sequence[Run], instance: InstanceSummary, threshold: float, confidence: float
) -> tuple[Estimate | None, Estimate]:
    """The share of reads that hit, and the time to solution by reads.

    Rows tell how many reads had the best energy of their backend. These are hits if that energy is
    within the threshold; reads that are within it but not the best are not known, so with a
    threshold above 0 the share is a lower bound. A read takes the run's access time, or its time
    where none is told, over its reads.
    """
    rows = [run.row for run in runs if run.row is not None and run.row.reads]
    if not rows or instance.best is None:
        return None, Estimate()
    reads = sum(row.reads or 0 for row in rows)
    hits = sum(
        row.reads_best or 0
        for row in rows
        if row.backend_energy is not None
        and relative_gap(row.backend_energy, instance.best, instance.size) <= threshold
    )
    share = wilson(hits, reads, confidence)
    times = [row.seconds if row.access is None else row.access for row in rows]
    told = [time for time in times if time is not None]
    each = math.fsum(told) / reads if len(told) == len(times) else None
    return share, time_to_solution(each, share)


def summarise_methods(
    runs: Runs,
    cells: Mapping[tuple[str, str], CellSummary],
    ranks: Ranks,
    bootstrap: Bootstrap,
) -> tuple[MethodSummary, ...]:
    """Every method over all instances.

    Arguments:
        runs: of all methods.
        cells: of each (method, instance).
        ranks: of the methods.
        bootstrap: of the intervals.
    """
    gaps = bootstrap.means(
        {
            method: [
                [min(run.gap, NOTHING) for run in runs.of[method, name]] for name in runs.names
            ]
            for method in runs.methods
        }
    )
    rank = dict(zip(ranks.methods, ranks.ranks, strict=True))
    return tuple(
        _summary(runs, cells, method, gaps[method], rank[method], bootstrap)
        for method in runs.methods
    )


def _summary(
    runs: Runs,
    cells: Mapping[tuple[str, str], CellSummary],
    method: str,
    gap: Estimate,
    rank: float,
    bootstrap: Bootstrap,
) -> MethodSummary:
    own = [cells[method, name] for name in runs.names]
    rows = [row for row in runs.rows if row.method == method]
    total = sum(cell.runs for cell in own)
    share = math.fsum(cell.success.value or 0.0 for cell in own) / len(own)
    times = [cell.tts.value for cell in own]
    known = [time for time in times if time is not None]
    return MethodSummary(
        method=method,
        backends=tuple(sorted({row.backend for row in rows})),
        runs=total,
        done=sum(cell.done for cell in own),
        failed=sum(cell.failed for cell in own),
        cannot=sum(cell.cannot for cell in own),
        absent=sum(cell.absent for cell in own),
        gap=gap,
        success=wilson(share * total, total, bootstrap.confidence),
        # a median over those instances whose times are told would leave others out
        tts=bootstrap.median(known) if len(known) == len(times) else Estimate(),
        expected=bootstrap.median([cell.expected for cell in own]),
        primal_integral=primal_integral(runs, method),
        rank=rank,
        solved=sum(cell.successes > 0 for cell in own),
        best_on=sum(is_best(cells, runs.methods, method, name) for name in runs.names),
        tuned=max((row.tuned for row in rows), default=0),
        metered=any(row.metered for row in rows),
    )
