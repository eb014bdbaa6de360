"""The selection of a method: its backend's, or a random one for the control."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from secateur.backends import Status, Stopped
from secateur.errors import OptionError
from secateur.methods import RANDOM
from secateur.methods.resolved import Resolved
from secateur.network import Channels, keep_one_each
from secateur.objectives import Objective, resolve_objective
from secateur.problem import Constraint, Problem
from secateur.problem.moves import Moves
from secateur.solving import Quote, Selection, quote, solve
from secateur.statistics import ChannelStatistics


def make_problem(
    statistics: ChannelStatistics, objective: Objective | str, demands: Iterable[Constraint]
) -> Problem:
    """The QUBO of an objective with what is demanded; every layer keeps one channel besides.

    Arguments:
        statistics: of every channel.
        objective: or its name.
        demands: of the selection.

    Raises:
        OptionError: there is no such objective, or it needs what was not measured.
    """
    made = resolve_objective(objective, None)
    return made.problem(statistics, with_room(statistics.channels, demands))


def with_room(channels: Channels, demands: Iterable[Constraint]) -> list[Constraint]:
    """Demands with a channel for every layer, where they say nothing of it."""
    demands = list(demands)
    named = {demand.name for demand in demands}
    return [*demands, *(one for one in keep_one_each(channels) if one.name not in named)]


def choose(problem: Problem, method: Resolved, seed: int) -> Selection:
    """The selection of a method, before any refinement."""
    if method.objective.name == RANDOM:
        return _random_selection(problem, seed)
    return solve(problem, **_asked(method, seed))


def price_choice(problem: Problem, method: Resolved, seed: int) -> Quote:
    """What ``choose`` would be charged."""
    return quote(problem, **_asked(method, seed))


def _asked(method: Resolved, seed: int) -> dict[str, Any]:
    return {
        "backend": method.chosen,
        "seed": seed,
        "time_limit": method.method.time_limit,
        "charge": method.method.charge,
        "max_calls": method.method.max_calls,
    }


def _random_selection(problem: Problem, seed: int) -> Selection:
    """Channels in random order, until what is demanded is kept."""
    order = np.random.default_rng(seed).permutation(problem.n)
    moves = Moves(problem)
    counts = (
        [problem.count]
        if problem.count is not None
        else range(1, problem.n + 1, 1 + problem.n // 200)
    )
    for number in counts:
        bits = np.zeros(problem.n, dtype=np.int8)
        bits[order[:number]] = 1
        repaired = moves.repair(bits)
        if repaired is not None:
            break
    else:
        repaired = None
    if repaired is None:
        raise OptionError(
            "no random selection keeps what is demanded",
            remedy="leave the method out, or ask for less",
        )
    return Selection(
        labels=problem.variables,
        bits=repaired,
        energy=0.0,
        bound=None,
        status=Status.FEASIBLE,
        stopped=Stopped.COMPLETED,
        backend=RANDOM,
        calls=0,
        timings={"total": 0.0},
        seed=seed,
    )
