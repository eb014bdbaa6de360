"""What a report says in sentences, each made from the rows; nothing that they do not hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from secateur.study.report.numbers import hundredths, level, plain, seconds
from secateur.study.row import Row, State
from secateur.study.statistics import Analysis

MOST_NAMED = 4
"""Names that a sentence holds before it counts."""


def compared(analysis: Analysis, rows: Sequence[Row]) -> list[str]:
    """One paragraph: what was run, what came of it, who is ahead and how surely."""
    methods, problems = len(analysis.methods), len(analysis.instances)
    sizes = [of.variables for of in analysis.instances]
    states = Counter(row.state for row in rows)
    said = [
        f"{many(methods, 'method')} {was(methods)} run on {many(problems, 'instance')} of "
        f"{span(sizes)} variables, {_repeats(rows)}: {many(len(rows), 'run')}."
    ]
    undone = [
        many(states[state], "run") + words
        for state, words in ((State.FAILED, " failed"), (State.CANNOT, " could not be made"))
        if states[state]
    ]
    absent = sum(of.absent for of in analysis.methods)
    if absent:
        undone.append(
            many(absent, "run")
            + " has no row yet" * (absent == 1)
            + " have no row yet" * (absent > 1)
        )
    if undone:
        said.append(
            f"{many(states[State.DONE], 'run')} gave a selection; {listed(undone)}. A run without "
            "an answer counts as no success and as a gap of 100 %."
        )
    said.append(_limits(rows))
    nothing = not any(of.done for of in analysis.methods)
    said.append("No method has an answer: nothing is compared." if nothing else _ahead(analysis))
    return [sentence for sentence in said if sentence]


def _repeats(rows: Sequence[Row]) -> str:
    seeds = len({row.seed for row in rows})
    repetitions = len({row.repetition for row in rows})
    said = f"with {many(seeds, 'seed')}"
    return said + (f" and {many(repetitions, 'repetition')}" if repetitions > 1 else "")


def _limits(rows: Sequence[Row]) -> str:
    limits = {row.time_limit for row in rows}
    if limits == {None}:
        return "No time limit was set."
    if len(limits) == 1:
        return f"Every run had {seconds(limits.pop() or 0.0)} for its whole search."
    shown = sorted(limit for limit in limits if limit is not None)
    return (
        f"Runs had different time limits, from {seconds(shown[0])} to {seconds(shown[-1])}"
        + (", some none" if None in limits else "")
        + ": methods are not compared at equal time."
    )


def _ahead(analysis: Analysis) -> str:
    ranks = analysis.ranks
    if len(ranks.methods) < 2:
        return ""
    best, rank, second = ranks.ranks[0], ranks.methods[0], ranks.ranks[1]
    with_it = [m for m, r in zip(ranks.methods, ranks.ranks, strict=True) if r == best]
    if len(with_it) > 1:
        return f"{listed(with_it)} share the best mean rank, {hundredths(best)}."
    said = (
        f"{rank} has the best mean rank, {hundredths(best)}, before {ranks.methods[1]} with "
        f"{hundredths(second)}"
    )
    if ranks.critical_difference is None:
        return f"{said}; {ranks.note or 'whether that is chance was not tested'}."
    apart = second - best
    verdict = "more" if apart > ranks.critical_difference else "not more"
    return (
        f"{said}; the distance is {verdict} than the critical difference, "
        f"{hundredths(ranks.critical_difference)}."
    )


def conditions(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Under what all this was measured: machines, versions, seeds, options, times of day."""
    started = sorted(row.started for row in rows if row.started)
    facts = [
        ("seeds", runs_of(sorted({row.seed for row in rows}))),
        ("time limits", listed(sorted(_seconds(limit) for limit in {r.time_limit for r in rows}))),
        ("first run", started[0] if started else "not told"),
        ("last run", started[-1] if started else "not told"),
    ]
    facts += [("machine", text) for text in _different(row.machine for row in rows)]
    facts += [("versions", text) for text in _different(row.versions for row in rows)]
    return facts


