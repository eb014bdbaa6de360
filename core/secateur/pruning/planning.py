"""From what is wanted to a selection: demands, a plan for a time that is measured and corrected."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.budgets import TimeModel, features_of, measure_step, meet, random_masks
from secateur.methods.resolved import Resolved
from secateur.methods.wanted import DEVICE, STEP, Wanted
from secateur.metric import Keep
from secateur.network import Channels
from secateur.problem import Cardinality, Constraint, Problem, at_most
from secateur.progress import track
from secateur.pruning.selecting import choose, price_choice, with_room
from secateur.pruning.subject import Subject
from secateur.solving import Quote, Selection
from secateur.statistics import ChannelStatistics
from secateur.surgery.speed import measure_cuts
from secateur.surgery.timing import measure_times, one_thread

NETWORKS = 20
"""Random networks that a prediction of time is fitted on."""
FITTING, MEASURING = 15.0, 5.0
"""Seconds of timing: for the prediction, and for a plan beside the dense network."""
STEPPING = 6.0
"""Seconds of timing for the step of a device."""


class Planner:
    """Makes selections that keep what is wanted; what cannot be met is said when it is made.

    Arguments:
        wanted: checked.
        subject: the network and its channels.
        seed: of everything random.
    """

    def __init__(self, wanted: Wanted, subject: Subject, seed: int) -> None:
        self.wanted, self.subject, self.seed = wanted, subject, seed
        step = wanted.width_step
        if step == DEVICE:
            with track("measuring the step of this device"):
                step = device_step()
        assert step is None or isinstance(step, int), "checked before"
        self.step = step
        self.demands = with_room(subject.channels, wanted.demands(subject.channels, step, None))
        if wanted.constraints is not None:  # what names nothing is said now
            problem_without_costs(subject.channels, self.demands)
        self.model: TimeModel | None = None
        self.floors: tuple[Constraint, ...] = ()

    def floored(self, share: float, keep: Keep) -> Planner | None:
        """One that demands a share of every layer besides; None where a mask keeps that already.

        Arguments:
            share: of each layer's channels that stays at least, rounded; one always does, and no
                more are demanded of a layer than its ``maximum`` lets stay.
            keep: the channels that stay, shape ``(n,)``.
        """
        channels = self.subject.channels
        most = {
            demand.name: len(demand.variables) - demand.lower
            for demand in self.demands
            if isinstance(demand, Cardinality) and demand.variables is not None
        }
        least = [
            (group, min(max(1, round(share * group.size)), most.get(group.name, group.size)))
            for group in channels.groups
        ]
        if all(int(keep[group.slice].sum()) >= low for group, low in least):
            return None
        made = copy.copy(self)
        made.floors = tuple(
            at_most(group.size - low, channels.labels[group.slice], name=f"floor of {group.name}")
            for group, low in least
        )
        return made

    def select(self, statistics: ChannelStatistics, method: Resolved) -> tuple[Problem, Selection]:
        """The problem of a method and its selection.

        A time budget is planned for in a prediction, measured in a fresh process beside the dense
        network, and corrected once.
        """
        budget = self.wanted.budget or {}
        if "time" not in budget:
            return self._selected(statistics, method, self.demands)
        if self.model is None:
            self.model = self._fitted()
        made: list[tuple[Problem, Selection]] = []

        def plan(model: TimeModel) -> NDArray[np.int8]:
            demands = self.wanted.demands(self.subject.channels, self.step, model)
            made.append(
                self._selected(statistics, method, with_room(self.subject.channels, demands))
            )
            return made[-1][1].bits

        with track("measuring the plan in a fresh process"):
            planned = meet(self.model, self.model.share_of(budget["time"]), plan, self._share)
        problem, selection = next(pair for pair in made if np.array_equal(pair[1].bits, planned.z))
        told = {
            "runtime": self.wanted.runtimes[0],
            "predicted": planned.predicted,
            "measured": planned.measured,
            "tries": [list(pair) for pair in planned.tries],
        }
        return problem, replace(selection, provenance={**selection.provenance, "time": told})

    def select_part(self, statistics: ChannelStatistics, method: Resolved, count: int) -> Selection:
        """A selection of another count, on the way to what is wanted.

        Budgets, multiples, most widths and constraints of the user's hold in the end; the least
        widths hold here too.
        """
        part = replace(self.wanted, amount=count, budget=None, maximum=None, multiple=None)
        part = replace(part, constraints=None)
        channels = self.subject.channels
        demands = with_room(channels, part.demands(channels, None, None))
        return self._selected(statistics, method, demands)[1]

    def _selected(
        self, statistics: ChannelStatistics, method: Resolved, demands: Sequence[Constraint]
    ) -> tuple[Problem, Selection]:
        problem = method.objective.problem(statistics, [*demands, *self.floors])
        return problem, choose(problem, method, self.seed)

    def price(self, statistics: ChannelStatistics, method: Resolved) -> Quote:
        """What the selection of a method would be charged; nothing is solved."""
        searches = method.searches * method.method.rounds
        one = method.candidates[0] if method.candidates else method
        problem = one.objective.problem(statistics, self.demands)
        quote = price_choice(problem, one.shared(searches), self.seed)
        return replace(quote, calls=searches * quote.calls)

    def _fitted(self) -> TimeModel:
        channels = self.subject.channels
        masks = random_masks(channels, number=NETWORKS, multiple=self.step or 1, seed=self.seed)
        with track("fitting a prediction of time"):
            return TimeModel.fit(
                lambda selections: self._times(selections, FITTING),
                features_of(channels.costs, len(channels), step=STEP),
                masks,
            )

    def _times(self, selections: Any, seconds: float) -> list[float]:
        return measure_cuts(
            self.subject.network,
            self.subject.channels,
            list(selections),
            self.subject.example,
            runtime=self.wanted.runtimes[0],
            seconds=seconds,
            seed=self.seed,
        )

    def _share(self, z: Any) -> float:
        dense, plan = self._times([np.zeros_like(z), z], MEASURING)
        return plan / dense


def problem_without_costs(channels: Channels, demands: Sequence[Constraint]) -> Problem:
    """What is demanded, before anything is measured.

    Raises:
        ConstraintError: a demand names what is no channel.
    """
    nothing = np.zeros(0, dtype=np.int32)
    none = (nothing, nothing, np.zeros(0))
    return Problem.from_arrays(channels.labels, np.zeros(len(channels)), none, 0.0, demands)


@cache
def device_step() -> int:
    """Channels that this device's kernels work in at once, measured once a process."""

    def measure(runs: Mapping[str, Any]) -> dict[str, float]:
        with one_thread():
            times = measure_times(runs, seconds=STEPPING)
        return {name: times.best(name) for name in runs}

    return measure_step(measure)
