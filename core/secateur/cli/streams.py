"""Standard output and standard error while a command runs.

The answer reaches standard output, or standard error if that is closed or full; neither of the two
can end a command by being closed. With ``--json`` standard output holds the document and nothing
else: what plugins and networks print, in Python or from C, goes to standard error.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class Stream:
    """A text stream that never raises because it cannot be written to.

    Arguments:
        stream: what is written to; None: it was closed before Python began.
        instead: where that goes which could not be written.

    Attributes:
        failure: why it cannot be written to any more.
    """

    def __init__(self, stream: TextIO | None, instead: Stream | None = None) -> None:
        self.stream = stream
        self.instead = instead
        self.failure: Exception | None = None

    def write(self, text: str) -> int:
        """Write and flush, so that a failure is known by what it concerns."""
        if not isinstance(text, str):
            raise TypeError(f"a str is written, not {type(text).__name__}")
        if self.stream is None and text:
            self.failure = OSError(errno.EBADF, "it is closed")
        elif self.stream is not None and self.failure is None:
            try:
                self.stream.write(self._encodable(text))
                self.stream.flush()
            except (OSError, ValueError) as error:  # full, a pipe without a reader, closed
                self.failure = error
                self._give_up()
        if self.failure is not None and self.instead is not None and not self.unread:
            self.instead.write(text)
        return len(text)

    @property
    def unread(self) -> bool:
        """Whoever read it has gone, and wants no more of it anywhere."""
        return isinstance(self.failure, BrokenPipeError)

    def flush(self) -> None:
        """Nothing is ever held back."""
        self.write("")

    def isatty(self) -> bool:
        """Whether a person watches."""
        return self.stream is not None and self.failure is None and self.stream.isatty()

    @property
    def encoding(self) -> str:
        """What may be written; what the stream itself has no letters for is escaped."""
        return "utf-8"

    @property
    def errors(self) -> str:
        """Nothing is ever refused for its letters."""
        return "backslashreplace"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["stream"], name)

    def _encodable(self, text: str) -> str:
        letters = getattr(self.stream, "encoding", None) or "utf-8"
        return text.encode(letters, "backslashreplace").decode(letters)

    def _give_up(self) -> None:
        """What Python still holds back must not fail again when it ends."""
        with contextlib.suppress(Exception):
            assert self.stream is not None
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)


class Streams:
    """Both streams of one command.

    Attributes:
        answer: for what was asked, ``error`` for everything else.
    """

    def __init__(self) -> None:
        self._before = sys.stdout, sys.stderr
        self._kept: int | None = None
        _open_all()
        if sys.stderr is None:  # closed before Python began; others write there without asking
            sys.stderr = open(2, "w", errors="backslashreplace", closefd=False)  # noqa: SIM115
        self.error = Stream(sys.stderr)
        self.answer = Stream(sys.stdout, self.error)
        sys.stdout, sys.stderr = self.answer, self.error

    def only_json(self) -> None:
        """From now on only ``answer`` is standard output; prints go to standard error."""
        if self._kept is not None:
            return
        with contextlib.suppress(OSError, ValueError, AttributeError):
            number = self.answer.fileno()
            # its own way out, which nobody else knows
            self.answer.stream = os.fdopen(
                os.dup(number), "w", encoding=getattr(self.answer.stream, "encoding", None)
            )
        self._kept = os.dup(1)
        os.dup2(2, 1)
        sys.stdout = self.error

    def restore(self) -> None:
        """As it was before, for a Python that goes on."""
        if self._kept is not None:
            with contextlib.suppress(Exception):
                import ctypes

                ctypes.CDLL(None).fflush(None)  # what C holds back is not the answer either
            os.dup2(self._kept, 1)
            os.close(self._kept)
            if self.answer.stream is not None and self.answer.stream is not self._before[0]:
                self.answer.stream.close()
        sys.stdout, sys.stderr = self._before


_now: Streams | None = None


@contextlib.contextmanager
def streams(*, last: bool = False) -> Iterator[Streams]:
    """Take both streams while a command runs.

    Arguments:
        last: nothing follows but the end of Python, and what is printed then is no answer either.
    """
    global _now
    made = Streams()
    _now, before = made, _now
    try:
        yield made
    finally:
        _now = before
        if not last:
            made.restore()


def only_json() -> None:
    """The command that runs prints one JSON document."""
    if _now is not None:
        _now.only_json()


def answer() -> Any:
    """Where an answer is written."""
    return sys.stdout if _now is None else _now.answer


def _open_all() -> None:
    """No file that is opened may become standard output or standard error by chance."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
