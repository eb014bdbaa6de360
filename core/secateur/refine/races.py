"""What a refinement pays for: the metric of masks, on a part of the samples or on all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from secateur.errors import OptionError
from secateur.evaluator import Fast, Maker, Processes
from secateur.evaluator.processes import automatic
from secateur.metric import Evaluator, Keep, Runner, mean_metric, run_batch
from secateur.network.device import device_of
from secateur.problem.model import Bits
from secateur.tasks import Split, Task
from secateur.tasks.batches import Batch

MEMORY = 2**29
"""Bytes that the incumbent's feature maps may take."""
ENOUGH = 1.0
"""Seconds of evaluations after which processes are started, if it is not said how many."""


class Metric(Protocol):
    """What a refinement maximises; ``Races`` is the real one.

    One that has ``fulls(rows)`` and ``quicks(rows)`` too is asked for many masks together; without
    them it is asked for one after the other.
    """

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

    What a mask leaves is cut and run the fast way (``secateur.evaluator``), which is held against
    the masked network on first use. The best mask so far is taken for the incumbent: what its
    modules gave is kept, and masks beside it run only from their first difference on. Many masks
    at once are shared out among processes; the values and what is paid are the same.

    Arguments:
        evaluator: of the network.
        state: how a mask is looked at, instead: ``evaluator.compensating``, say. Nothing is known
            of how it runs, so it is run as it is; with ``maker``, it is what that is held against.
        maker: gives the network of a mask, whose weights may be others than the dense one's; run
            the fast way.
        split: where it is evaluated; never the one that is reported.
        race: the fraction of the samples that races are run on.
        workers: processes, this one included; None: as many as PyTorch may use threads, once that
            is worth it. 1 for none besides.
        memory: bytes, at most, for what is kept of the incumbent, over all processes.

    Attributes:
        spent: evaluations paid for, in units of the whole split.
        remembered: answers from memory.

    Raises:
        OptionError: workers or memory are out of range, or there are workers for a ``state`` alone
            or for a network that is not on the CPU.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        *,
        state: Callable[[Keep], Runner] | None = None,
        maker: Maker | None = None,
        split: Split = "selection",
        race: float = 0.25,
        workers: int | None = None,
        memory: int = MEMORY,
    ) -> None:
        device = device_of(evaluator.network)
        alone = (state is not None and maker is None) or device.type != "cpu"
        self._workers = _checked(workers, memory, alone=alone)
        self._at_once = workers is not None
        self._task = evaluator.task
        batches = list(self._task.batches(split, device))
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
        self._fast: Fast | None = None
        if maker is not None or state is None:
            made = maker or evaluator.cut
            truth = state or (evaluator.masking if maker is None else _running(maker))
            self._fast = Fast(
                self._task,
                evaluator.channels,
                made,
                truth,
                self._parts,
                memory=memory // self._workers,
            )
        self._work = _Work(self._task, self._parts, state, self._fast)
        self._processes: Processes | None = None
        self._seconds = 0.0
        self._best: tuple[float, Bits] | None = None
        self._told: list[bytes | None] = [None, None]
        self._waiting = [0, 0]

    def full(self, bits: Bits) -> float:
        """The mean metric over the split with the channels of ``bits`` pruned."""
        return self.fulls([bits])[0]

    def quick(self, bits: Bits) -> float:
        """The mean metric over the race's samples."""
        return self.quicks([bits])[0]

    def fulls(self, rows: Sequence[Bits]) -> list[float]:
        """``full`` of many masks, in their order.

        Raises:
            MetricError: the metric is not finite.
            SecateurError: a process died.
        """
        values = [self._weights[0] * value for value in self._answers(rows, 0)]
        if self._weights[1] > 0:
            rest = self._answers(rows, 1)
            values = [a + self._weights[1] * b for a, b in zip(values, rest, strict=True)]
        for bits, value in zip(rows, values, strict=True):
            if self._best is None or value > self._best[0]:
                self._best = value, bits.copy()
        return values

    def quicks(self, rows: Sequence[Bits]) -> list[float]:
        """``quick`` of many masks, in their order.

        Raises:
            MetricError: the metric is not finite.
            SecateurError: a process died.
        """
        return self._answers(rows, 0)

    def close(self) -> None:
        """End the processes, if there are any; they are started again when they are needed."""
        if self._processes is not None:
            self._processes.close()
            self._processes = None

    def __enter__(self) -> Races:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answers(self, rows: Sequence[Bits], part: int) -> list[float]:
        memory = self._memory[part]
        keys = [np.packbits(bits.astype(bool)).tobytes() for bits in rows]
        new = {key: bits for key, bits in zip(keys, rows, strict=True) if key not in memory}
        if new:
            for key, value in zip(new, self._evaluated(list(new.values()), part), strict=True):
                memory[key] = self._sign * value
                self.spent += self._weights[part]
        self.remembered += len(rows) - len(new)
        return [memory[key] for key in keys]

    def _evaluated(self, rows: list[Bits], part: int) -> list[float]:
        near = self._near(rows, part)
        jobs = [(bits == 0, part, near) for bits in rows]
        many = self._workers > 1 and len(jobs) > 1
        if many and self._processes is None and (self._at_once or self._seconds > ENOUGH):
            self._processes = Processes(self._work, self._workers - 1)
        started = time.perf_counter()
        try:
            if many and self._processes is not None:
                return self._processes.values(jobs)
            return [self._work(job) for job in jobs]
        except BaseException:
            self.close()
            raise
        finally:
            self._seconds += time.perf_counter() - started

    def _near(self, rows: list[Bits], part: int) -> Keep | None:
        """The mask to be kept beside these; None: whatever is kept already.

        To keep another one costs a run of it, which some masks beside it must be worth.
        """
        if self._best is None:
            if self._told[part] is not None:
                return None
            near = rows[0] == 0
        else:
            near = self._best[1] == 0
        key = np.packbits(near).tobytes()
        if self._told[part] == key:
            return near
        self._waiting[part] += len(rows)
        if self._told[part] is not None and self._waiting[part] < 3 * self._workers:
            return None
        self._told[part], self._waiting[part] = key, 0
        return near


