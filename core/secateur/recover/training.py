"""The steps of a distillation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from secateur.progress import Step
from secateur.recover.matching import Distance
from secateur.recover.muon import matrices, optimisers
from secateur.recover.work import Clock, Work

RATES = {"muon": (1e-3, 3e-3, 1e-2), "adam": (3e-4, 1e-3, 3e-3)}
"""By what moves most of the weights; the best on the selection split goes on. Three times the
largest kills the large Half-UNet."""
ROUNDING = 1e-8
"""Of outputs that are the same, in the units of ``Distance``: squares of shares of their spread."""
TRIAL = 0.05
"""So much of the budget each rate is tried for."""
WARM = 0.1
"""So much of a schedule the rate rises. Adam's first steps are as long as its rate, whatever the
gradient; from the least-squares fit they lead away: without, 15 s at 1e-3 left a chain at 75 %
0.1 dB below its start, and with it, at 3e-3, 1 dB above; the Half-UNet died at 3e-3 without."""


def warmed(share: float) -> float:
    """The rate, in units of the highest, when so much of the budget is spent."""
    return min(1.0, share / WARM + 0.1) * 0.5 * (1 + math.cos(math.pi * share))


@dataclass(frozen=True)
class Schedule:
    """How long, and how often it is looked at; see ``Distil``."""

    steps: int
    seconds: float | None
    looks: int
    patience: int
    optimiser: str = "muon"


class Training:
    """Gradient steps on a copy of the smaller network."""

    def __init__(self, work: Work, distance: Distance, how: Schedule, seed: int, bar: Step) -> None:
        self.work, self.distance, self.how, self.seed, self.bar = work, distance, how, seed, bar
        self.order: list[int] = []
        self.left = 1.0
        self.parameters = [p for p in work.network.parameters() if p.is_floating_point()]
        for parameter in self.parameters:
            parameter.requires_grad_(True)
        muon = how.optimiser == "muon"
        self.mapped = matrices(work.network, work.call(0)) if muon else {}
        most = 2 * sum(p.numel() for p in self.mapped) > sum(p.numel() for p in self.parameters)
        self.rates = RATES["muon" if most else "adam"]

    def nothing_to_do(self) -> bool:
        """Whether all batches come out as they do of the dense network, but for rounding.

        Steps have a size of their own, however small a gradient is: they would lead away from it.
        """
        return all(self._away(number) <= ROUNDING for number in range(self.work.batches))

    def _away(self, number: int) -> float:
        call = self.work.call(number)
        with torch.no_grad():
            outputs = self.work.network(*call.args, **call.kwargs)
            return float(self.distance(outputs, self.work.taught(number)))

    def best_rate(self) -> float:
        """The rate whose first steps lead to the best selection metric."""
        sign = 1.0 if self.work.task.higher_is_better else -1.0
        values = {}
        for rate in self.rates:
            self.work.restart()
            trained = self._optimisers(rate)
            for step, share in self._clock(TRIAL):
                self._step(trained, step, rate * warmed(share))
            value = self.work.metric()
            values[rate] = -math.inf if value is None else sign * value
        self.work.restart()
        self.left -= TRIAL * len(values)
        return max(values, key=values.__getitem__)

    def train(self, rate: float) -> None:
        """Along the cosine, with a look now and then."""
        trained = self._optimisers(rate)
        clock = self._clock(self.left)
        looked, fruitless = 0, 0
        for step, share in clock:
            due = int(share * self.how.looks)  # what is spent says it, be it steps or seconds
            if due > looked:
                looked = due
                fruitless = 0 if self.work.look() else fruitless + 1
                if fruitless == self.how.patience:
                    return
            self._step(trained, step, rate * warmed(share))
            self.bar.advance(1, f"{self.work.best:.4g} {self.work.task.metric_unit}".rstrip())
        self.work.look()

    def _clock(self, share: float) -> Clock:
        seconds = None if self.how.seconds is None else share * self.how.seconds
        return Clock(max(1, round(share * self.how.steps)), seconds)

    def _optimisers(self, rate: float) -> list[torch.optim.Optimizer]:
        return optimisers(self.parameters, self.mapped, rate)

    def _step(self, trained: list[torch.optim.Optimizer], step: int, rate: float) -> None:
        number = self._number(step)
        call = self.work.call(number)
        for one in trained:
            for group in one.param_groups:
                group["lr"] = rate
            one.zero_grad()
        outputs = self.work.network(*call.args, **call.kwargs)
        value = self.distance(outputs, self.work.taught(number))
        if not bool(torch.isfinite(value)):
            return  # a rate too high: the look that follows finds nothing better
        value.backward()
        for one in trained:
            one.step()

    def _number(self, step: int) -> int:
        """Every batch once an epoch, in an order of the seed."""
        epoch, place = divmod(step, self.work.batches)
        if place == 0:
            generator = torch.Generator().manual_seed(self.seed + 7_919 * epoch)
            self.order = torch.randperm(self.work.batches, generator=generator).tolist()
        return self.order[place]
