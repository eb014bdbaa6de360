"""What a recovery works on: two networks, inputs without labels, and a judge."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from secateur.errors import DataError, MetricError
from secateur.metric import evaluate
from secateur.network.call import Call
from secateur.network.device import device_of
from secateur.network.trees import map_tensors, tensors_in
from secateur.recover.layout import fits_last, to_last, to_plain
from secateur.tasks import Task

MOST_HELD = 2**28
"""Bytes of the dense network's outputs that are kept; beyond it is run again for each step."""


@dataclass
class Work:
    """A smaller network on its way back.

    Arguments:
        network: a copy of the smaller one, in evaluation mode; a recovery changes its weights. They
            are laid out as it trains fastest.
        dense: the one that it is to be like; not changed.
        task: gives inputs, and the metric on the selection split.
    """

    network: nn.Module
    dense: nn.Module
    task: Task
    start: float = field(init=False)
    best: float = field(init=False)
    looks: list[float] = field(default_factory=list, init=False)
    _first: dict[str, Tensor] = field(init=False, repr=False)
    _state: dict[str, Tensor] = field(init=False, repr=False)
    _calls: list[Call] = field(init=False, repr=False)
    _taught: dict[int, Any] = field(default_factory=dict, init=False, repr=False)
    _held: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        self.network.eval()
        self._calls = [
            batch.call for batch in self.task.batches("unlabelled", device_of(self.dense))
        ]
        self.best = self.start = self._started()
        self._first = self._state = _copied(self.network)

    def _started(self) -> float:
        if fits_last(self.network, self._calls):
            to_last(self.network)
            with contextlib.suppress(DataError):  # the selection split's shapes may be others
                return evaluate(self.network, self.task, "selection")
            to_plain(self.network)
        return evaluate(self.network, self.task, "selection")

    @property
    def batches(self) -> int:
        """How many batches of inputs there are."""
        return len(self._calls)

    def call(self, number: int) -> Call:
        """The inputs of a batch."""
        return self._calls[number]

    def taught(self, number: int) -> Any:
        """What the dense network gives for a batch, without gradients."""
        if number in self._taught:
            return self._taught[number]
        call = self._calls[number]
        with torch.no_grad():
            outputs = map_tensors(self.dense(*call.args, **call.kwargs), Tensor.detach)
        size = sum(t.numel() * t.element_size() for t in tensors_in(outputs).values())
        if self._held + size <= MOST_HELD:
            self._taught[number], self._held = outputs, self._held + size
        return outputs

    def metric(self) -> float | None:
        """Of the network as it is now, on the selection split; None: not finite."""
        try:
            return evaluate(self.network, self.task, "selection")
        except MetricError:  # the start had one: these weights have gone too far
            return None

    def look(self) -> bool:
        """Measure the network as it is now, and keep its weights if it is the best so far."""
        value = self.metric()
        self.looks.append(math.nan if value is None else value)
        if value is None:
            return False
        better = value > self.best if self.task.higher_is_better else value < self.best
        if better:
            self.best, self._state = value, _copied(self.network)
        return better

    def restart(self) -> None:
        """Put the first weights back."""
        self.network.load_state_dict(self._first)

    def back(self) -> None:
        """Put the best weights back."""
        self.network.load_state_dict(self._state)


@dataclass(frozen=True)
class Clock:
    """Steps, and seconds where they are given.

    Arguments:
        steps: at most.
        seconds: at most; what is trained then depends on the machine.
    """

    steps: int
    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """Numbers of steps, and the share of the budget that is spent before each."""
        for step in range(self.steps):
            share = step / self.steps
            if self.seconds is not None:
                spent = (time.monotonic() - self.started) / self.seconds
                if spent >= 1:
                    return
                share = max(share, spent)
            yield step, share


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