def options_of(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """Each method, its backend, and its options as they were."""
    seen: dict[tuple[str, str, str], None] = {}
    for row in sorted(rows, key=lambda row: row.method):
        seen[(row.method, row.backend, _pairs(row.options) or "as they come")] = None
    return list(seen)


def _different(data: Iterable[Mapping[str, Any]]) -> list[str]:
    """Each different one, with the numbers that vary within (a load) as a range."""
    held: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for one in data:
        fixed = {k: v for k, v in one.items() if not isinstance(v, float)}
        held.setdefault((_pairs(fixed), *sorted(set(one) - set(fixed))), []).append(one)
    made = []
    for (fixed_text, *varying), ones in held.items():
        ranges = [f"{name} {span([one[name] for one in ones])}" for name in varying]
        text = ", ".join(part for part in (fixed_text, *ranges) if part)
        if text:
            made.append(text + (f" ({many(len(ones), 'run')})" if len(held) > 1 else ""))
    return made or ["not told"]


def _pairs(data: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {_pairs(value) if isinstance(value, Mapping) else value}"
        for name, value in sorted(data.items())
    )


def _seconds(limit: float | None) -> str:
    return "none" if limit is None else seconds(limit)


def span(values: Sequence[float]) -> str:
    """``20–70``, or the one that all are."""
    low, high = min(values), max(values)
    shown = [
        f"{v:,}".replace(",", "\u00a0") if isinstance(v, int) else plain(v) for v in (low, high)
    ]
    return shown[0] if low == high else f"{shown[0]}–{shown[1]}"


def runs_of(numbers: Sequence[int]) -> str:
    """``0–4, 7``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}–{p[-1]}" for p in parts)


def many(number: int, name: str) -> str:
    """``1 run``, ``1 200 runs``."""
    return f"{number:,} {name}{'' if number == 1 else 's'}".replace(",", "\u00a0")


def was(number: int) -> str:
    """The verb to a number of things."""
    return "was" if number == 1 else "were"


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; many are counted."""
    if len(words) > MOST_NAMED + 1:
        rest = len(words) - MOST_NAMED
        return ", ".join(words[:MOST_NAMED]) + f" and {rest} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def reading(analysis: Analysis) -> list[tuple[str, str]]:
    """What the numbers of the key table are, for whoever reads no statistics every day."""
    sure = level(analysis.confidence)
    threshold = (
        f"came within {level(analysis.threshold)} of the best known energy"
        if analysis.threshold
        else "found the best known energy"
    )
    proven = sum(of.proven for of in analysis.instances)
    return [
        (
            "gap",
            "how far the energy of a run is above the best known energy of its instance, as a "
            f"share of that energy. That energy is proven to be the lowest on {proven} of "
            f"{many(len(analysis.instances), 'instance')}; elsewhere a gap of 0 says only that no "
            "method here did better.",
        ),
        ("success", f"the share of runs that {threshold}."),
        (
            "time to solution",
            "how long runs must be repeated until at least one "
            "success is 99 % sure, without waiting at a service. It is ∞ where no run succeeded.",
        ),
        (
            "time to target",
            "the expected time until the first success, unsuccessful runs paid for.",
        ),
        ("rank", "methods are ranked on each instance by their mean gap; the mean of these ranks."),
        (
            "interval",
            f"if the study were repeated again and again, {sure} of such intervals would "
            "hold the true value. Those of two methods may overlap although the methods differ: "
            "look at the differences, pair by pair.",
        ),
    ]


def headline(analysis: Analysis, rows: Sequence[Row]) -> str:
    """The facts below the title, in a line."""
    limits = {row.time_limit for row in rows}
    limit = next(iter(limits)) if len(limits) == 1 else None
    parts = [
        many(len(analysis.instances), "instance"),
        many(len(analysis.methods), "method"),
        many(len(rows), "run"),
    ]
    if limit is not None and math.isfinite(limit):
        parts.append(f"{seconds(limit)} each")
    return " · ".join(parts)
