"""The time limit of QAOA: kept whatever else the machine does.

An evaluation of the circuit is the unit of work, and how long one takes is only known from those
before: on a machine that does other things it may be many times what was estimated. So another one
is begun only if the slowest so far would still fit, and our own simulation, which can stop between
two gates, does so when the limit is over. Then the evaluation is given up; if it is the first, the
state as it is by then, of a shorter circuit, is what is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class OutOfTime(Exception):
    """The limit is over in the middle of an evaluation that can stop there.

    Arguments:
        first: there is no earlier one to answer with.
    """

    def __init__(self, first: bool) -> None:
        super().__init__("the time limit is over")
        self.first = first


class Watch:
    """A time limit and what a step costs.

    Arguments:
        limit: in seconds; None: there is none.
        started: when the clock began; now if it is None.
        now: the clock.

    Attributes:
        slowest: seconds of the slowest step so far.
        cut: the first step was ended before its end.
    """

    def __init__(
        self,
        limit: float | None,
        started: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        begun = now() if started is None else started
        self._deadline = None if limit is None else begun + limit
        self._steps = 0
        self.slowest = 0.0
        self.cut = False

    def late(self) -> bool:
        """The limit is over."""
        return self._deadline is not None and self._now() >= self._deadline

    def room(self) -> bool:
        """A step as slow as the slowest so far would end within the limit."""
        return self._deadline is None or self._now() + self.slowest < self._deadline

    def check(self) -> None:
        """To be called inside a step, at every point where it can stop.

        Raises:
            OutOfTime: the limit is over.
        """
        if self.late():
            self.cut = not self._steps
            raise OutOfTime(first=self.cut)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Measure a step."""
        begun = self._now()
        yield
        self._steps += 1
        self.slowest = max(self.slowest, self._now() - begun)
