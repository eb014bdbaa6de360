"""Progress: a bar in a terminal, plain lines in a log, nothing in a library that is not asked.

``track`` is used by every stage that may take over two seconds. Where it shows is decided once, by
the front end: ``show("auto")`` draws a bar if standard error is a terminal and logs lines
otherwise; the library's own default is the logger ``secateur`` at level INFO.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

logger = logging.getLogger("secateur")
Mode = Literal["bar", "lines", "none"]
_mode: Mode = "lines"
BEAT = 10.0
"""Seconds between two lines of a stage that does not advance."""


def show(mode: Literal["auto"] | Mode) -> None:
    """Choose how progress appears: "auto", "bar", "lines" (the logger) or "none"."""
    global _mode
    _mode = ("bar" if sys.stderr.isatty() else "lines") if mode == "auto" else mode


class Step:
    """One stage under way; advanced by its owner."""

    def __init__(self, description: str, total: int | None) -> None:
        self.description = description
        self.total = total
        self.done = 0
        self._next_line = time.monotonic() + 2.0

    def advance(self, by: int = 1, note: str = "") -> None:
        """Count ``by`` more units as done, with a short note ("28.91 dB")."""
        self.done += by
        if _mode == "lines" and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + 5.0
            of = f"/{self.total}" if self.total else ""
            logger.info("%s: %d%s%s", self.description, self.done, of, f" ({note})" if note else "")


class _BarStep(Step):
    def __init__(self, description: str, total: int | None) -> None:
        super().__init__(description, total)
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeElapsedColumn as Elapsed

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Elapsed(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(description, total=total, note="")
        self._progress.start()

    def advance(self, by: int = 1, note: str = "") -> None:
        self.done += by
        self._progress.advance(self._task, by)
        if note:
            self._progress.update(self._task, note=note)

    def stop(self) -> None:
        self._progress.stop()


def _beat(step: Step, started: float, over: threading.Event) -> None:
    """A line every ``BEAT`` seconds in which the stage did not advance."""
    before = step.done
    while not over.wait(BEAT):
        if step.done == before:
            logger.info("%s: %.0f s so far", step.description, time.monotonic() - started)
        before = step.done


@contextmanager
def track(description: str, total: int | None = None) -> Iterator[Step]:
    """Show that a stage is under way; yields the ``Step`` to advance.

    Arguments:
        description: a few words, "measuring channels".
        total: the number of units, if known.
    """
    if _mode == "bar":
        bar = _BarStep(description, total)
        try:
            yield bar
        finally:
            bar.stop()
        return
    started = time.monotonic()
    step = Step(description, total)
    over = threading.Event()
    if _mode == "lines" and logger.isEnabledFor(logging.INFO):
        # one long call of a solver never advances
        threading.Thread(target=_beat, args=(step, started, over), daemon=True).start()
    try:
        yield step
    finally:
        over.set()
    if _mode == "lines" and time.monotonic() - started > 2.0:
        logger.info("%s: done in %.1f s", description, time.monotonic() - started)
