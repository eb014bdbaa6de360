"""What a reader has to know before believing the numbers: sentences, each from the rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from secateur.study.row import Row, State
from secateur.study.statistics.best import energy_of
from secateur.study.statistics.curves import TICK
from secateur.study.statistics.gaps import same
from secateur.study.statistics.ranks import FEW
from secateur.study.statistics.runs import Run, Runs, beyond, state_of
from secateur.study.statistics.shares import wilson

LATE = 0.9
"""An answer after this share of a run's time is one at its end."""
OVER = 1.1
"""A run that took more than so many times its limit did not keep it."""


def limitations(runs: Runs, *, confidence: float = 0.95) -> tuple[str, ...]:
    """Every limitation that the rows show, the gravest first.

    Arguments:
        runs: of the study.
        confidence: of the intervals.
    """
    return (
        *_untrue(runs),
        *_missing(runs),
        *_tuning(runs),
        *_limits(runs),
        *_best(runs),
        *_size(runs, confidence),
        *_machines(runs),
        *_times(runs),
        *_cells(runs),
    )


def number(count: int, what: str) -> str:
    """ "1 run", "2 runs"."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def listed(words: Iterable[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def _per_method(runs: Runs, holds: Callable[[Run], bool]) -> dict[str, tuple[int, int]]:
    """How many runs of how many; methods with none are left out."""
    found = {}
    for method in runs.methods:
        own = [run for name in runs.names for run in runs.of[method, name]]
        if count := sum(map(holds, own)):
            found[method] = (count, len(own))
    return found


def _of(found: Mapping[str, tuple[int, int]]) -> str:
    return listed(f"{method} ({count} of {whole})" for method, (count, whole) in found.items())


def _untrue(runs: Runs) -> Iterable[str]:
    for instance in runs.instances:
        if instance.conflict:
            yield (
                f"On {instance.name} {instance.conflict}: one of the two is untrue. The bound is "
                "not used."
            )
    claims = [row for row in runs.rows if row.state is State.DONE and energy_of(row) is None]
    if claims:
        yield (
            f"Done, but without a finite energy: {number(len(claims), 'row')} of "
            f"{listed(sorted({row.method for row in claims}))}. Counted as failed."
        )
    late = [
        row
        for row in runs.rows
        if energy_of(row) is not None and any(beyond(row, found) for _, found in row.incumbents)
    ]
    if late:
        yield (
            f"{number(len(late), 'run')} of {listed(sorted({row.method for row in late}))} told an "
            "incumbent that is better than the answer: that incumbent is not used."
        )


MISSING = {
    "failed": "Runs that failed",
    "cannot": "Runs that a backend could not take",
    "absent": "Runs that have no row",
}


def _missing(runs: Runs) -> Iterable[str]:
    for state, what in MISSING.items():
        if found := _per_method(runs, partial(_is, state)):
            yield (
                f"{what}: {_of(found)}. Each counts as a run without success and with a gap of 1; "
                "a method without any answer on an instance ranks last there."
            )
    if runs.unseen:
        yield (
            f"No run at all was made on {listed(runs.unseen)}: left out of everything here, for "
            "all methods."
        )


def _is(state: str, run: Run) -> bool:
    return state_of(run) == state


def _tuning(runs: Runs) -> Iterable[str]:
    trials = {
        method: {row.tuned for row in runs.rows if row.method == method} for method in runs.methods
    }
    told = {method: max(found, default=0) for method, found in trials.items()}
    mixed = [method for method, found in trials.items() if len(found) > 1]
    if mixed:
        yield f"Only some rows of {listed(mixed)} are of tuned options."
    if not any(told.values()):
        yield "No method was tuned: each ran with the options of the study, or its own defaults."
    elif len(set(told.values())) == 1:
        yield f"Each method was tuned with {number(max(told.values()), 'trial')}."
    else:
        tuned = [f"{method} with {number(n, 'trial')}" for method, n in told.items() if n]
        bare = [method for method, n in told.items() if not n]
        yield (
            f"The methods were not tuned alike: {listed(tuned)}"
            + (f"; {listed(bare)} not at all" if bare else "")
            + ". This favours those with more trials."
        )


def _limits(runs: Runs) -> Iterable[str]:
    if found := _per_method(runs, lambda run: run.stopped):
        yield (
            f"Runs that a limit stopped, or that do not say that they were complete: {_of(found)}. "
            "What they would have found later is not known."
        )
    limits = {
        method: {row.time_limit for row in runs.rows if row.method == method}
        for method in runs.methods
    }
    every = {limit for found in limits.values() for limit in found}
    if len(every) > 1:
        told = [
            f"{method} {listed(_limit(limit) for limit in sorted(found, key=_none_last))}"
            for method, found in limits.items()
            if found
        ]
        yield f"Time limits differ: {listed(told)}. Methods with more time are favoured."
    elif every == {None}:
        yield "No run had a time limit: methods may have had unequal time."
    if over := _per_method(runs, _overran):
        yield (
            f"Runs that took more than {OVER:g} times their time limit: {_of(over)}. They had more "
            "time than others."
        )


def _limit(limit: float | None) -> str:
    return "none" if limit is None else f"{limit:g} s"


def _none_last(limit: float | None) -> tuple[bool, float]:
    return limit is None, limit or 0.0


def _overran(run: Run) -> bool:
    row = run.row
    if row is None or row.seconds is None or row.time_limit is None:
        return False
    return row.seconds > OVER * row.time_limit


def _best(runs: Runs) -> Iterable[str]:
    count = len(runs.instances)
    open_ones = [instance for instance in runs.instances if not instance.proven]
    if open_ones:
        yield (
            f"On {len(open_ones)} of {number(count, 'instance')} no optimum is proven: gaps and "
            "successes there are against the best known, which may not be the best."
        )
    nobody = [instance.name for instance in runs.instances if instance.source in ("", "bound")]
    if nobody:
        yield f"Nobody has an energy on {listed(nobody)}: all methods count as failing there."
    rows_of: dict[str, list[Row]] = defaultdict(list)
    for row in runs.rows:
        rows_of[row.instance_sha256].append(row)
    owners: Counter[str] = Counter()
    for instance in open_ones:
        if instance.source == "run" and instance.best is not None:
            best = instance.best
            holders = {
                row.method
                for row in rows_of[instance.sha256]
                if (energy := energy_of(row)) is not None and same(energy, best, instance.size)
            }
            if len(holders) == 1:
                owners.update(holders)
    if owners:
        told = listed(f"{method} on {owners[method]}" for method in sorted(owners))
        yield (
            "The best known is not proven and was found by one of the compared methods alone: "
            f"{told}. Its successes there are against its own best."
        )
    beaten = {
        row.instance
        for instance in runs.instances
        if instance.source == "run"
        for row in rows_of[instance.sha256]
        if row.best_known is not None
    }
    if beaten:
        yield (
            f"On {listed(sorted(beaten))} a run is better than the best that the study's file "
            "says: gaps are to the run's energy."
        )


def _size(runs: Runs, confidence: float) -> Iterable[str]:
    count = len(runs.instances)
    if count < FEW:
        yield (
            f"There {'is' if count == 1 else 'are'} only {number(count, 'instance')}: intervals "
            "and tests over instances are rough."
        )
    fewest = min(len(of) for of in runs.of.values())
    if fewest < FEW:
        low = wilson(fewest, fewest, confidence).low
        yield (
            f"There are as few as {number(fewest, 'run')} of a method on an instance: even if all "
            f"succeed, the probability of success is only known to be above {low:.2f} "
            f"({100 * confidence:g} %)."
        )
    if still := [method for method in runs.methods if _repeats_itself(runs, method)]:
        yield (
            f"Whatever the seed, the answers on an instance were the same: {listed(still)}. Where "
            "a method draws nothing at random its runs are one run, and its intervals over runs "
            "are too short."
        )


def _repeats_itself(runs: Runs, method: str) -> bool:
    several = False
    for name in runs.names:
        rows = [run.row for run in runs.of[method, name] if run.row is not None and run.answered]
        if len({(row.energy, row.ones) for row in rows}) > 1:
            return False
        several = several or len({row.seed for row in rows}) > 1
    return several


def _machines(runs: Runs) -> Iterable[str]:
    machines = {_machine(row.machine) for row in runs.rows if row.machine}
    if len(machines) > 1:
        yield (
            f"Runs were made on {len(machines)} machines: their times are not of one kind. "
            f"{listed(sorted(machines))}."
        )
    silent = sum(not row.machine for row in runs.rows)
    if silent:
        yield f"The machine is not told by {silent} of {number(len(runs.rows), 'row')}."
    began = [row for row in runs.rows if row.state is not State.CANNOT]
    loaded = sum(map(_loaded, began))
    if loaded:
        yield (
            f"{loaded} of {number(len(began), 'run')} began while the load was above the "
            "number of processors: their times are too long."
        )
    versions: dict[str, set[str]] = defaultdict(set)
    for row in runs.rows:
        for name, version in row.versions.items():
            versions[name].add(str(version))
    several = [
        f"{name} ({listed(sorted(found))})"
        for name, found in sorted(versions.items())
        if len(found) > 1
    ]
    if several:
        yield f"More than one version took part: {listed(several)}."


def _machine(machine: Mapping[str, Any]) -> str:
    """All that is told of it but its load, which changes."""
    return " ".join(f"{machine[key]}" for key in sorted(machine) if key != "load")


def _loaded(row: Row) -> bool:
    load, processors = row.machine.get("load"), row.machine.get("processors")
    if isinstance(load, Sequence) and not isinstance(load, str):
        load = load[0] if load else None
    if not isinstance(load, int | float) or not isinstance(processors, int | float):
        return False
    return load > processors


def _times(runs: Runs) -> Iterable[str]:
    if short := _per_method(runs, lambda run: run.answered and run.end < TICK):
        yield (
            f"Runs that took less than {TICK:g} s, which is too short to be timed well: "
            f"{_of(short)}. In ratios of times they count as {TICK:g} s."
        )
    untimed = _per_method(
        runs, lambda run: run.answered and run.row is not None and run.row.seconds is None
    )
    if untimed:
        yield (
            f"Runs that tell no time: {_of(untimed)}. Their time counts as their limit, or as the "
            "longest run on the instance."
        )
    blind = _per_method(
        runs, lambda run: run.answered and run.row is not None and not run.row.incumbents
    )
    if blind:
        yield (
            f"Runs that tell no incumbents: {_of(blind)}. A target counts as reached at their end, "
            "which may be later than it was."
        )
    if steps := [method for method in runs.methods if _tells_at_end(runs, method)]:
        yield (
            f"Answers are told at the end of a run only: {listed(steps)}. Their curves are one "
            "step: what they had before, and when a target was reached, is not known, and times to "
            "a target are the longest possible."
        )
    if queued := _per_method(runs, lambda run: run.row is not None and (run.row.queue or 0) > 0):
        yield (
            f"Runs that waited at a service: {_of(queued)}. Their time is without the queue; the "
            "times of their incumbents are with it, but never later than the end."
        )


def _tells_at_end(runs: Runs, method: str) -> bool:
    """Each of its runs tells an answer, and none before most of its time was over."""
    told = [
        (run.row.incumbents[0][0], run.row.wall)
        for name in runs.names
        for run in runs.of[method, name]
        if run.answered and run.row is not None and run.row.incumbents and run.row.wall
    ]
    return bool(told) and all(first >= LATE * wall and wall > TICK for first, wall in told)


def _cells(runs: Runs) -> Iterable[str]:
    if runs.doubled:
        yield (
            f"The method, instance, seed and repetition of {number(runs.doubled, 'row')} are those "
            "of another row, with other versions or options: counted as runs of their own."
        )
    if runs.repeated:
        yield f"Given again, and counted once: {number(runs.repeated, 'row')}."
    names: dict[str, list[str]] = defaultdict(list)
    for instance in runs.instances:
        names[instance.sha256].append(instance.name)
    for alike in names.values():
        if len(alike) > 1:
            yield f"{listed(alike)} are the same problem: it counts {len(alike)} times."
    places = {
        method: {run.place for name in runs.names for run in runs.of[method, name]}
        for method in runs.methods
    }
    if len({frozenset(found) for found in places.values()}) > 1:
        yield (
            "The methods were not run with the same seeds and repetitions: two methods are paired "
            "on those that both have."
        )
