"""What a refinement pays for: the metric of masks, on a part of the samples or on all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from secateur.metric import Evaluator, Keep, Runner, mean_metric
from secateur.network.device import device_of
from secateur.problem.model import Bits
from secateur.tasks import Split
from secateur.tasks.batches import Batch


class Metric(Protocol):
    """What a refinement maximises; ``Races`` is the real one."""

    @property
    def spent(self) -> float:
        """Evaluations paid for, in units of the whole split."""

    @property
    def quick_cost(self) -> float:
        """The cost of one call of ``quick``, in the same unit."""

    def full(self, bits: Bits) -> float:
        """The metric of one mask on the whole split; more is better."""

    def quick(self, bits: Bits) -> float:
        """The metric of one mask on the part that races are run on."""


class Races:
    """The task's metric of masks; more is better, whatever the task's direction.

    No mask is evaluated twice: an answer from memory costs nothing and is counted apart. The
    samples of a race count for the whole evaluation that follows, so confirming a winner costs only
    what is missing.

    Arguments:
        evaluator: of the network.
        state: how a mask is looked at: ``evaluator.cutting`` unless given, or
            ``evaluator.compensating``.
        split: where it is evaluated; never the one that is reported.
        race: the fraction of the samples that races are run on.

    Attributes:
        spent: evaluations paid for, in units of the whole split.
        remembered: answers from memory.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        state: Callable[[Keep], Runner] | None = None,
        split: Split = "selection",
        race: float = 0.25,
    ) -> None:
        self._task, self._state = evaluator.task, state or evaluator.cutting
        batches = list(self._task.batches(split, device_of(evaluator.network)))
        total = sum(batch.size for batch in batches)
        first = min(total, max(1, round(race * total)))
        self._parts: list[list[Batch]] = [[], []]
        seen = 0
        for batch in batches:
            cut = min(max(first - seen, 0), batch.size)
            if cut:
                self._parts[0].append(batch.take(slice(0, cut)))
            if cut < batch.size:
                self._parts[1].append(batch.take(slice(cut, batch.size)))
            seen += batch.size
        self._weights = [first / total, 1.0 - first / total]
        self.quick_cost = self._weights[0]
        self.spent = 0.0
        self.remembered = 0
        self._memory: list[dict[bytes, float]] = [{}, {}]
        self._sign = 1.0 if self._task.higher_is_better else -1.0

    def full(self, bits: Bits) -> float:
        """The mean metric over the split with the channels of ``bits`` pruned."""
        whole = self._weights[0] * self._part(bits, 0)
        return whole + (self._weights[1] * self._part(bits, 1) if self._weights[1] > 0 else 0.0)

    def quick(self, bits: Bits) -> float:
        """The mean metric over the race's samples."""
        return self._part(bits, 0)

    def _part(self, bits: Bits, part: int) -> float:
        key = np.packbits(bits.astype(bool)).tobytes()
        memory = self._memory[part]
        if key in memory:
            self.remembered += 1
            return memory[key]
        value = mean_metric(self._state(bits == 0), self._task, self._parts[part])
        memory[key] = self._sign * value
        self.spent += self._weights[part]
        return memory[key]
