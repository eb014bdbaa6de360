"""The selection of a method: its backend's, or a random one for the control."""

from __future__ import annotations

import numpy as np

from secateur.backends import Status, Stopped
from secateur.errors import OptionError
from secateur.methods import RANDOM
from secateur.resolving import Resolved
from secateur.problem import Problem
from secateur.problem.moves import Moves
from secateur.solving import Selection, solve


def choose(problem: Problem, method: Resolved, seed: int) -> Selection:
    """The selection of a method, before any refinement."""
    if method.objective.name == RANDOM:
        return _random_selection(problem, seed)
    return solve(
        problem,
        backend=method.backend,
        options=method.method.options,
        seed=seed,
        time_limit=method.method.time_limit,
    )


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
