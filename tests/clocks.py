"""How long something takes, on a machine that is busy or slower than ours."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import numpy as np

FOREVER = 120.0
"""Seconds on the wall: what should end at once and has not by then waits for what never comes."""

YARDSTICK = 0.012
"""Seconds of the processor that `work` takes where the bounds of these tests were set."""

ROOM = 3.0
"""What breaks a promise takes many times what is promised; noise does not."""


def work() -> float:
    """Seconds of the processor for a fixed piece of work, on one thread."""
    began = time.thread_time()
    values = np.random.default_rng(0).normal(size=100_000)
    for _ in range(10):
        values = np.sort(values[::-1]) + 1.0
    total = 0
    for number in range(200_000):
        total += number & 7
    return time.thread_time() - began


def slowness() -> float:
    """How many times slower this machine is just now than where bounds were set; at least 1."""
    return max(1.0, min(work() for _ in range(3)) / YARDSTICK)


@contextlib.contextmanager
def spends(most: float) -> Iterator[None]:
    """About so many seconds of the processor at most, in units of this machine as it is now.

    All threads of this process count. What only waits spends nothing: hold that by what it waits
    for.
    """
    before = slowness()
    began = time.process_time()
    yield
    spent = time.process_time() - began
    allowed = ROOM * most * max(before, slowness())
    assert spent < allowed, f"{spent:.2f} s of the processor, and {allowed:.2f} at most"
