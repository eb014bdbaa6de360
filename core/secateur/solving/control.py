"""How long a search may go on: one clock for all its parts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace


@dataclass
class Control:
    """A deadline that every stage of a search looks at.

    Arguments:
        seconds: from now, for the whole search; None: no limit.
        started: when, by the monotonic clock.
        nominal: its share of what was asked for, whatever the clock says by now, so that it is the
            same in every run; None: ``seconds``.
        origin: when the whole search started that this is a part of; None: ``started``.
    """

    seconds: float | None = None
    started: float = field(default_factory=time.monotonic)
    nominal: float | None = None
    origin: float | None = None

    @property
    def asked(self) -> float | None:
        """Seconds that are the same in every run; None: no limit."""
        return self.seconds if self.nominal is None else self.nominal

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

    def since_origin(self) -> float:
        """Seconds since the whole search started, whatever part of it this is."""
        return time.monotonic() - (self.started if self.origin is None else self.origin)

    def limited(self, seconds: float | None) -> Control:
        """A control of its own from now on, of the same search."""
        return Control(seconds, origin=self.started if self.origin is None else self.origin)

    def part(self, share: float) -> Control:
        """A control of its own over a share of what is left."""
        left = self.left()
        if left == float("inf"):
            return self.limited(None)
        return replace(self.limited(share * left), nominal=share * (self.asked or 0.0))
