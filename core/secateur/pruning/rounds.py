"""Pruning in rounds: a part goes, what stays is compensated and measured again, and so on.

In every round all channels are chosen anew, so that one that left may come back. Only the mask of a
round is carried on: the last one is compensated from the dense network, as in one round.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from secateur.errors import OptionError
from secateur.methods.resolved import Resolved
from secateur.methods.wanted import Wanted
from secateur.metric import Keep
from secateur.network import count_of
from secateur.problem import Problem
from secateur.pruning.finishing import Body
from secateur.pruning.planning import Planner
from secateur.solving import Selection
from secateur.statistics import ChannelStatistics, collect_statistics


def schedule(channels: int, pruned: int, rounds: int) -> tuple[int, ...]:
    """How many are pruned after each round: what stays shrinks by the same factor in each.

    Arguments:
        channels: in all.
        pruned: in the end.
        rounds: at most; fewer where two would prune the same number.
    """
    share = ((channels - pruned) / channels) ** (1.0 / rounds)
    counts = [channels - round(channels * share**number) for number in range(1, rounds)]
    return (*dict.fromkeys(one for one in counts if 0 < one < pruned), pruned)


def check_rounds(wanted: Sequence[Wanted], methods: Sequence[Resolved]) -> None:
    """Rounds need a number to go to.

    Raises:
        OptionError: a method has rounds, and no amount is wanted.
    """
    method = next((one for one in methods if one.method.rounds > 1), None)
    if method is not None and any(one.amount is None for one in wanted):
        raise OptionError(
            f"{method.name} is to prune in {method.method.rounds} rounds to a budget alone",
            remedy="give an amount, from which each round's is made (a budget may stand beside "
            "it, for the last round), or leave rounds out",
        )


def in_rounds(
    planner: Planner, statistics: ChannelStatistics, method: Resolved, body: Body
) -> tuple[Problem, Selection, tuple[str, ...]]:
    """The last round's problem, its selection, and what to say of the rounds.

    Arguments:
        planner: of what is wanted in the end; a round before the last keeps its own count and the
            least widths.
        statistics: of the dense network.
        method: with its rounds.
        body: compensates.
    """
    if method.method.rounds == 1:
        return *planner.select(statistics, method), ()
    started, channels = time.monotonic(), planner.subject.channels
    pruned = count_of(planner.wanted.amount, channels)
    counts = schedule(len(channels), pruned, method.method.rounds)
    shared = method.shared(len(counts))
    told: list[dict[str, Any]] = []
    keep: Keep | None = None
    for count in counts[:-1]:
        selection = planner.select_part(statistics, shared, count)
        keep, told = _carried(selection, keep, told)
        statistics = measure_again(body, keep, compensated=method.method.compensated)
    problem, selection = planner.select(statistics, shared)
    _, told = _carried(selection, keep, told)
    notes: tuple[str, ...] = ()
    if len(counts) < method.method.rounds:
        asked = method.method.rounds
        notes = (f"{method.name}: {len(counts)} of {asked} rounds, each of another count",)
    else:
        notes = (
            f"{method.name}: "
            + ", ".join(str(one["pruned"]) for one in told)
            + " pruned after each round; "
            + ", ".join(str(one["back"]) for one in told[1:])
            + " came back in those after the first",
        )
    timings = {**selection.timings, "total": time.monotonic() - started}
    provenance = {**selection.provenance, "rounds": told}
    return problem, replace(selection, timings=timings, provenance=provenance), notes


def measure_again(body: Body, keep: Keep, *, compensated: bool) -> ChannelStatistics:
    """The statistics of the network that a mask leaves, of every channel of the dense one.

    Arguments:
        body: of the dense network.
        keep: the channels that stay, shape ``(n,)``; the others are zero where they are read.
        compensated: the layers are re-fitted first: those that stay, and those that are gone, so
            that what one would bring back is what it was.
    """
    subject, measuring = body.subject, body.subject.measuring
    return collect_statistics(
        body.fitted(keep) if compensated else subject.network,
        subject.task,
        subject.channels,
        probes=measuring.probes,
        seed=measuring.seed,
        batches=measuring.measure_batches,
        across_groups=measuring.across_groups,
        keep=keep,
    )


def _carried(
    selection: Selection, before: Keep | None, told: list[dict[str, Any]]
) -> tuple[Keep, list[dict[str, Any]]]:
    keep = selection.bits == 0
    back = 0 if before is None else int((keep & ~before).sum())
    one = {"pruned": selection.count, "back": back, "energy": selection.energy}
    return keep, [*told, one]
