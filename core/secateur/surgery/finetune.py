"""Training a smaller network further: an ordinary loop, for those who do not want to write one.

A smaller network is an ordinary module, and any loop will do; this one is deterministic, leaves
what it was given as it was, and shows how far it is.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from secateur.errors import DataError, MetricError, NetworkError, OptionError
from secateur.network.device import device_of
from secateur.network.door import check_weights
from secateur.progress import Step, track
from secateur.surgery.seeded import seeded
from secateur.tasks import Task

OptimiserFactory = Callable[[Iterator[nn.Parameter]], Optimizer]
ScheduleFactory = Callable[[Optimizer, int], Any]
LEARNING_RATE = 3e-4
WARM = 0.1
"""So much of the steps the rate of ``warm_cosine`` rises."""


def warm_cosine(optimiser: Optimizer, steps: int) -> torch.optim.lr_scheduler.LambdaLR:
    """The rate rises for a tenth of the steps, then falls along half a cosine to nothing.

    Adam's first steps are as long as its rate, whatever the gradient: a network that is good
    already is led away by them unless they are short.

    Arguments:
        optimiser: whose rates are the highest.
        steps: in all.
    """

    def share(step: int) -> float:
        done = (step + 0.5) / steps
        return min(1.0, done / WARM) * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))

    return torch.optim.lr_scheduler.LambdaLR(optimiser, share)


@dataclass(frozen=True, eq=False)
class Tuned:
    """A network that was trained further.

    Arguments:
        network: a copy, in evaluation mode.
        losses: the mean training loss of each epoch, before the step that it led to.
        steps: of the optimiser.
    """

    network: nn.Module
    losses: tuple[float, ...]
    steps: int


def tune(
    network: nn.Module,
    task: Task,
    data: Iterable[Any],
    *,
    optimiser: OptimiserFactory | None = None,
    loss: Callable[[Any, Any], Tensor] | None = None,
    epochs: int = 1,
    seed: int = 0,
    schedule: ScheduleFactory | None = None,
    settled: bool = False,
) -> Tuned:
    """Train a copy of a network.

    In training mode; batch normalisation uses its running statistics in a batch of one sample,
    which has none. The generators of PyTorch, NumPy and Python are seeded, and put back after.

    Arguments:
        network: not changed.
        task: says how batches are read, and gives the loss.
        data: batches as the task's splits hold them, a list or a ``DataLoader``; every epoch goes
            through them once.
        optimiser: makes one from the parameters; ``Adam`` with a rate of 3e-4 unless given.
        loss: ``loss(outputs, targets)``, a scalar, or one number a sample of which the mean is
            taken; the task's unless given.
        epochs: how many.
        seed: of everything random.
        schedule: makes a learning-rate scheduler from the optimiser and the number of steps; it
            makes a step with each of the optimiser's. ``warm_cosine`` is one.
        settled: batch normalisation keeps its running statistics, as in use; those of a small batch
            are far from them, and a short training that follows them can cost more than it gives.

    Raises:
        OptionError: a wrong number of epochs, or a factory that makes something else.
        DataError: there are no data, or a batch cannot be understood.
        MetricError: the loss is no number, or not finite.
        NetworkError: no parameter can be trained, or weights are not finite in the end.
    """
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise OptionError(f"epochs is {epochs!r}", remedy="give a number from 1")
    if not callable(optimiser or torch.optim.Adam):
        raise _no_optimiser(optimiser)
    if not callable(schedule or warm_cosine):
        raise _no_schedule(schedule)
    if epochs > 1 and isinstance(data, Iterator):
        raise DataError(
            f"the training data are a {type(data).__name__}: they can be iterated only once",
            remedy="pass a list of batches or a DataLoader",
        )
    with torch.inference_mode(False):
        own = copy.deepcopy(network)
    if not any(parameter.requires_grad for parameter in own.parameters()):
        raise NetworkError(
            "no parameter of the network can be trained: none requires a gradient",
            remedy="call requires_grad_(True) on what is to be trained",
        )
    total = _steps(data, epochs)
    with seeded(own, seed), torch.inference_mode(False), torch.enable_grad():
        loop = _Loop(own, task, loss or task.loss, optimiser, schedule, total, settled)
        with track("fine-tuning", total) as step:
            losses = tuple(loop.epoch(number, data, step) for number in range(epochs))
    own.eval()
    own.zero_grad(set_to_none=True)
    check_weights(own)
    return Tuned(own, losses, loop.steps)


def _no_optimiser(given: object) -> OptionError:
    whose = ", of parameters that are not those of the copy that is trained"
    return OptionError(
        f"the optimiser is a {type(given).__name__}{whose * isinstance(given, Optimizer)}",
        remedy="pass a function: optimiser=lambda parameters: torch.optim.SGD(parameters, lr=0.01)",
    )


def _no_schedule(given: object) -> OptionError:
    return OptionError(
        f"the schedule is a {type(given).__name__}",
        remedy="pass a function from the optimiser and the number of steps to a "
        "torch.optim.lr_scheduler, as warm_cosine is",
    )


class _Loop:
    def __init__(
        self,
        network: nn.Module,
        task: Task,
        loss: Callable[[Any, Any], Tensor],
        optimiser: OptimiserFactory | None,
        schedule: ScheduleFactory | None,
        total: int | None,
        settled: bool,
    ) -> None:
        self.network, self.loss, self.reader = network, loss, task.reader
        self.device, self.settled = device_of(network), settled
        self.norms = [
            m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
        ]
        trained = (p for p in network.parameters() if p.requires_grad)
        if optimiser is None:
            self.optimiser: Optimizer = torch.optim.Adam(trained, lr=LEARNING_RATE)
        else:
            self.optimiser = optimiser(trained)
        if not isinstance(self.optimiser, Optimizer):
            raise _no_optimiser(self.optimiser)
        self.schedule = None
        if schedule is not None:
            if total is None:
                raise DataError(
                    "the number of steps is not known: the training data have no length",
                    remedy="pass a list of batches, or leave the schedule out",
                )
            self.schedule = schedule(self.optimiser, total)
            if not callable(getattr(self.schedule, "step", None)):
                raise _no_schedule(self.schedule)
        self.steps = 0

    def epoch(self, number: int, data: Iterable[Any], step: Step) -> float:
        """Go through the data once; the mean loss a sample."""
        total, samples = 0.0, 0
        for position, raw in enumerate(data):
            batch = self.reader.read(raw, f"batch {position} of the training data", self.device)
            self.network.train()
            if self.settled or batch.size == 1:
                for norm in self.norms:
                    norm.eval()
            value = self._step(batch, f"step {position} of epoch {number}")
            total, samples = total + value * batch.size, samples + batch.size
            step.advance(note=f"loss {total / samples:.4g}")
        if not samples:
            raise DataError("the training data have no batches", remedy="give some data")
        return total / samples

    def _step(self, batch: Any, where: str) -> float:
        first: list[float] = []

        def closure() -> float:
            self.optimiser.zero_grad()
            value = self.loss(self.network(*batch.call.args, **batch.call.kwargs), batch.targets)
            if not isinstance(value, Tensor) or value.ndim > 1 or not value.requires_grad:
                what = "does not depend on the network" if isinstance(value, Tensor) else ""
                raise MetricError(
                    f"the training loss is a {type(value).__name__} "
                    f"{tuple(value.shape) if isinstance(value, Tensor) else ''} {what}".rstrip(),
                    remedy="return a scalar tensor, or one number a sample, made of the outputs",
                )
            value = value.mean()
            if not bool(torch.isfinite(value)):
                raise MetricError(
                    f"the training loss is {value.item()} in {where}",
                    remedy="take a smaller learning rate, and look at the data",
                )
            first.append(float(value.detach()))
            value.backward()
            return value.item()

        self.optimiser.step(closure)  # some optimisers call it several times
        if self.schedule is not None:
            self.schedule.step()
        self.steps += 1
        return first[0]


def _steps(data: Iterable[Any], epochs: int) -> int | None:
    try:
        return len(data) * epochs  # type: ignore[arg-type]
    except TypeError:  # an iterable data set need not know
        return None
