"""The steps of a distillation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from secateur.progress import Step
from secateur.recover.matching import Distance
from secateur.recover.work import Clock, Work

RATES = (3e-3, 1e-3, 3e-4)
"""Of Adam; the best on the selection split goes on."""
TRIAL = 0.05
"""So much of the steps each rate is tried for."""


@dataclass(frozen=True)
class Schedule:
    """How long, and how often it is looked at; see ``Distil``."""

    steps: int
    seconds: float | None
    looks: int
    patience: int


class Training:
    """One run of Adam on a copy of the smaller network."""

    def __init__(self, work: Work, distance: Distance, how: Schedule, seed: int, bar: Step) -> None:
        self.work, self.distance, self.how, self.seed, self.bar = work, distance, how, seed, bar
        self.clock = Clock(how.steps, how.seconds)
        self.order: list[int] = []
        self.parameters = [p for p in work.network.parameters() if p.is_floating_point()]
        for parameter in self.parameters:
            parameter.requires_grad_(True)

    def best_rate(self) -> float:
        """The rate whose first steps lead to the best selection metric."""
        steps = max(1, round(TRIAL * self.how.steps))
        sign = 1.0 if self.work.task.higher_is_better else -1.0
        values = {}
        for rate in RATES:
            self.work.restart()
            optimiser = self._optimiser(rate)
            for step in range(steps):
                self._step(optimiser, step, rate * 0.5 * (1 + math.cos(math.pi * step / steps)))
            value = self.work.metric()
            values[rate] = -math.inf if value is None else sign * value
        self.work.restart()
        return max(values, key=values.__getitem__)

    def train(self, rate: float) -> None:
        """Along the cosine, with a look now and then."""
        optimiser = self._optimiser(rate)
        every = max(1, math.ceil(self.how.steps / self.how.looks))
        fruitless, done = 0, 0
        for step, share in self.clock:
            self._step(optimiser, step, rate * 0.5 * (1 + math.cos(math.pi * share)))
            done += 1
            if done % every == 0:
                fruitless = 0 if self.work.look() else fruitless + 1
                if fruitless == self.how.patience:
                    return
            self.bar.advance(1, f"{self.work.best:.4g} {self.work.task.metric_unit}".rstrip())
        if done % every:
            self.work.look()

    def _optimiser(self, rate: float) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters, lr=rate)

    def _step(self, optimiser: torch.optim.Optimizer, step: int, rate: float) -> None:
        for group in optimiser.param_groups:
            group["lr"] = rate
        number = self._number(step)
        call = self.work.call(number)
        optimiser.zero_grad()
        outputs = self.work.network(*call.args, **call.kwargs)
        value = self.distance(outputs, self.work.taught(number))
        if not bool(torch.isfinite(value)):
            return  # a rate too high: the look that follows finds nothing better
        value.backward()
        optimiser.step()

    def _number(self, step: int) -> int:
        """Every batch once an epoch, in an order of the seed."""
        epoch, place = divmod(step, self.work.batches)
        if place == 0:
            generator = torch.Generator().manual_seed(self.seed + 7_919 * epoch)
            self.order = torch.randperm(self.work.batches, generator=generator).tolist()
        return self.order[place]
