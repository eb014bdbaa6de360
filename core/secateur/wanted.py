"""How much shall go or may stay: an amount, budgets, widths; and the selection that keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import numpy as np
from torch import nn

from secateur.budgets import (
    TimeModel,
    budget_constraints,
    features_of,
    measure_step,
    meet,
    random_masks,
)
from secateur.errors import AmountError, OptionError
from secateur.methods import Method, choose, make_problem
from secateur.network import Amount, Call, Channels, count_of
from secateur.problem import Constraint, Problem, count
from secateur.progress import track
from secateur.solving import Selection
from secateur.statistics import ChannelStatistics
from secateur.surgery.speed import EAGER, measure_cuts
from secateur.surgery.timing import measure_times, one_thread

STEP = 16
"""Channels that kernels work in at once on most CPUs; widths where a time is asked for."""
NETWORKS = 20
"""Random networks that a prediction of time is fitted on."""
FITTING, MEASURING = 15.0, 5.0
"""Seconds of timing: for the prediction, and for a plan beside the dense network."""
STEPPING = 6.0
"""Seconds of timing for the step of a device."""


@dataclass(frozen=True)
class Wanted:
    """What a selection has to keep.

    Arguments:
        amount: of channels that go, or None.
        budget: what may stay at most, by "params", "macs" or "time".
        minimum: channels that a layer keeps at least, by path or pattern.
        maximum: channels that it keeps at most.
        multiple: of which widths are; "device": the step that is measured here.
        runtime: where a time budget is meant.
    """

    amount: Amount | None = None
    budget: Mapping[str, Amount] = field(default_factory=dict)
    minimum: Mapping[str, Amount] = field(default_factory=dict)
    maximum: Mapping[str, Amount] = field(default_factory=dict)
    multiple: int | Literal["device"] | None = None
    runtime: str = EAGER

    def checked(self) -> Wanted:
        """The same, with the multiple that a time budget is met best with.

        Raises:
            AmountError: nothing is asked for, or a multiple that is no number.
        """
        if self.amount is None and not self.budget:
            raise AmountError(
                "neither an amount nor a budget is given",
                remedy='say what goes, amount="50%", or what may stay, budget={"macs": "50%"}',
            )
        if self.multiple == "device":
            with track("measuring the step of this device"):
                return replace(self, multiple=device_step())
        if isinstance(self.multiple, str):
            raise AmountError(
                f"widths in multiples of {self.multiple!r}",
                remedy='give a whole number, or "device" to measure its step',
            )
        if self.multiple is None and "time" in self.budget:
            return replace(self, multiple=STEP)
        return self

    def demands(self, channels: Channels, model: TimeModel | None) -> list[Constraint]:
        """The constraints of the problem."""
        made: list[Constraint] = []
        if self.amount is not None:
            made.append(count(count_of(self.amount, channels)))
        if self.budget or self.minimum or self.maximum or self.multiple:
            if channels.streams:
                raise OptionError(
                    "budgets and widths with tied=False: what filters in front of a sum cost "
                    "depends on each other",
                    remedy="leave tied=False out",
                )
            made += budget_constraints(
                channels,
                channels.costs,
                self.budget,
                minimum=self.minimum,
                maximum=self.maximum,
                multiple=None if self.multiple == "device" else self.multiple,
                time=model,
            )
        return made

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "amount": self.amount,
            "budget": dict(self.budget),
            "minimum": dict(self.minimum),
            "maximum": dict(self.maximum),
            "multiple": self.multiple,
            "runtime": self.runtime if "time" in self.budget else None,
        }


class Planner:
    """Makes selections that keep what is wanted.

    Arguments:
        wanted: checked.
        network: dense.
        channels: of it.
        example: one sample.
        seed: of everything random.
        time_limit: seconds for the whole search of a method.
    """

    def __init__(
        self,
        wanted: Wanted,
        network: nn.Module,
        channels: Channels,
        example: Call,
        seed: int,
        time_limit: float | None,
    ) -> None:
        self.wanted, self.network, self.channels, self.example = wanted, network, channels, example
        self.seed, self.time_limit = seed, time_limit
        # what cannot be met is said before anything is measured
        self.demands = replace(wanted, budget=_without_time(wanted.budget)).demands(channels, None)
        self.model: TimeModel | None = None

    def select(self, statistics: ChannelStatistics, method: Method) -> tuple[Problem, Selection]:
        """The problem of a method and its selection.

        A time budget is planned for in a prediction, measured in a fresh process beside the dense
        network, and corrected once.
        """
        if "time" not in self.wanted.budget:
            problem = make_problem(statistics, method, self.demands)
            return problem, choose(problem, method, self.seed, self.time_limit)
        if self.model is None:
            self.model = self._fitted()
        made: list[tuple[Problem, Selection]] = []

        def plan(model: TimeModel) -> Any:
            demands = self.wanted.demands(self.channels, model)
            problem = make_problem(statistics, method, demands)
            made.append((problem, choose(problem, method, self.seed, self.time_limit)))
            return made[-1][1].bits

        with track("measuring the plan in a fresh process"):
            planned = meet(
                self.model,
                self.model.share_of(self.wanted.budget["time"]),
                plan,
                lambda z: self._share(z),
            )
        problem, selection = next(pair for pair in made if np.array_equal(pair[1].bits, planned.z))
        told = {
            "runtime": self.wanted.runtime,
            "predicted": planned.predicted,
            "measured": planned.measured,
            "tries": [list(pair) for pair in planned.tries],
        }
        provenance = {**selection.provenance, "time": told}
        return problem, replace(selection, provenance=provenance)

    def _fitted(self) -> TimeModel:
        multiple = self.wanted.multiple
        features = features_of(self.channels.costs, len(self.channels), step=STEP)
        masks = random_masks(
            self.channels,
            number=NETWORKS,
            multiple=multiple if isinstance(multiple, int) else 1,
            seed=self.seed,
        )
        with track("fitting a prediction of time"):
            return TimeModel.fit(
                lambda selections: self._times(selections, FITTING), features, masks
            )

    def _times(self, selections: Any, seconds: float) -> list[float]:
        return measure_cuts(
            self.network,
            self.channels,
            list(selections),
            self.example,
            runtime=self.wanted.runtime,
            seconds=seconds,
            seed=self.seed,
        )

    def _share(self, z: Any) -> float:
        dense, plan = self._times([np.zeros_like(z), z], MEASURING)
        return plan / dense


@cache
def device_step() -> int:
    """Channels that this device's kernels work in at once, measured once a process."""

    def measure(runs: Mapping[str, Any]) -> dict[str, float]:
        with one_thread():
            times = measure_times(runs, seconds=STEPPING)
        return {name: times.best(name) for name in runs}

    return measure_step(measure)


def _without_time(budget: Mapping[str, Amount]) -> dict[str, Amount]:
    return {kind: upper for kind, upper in budget.items() if kind != "time"}
