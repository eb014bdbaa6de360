"""What each layer would lose at each width, as an objective sees it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from secateur.objectives import Objective
from secateur.problem import Problem
from secateur.problem.parts import Block
from secateur.progress import track
from secateur.solving.control import Control
from secateur.solving.curves import upper_curve
from secateur.statistics import ChannelStatistics

SECONDS = 20.0
"""For the curves of all layers."""


def curves_of(
    statistics: ChannelStatistics, objective: Objective, *, seconds: float = SECONDS
) -> Mapping[str, NDArray[np.float64]]:
    """For each group, the lowest energy found with exactly k of its channels pruned.

    Couplings between groups are left out.

    Arguments:
        statistics: of every channel.
        objective: gives the energies.
        seconds: for all groups; what is found by then is returned.

    Returns:
        by group, shape ``(size + 1,)``, in the objective's own unit; 0 at k = 0.
    """
    problem = objective.problem(statistics, ())
    groups, control = statistics.channels.groups, Control(seconds)
    curves: dict[str, NDArray[np.float64]] = {}
    with track("curves of the layers", len(groups)) as step:
        for number, group in enumerate(groups):
            share = control.part(1.0 / (len(groups) - number))
            curves[group.name] = upper_curve(_block(problem, group.slice), control=share).energy
            step.advance()
    return curves


def _block(problem: Problem, own: slice) -> Block:
    inside = problem.couplings[own][:, own]
    size = inside.shape[0]
    return Block(
        positions=np.arange(size),
        linear=problem.linear[own],
        couplings=inside.toarray() if inside.nnz else None,
        allowed=np.ones(size + 1, dtype=bool),
    )
