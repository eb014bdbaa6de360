"""How long networks take, beside each other: what can be told apart, and what cannot.

CPU time of one thread, so that other programs on the machine count little; the networks take
turns, in an order drawn anew each round, so that a change of clock speed or load meets all of them;
the minimum over the rounds, because everything that disturbs makes a run longer. A ratio comes
with the band that it has in parts of the same run; where the band holds 1, there is no difference.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.errors import OptionError
from secateur.network.call import Call
from secateur.progress import track
from secateur.surgery.runtimes import feed_of

FloatArray = NDArray[np.float64]
Run = Callable[[], object]

BLOCK = 0.004
"""Seconds of one turn at least: what is quicker runs several times in it."""
ROUNDS = (5, 400)
"""At least, at most."""
LEAST_NOISE = 0.03
"""A ratio is never told better than this: where memory lies differs from process to process, and
makes so much (measured on six kinds of networks, 0.03 to 0.05; up to 0.1 on a loaded machine)."""
_PARTS = 20


@dataclass(frozen=True)
class Ratio:
    """One time over another.

    Arguments:
        value: of the minima; 2.0 is twice as fast, where it is a speed-up.
        low: the least that parts of the run show.
        high: the most.
    """

    value: float
    low: float
    high: float

    @property
    def different(self) -> bool:
        """Whether the two can be told apart."""
        return not self.low <= 1.0 <= self.high

    def __str__(self) -> str:
        if not self.different:
            return "no difference"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True, eq=False)
class Times:
    """The times of several networks that were run in turn.

    Arguments:
        seconds: of one run, by name and round, each of shape ``(rounds,)``.
        runtime: where they ran: "eager", "onnxruntime".
    """

    seconds: Mapping[str, FloatArray]
    runtime: str = "eager"

    def best(self, name: str) -> float:
        """The least seconds of one run."""
        return float(self.seconds[name].min())

    def speedup(self, name: str, beside: str = "dense") -> Ratio:
        """How many times as fast as another one, with the noise of this run.

        Arguments:
            name: the quicker one, if all is well.
            beside: what it is compared with.
        """
        return ratio(self.seconds[beside], self.seconds[name])


def ratio(above: FloatArray, below: FloatArray) -> Ratio:
    """The ratio of two minima, and its band: the same of halves of the rounds.

    The halves are the first and second, the even and odd rounds, and 18 drawn ones; the band is
    never narrower than ``LEAST_NOISE`` to either side.

    Arguments:
        above: seconds, shape ``(rounds,)``.
        below: of the same rounds.
    """
    rounds = len(above)
    value = float(above.min() / below.min())
    found = [value * (1.0 - LEAST_NOISE), value * (1.0 + LEAST_NOISE)]
    order = np.arange(rounds)
    rng = np.random.default_rng(0)  # of the parts only: the same times give the same band
    halves = [order < rounds // 2, order % 2 == 0]
    halves += [rng.permutation(rounds) < rounds // 2 for _ in range(_PARTS - len(halves))]
    for half in halves if rounds >= 4 else []:
        for part in (half, ~half):
            found.append(float(above[part].min() / below[part].min()))
    return Ratio(value, min(found), max(found))


def measure_times(
    runs: Mapping[str, Run],
    *,
    seconds: float = 5.0,
    seed: int = 0,
    clock: Callable[[], float] = time.thread_time,
    runtime: str = "eager",
) -> Times:
    """Time several things in turn.

    Arguments:
        runs: by name; each is called without arguments and does its work in this thread.
        seconds: for all of it, by the clock on the wall; at least five rounds are run, at most 400.
        seed: of the order in each round.
        clock: CPU seconds of this thread unless given.
        runtime: said in the result.

    Raises:
        OptionError: nothing to run, or no time.
    """
    if not runs:
        raise OptionError("there is nothing to time", remedy="give at least one network")
    if not seconds > 0:
        raise OptionError(f"seconds is {seconds}", remedy="give a positive number")
    repeats = {name: _repeats(run, clock) for name, run in runs.items()}
    order, shuffled = list(runs), random.Random(seed)
    taken: dict[str, list[float]] = {name: [] for name in runs}
    least, most = ROUNDS
    with track(f"timing in {runtime}") as step:
        until = time.monotonic() + seconds
        done = 0
        while done < least or (done < most and time.monotonic() < until):
            shuffled.shuffle(order)
            for name in order:
                run, times = runs[name], repeats[name]
                run()  # the caches are the other networks'
                started = clock()
                for _ in range(times):
                    run()
                taken[name].append((clock() - started) / times)
            done += 1
            step.advance()
    return Times({name: np.array(values) for name, values in taken.items()}, runtime)


def _repeats(run: Run, clock: Callable[[], float]) -> int:
    run()
    run()
    started = clock()
    run()
    return max(1, int(BLOCK / max(clock() - started, 1e-7)))


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch computes in the calling thread inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def eager(network: nn.Module, call: Call) -> Run:
    """A forward pass as PyTorch runs it, without gradients."""
    args, kwargs = call.args, dict(call.kwargs)

    def run() -> object:
        with torch.inference_mode():
            return network(*args, **kwargs)

    return run


def in_session(session: object, call: Call) -> Run:
    """A forward pass of an onnxruntime session."""
    feed = feed_of(session, call)

    def run() -> object:
        return session.run(None, feed)  # type: ignore[attr-defined]

    return run
