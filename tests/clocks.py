"""How long something takes, on a machine that is busy with other things too."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

FOREVER = 120.0
"""Seconds on the wall: what should end at once and has not by then waits for what never comes."""


@contextlib.contextmanager
def spends(most: float) -> Iterator[None]:
    """Less than so many seconds of the processor, all threads of this process; load is not in it.

    What only waits spends nothing: hold that by what it waits for.
    """
    began = time.process_time()
    yield
    spent = time.process_time() - began
    assert spent < most, f"{spent:.2f} s of the processor, and {most:g} at most"
