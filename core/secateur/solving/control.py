"""How long a search may go on: one clock for all its parts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Control:
    """A deadline that every stage of a search looks at.

    Arguments:
        seconds: from now, for the whole search; None: no limit.
    """

    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Seconds that are left; infinity without a limit."""
        if self.seconds is None:
            return float("inf")
        return max(0.0, self.started + self.seconds - time.monotonic())

    @property
    def late(self) -> bool:
        """The time is up."""
        return self.left() <= 0.0

    def is_late(self) -> bool:
        """The time is up, as a function."""
        return self.late

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def part(self, share: float) -> Control:
        """A control of its own over a share of what is left."""
        left = self.left()
        return Control(None if left == float("inf") else share * left)