@dataclass(frozen=True, eq=False)
class _Work:
    """The mean metric of one mask over one part, in whatever process."""

    task: Task
    parts: list[list[Batch]]
    state: Callable[[Keep], Runner] | None
    fast: Fast | None

    def __call__(self, job: tuple[Keep, int, Keep | None]) -> float:
        keep, part, near = job
        if self.fast is None:
            assert self.state is not None
            return mean_metric(self.state(keep), self.task, self.parts[part])
        if near is not None and self.fast.incumbent(part) != np.packbits(near).tobytes():
            if np.array_equal(near, keep):
                return self.fast.value(keep, part, remember=True)
            self.fast.value(near, part, remember=True)
        return self.fast.value(keep, part)


def _running(maker: Maker) -> Callable[[Keep], Runner]:
    """The maker's networks as they run by themselves."""

    def running(keep: Keep) -> Runner:
        network = maker(keep)
        return lambda batch: run_batch(network, batch)

    return running


def _checked(workers: int | None, memory: int, *, alone: bool) -> int:
    if memory < 0:
        raise OptionError(f"memory is {memory}", remedy="use 0 or more bytes")
    if workers is None:
        return 1 if alone else automatic()
    if type(workers) is not int or workers < 1:
        raise OptionError(f"workers is {workers!r}", remedy="use a whole number of at least 1")
    if alone and workers > 1:
        raise OptionError(
            f"workers is {workers}, and what is evaluated cannot be shared out",
            remedy="use workers=1, or give a maker of networks on the CPU instead of a state",
        )
    return workers
