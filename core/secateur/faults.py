"""Where a stranger's code, a network, a task or its data, went wrong: one error that names it.

Such code may raise anything, also ``SystemExit``: a loss that calls ``sys.exit(0)`` must not end
the program as if all were well. Only Ctrl-C and memory that ran out go through as they are.
"""

from __future__ import annotations

import functools
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from secateur.errors import NetworkError, SecateurError

P = ParamSpec("P")
R = TypeVar("R")

_OURS = Path(__file__).parent
MEND = "mend it there"
_LIBRARIES = ("torch", "numpy", "scipy", "dimod", "click", "safetensors", "onnx", "onnxruntime")
"""What we call ourselves: their errors may be our fault, unless a stranger's code called them."""


def is_passed_on(error: BaseException) -> bool:
    """Whether an error is nobody's fault: Ctrl-C, the end of a generator, memory that ran out."""
    if isinstance(error, (KeyboardInterrupt, GeneratorExit, MemoryError)):
        return True
    return type(error).__name__ == "OutOfMemoryError"  # torch's, which may not be there


def named(function: Callable[P, R]) -> Callable[P, R]:
    """Inside, what a stranger's code raises is an error of ours that names the place.

    For what runs a user's network, loss, metric or data. Errors of our own code keep their kind.
    """

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SecateurError:
            raise
        except BaseException as error:  # a stranger's code may raise anything
            said = None if is_passed_on(error) else told(error)
            if said is None:
                raise
            raise NetworkError(said, remedy=MEND) from error

    return inside


def stranger(error: BaseException) -> str | None:
    """The innermost place of a stranger's code that an error came through; None: it is our fault.

    Returns:
        "forward (net.py, line 3)".
    """
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not _known(frame.filename):
            return f"{frame.name} ({frame.filename}, line {frame.lineno})"
    return None


def told(error: BaseException) -> str | None:
    """What people read of an error that none of our own code foresaw; None: it is our fault."""
    where = stranger(error)
    if isinstance(error, SystemExit):  # we never raise it
        code = "" if error.code is None else repr(error.code)
        return f"{where or 'something'} called sys.exit({code})"
    if where is None:
        return None
    said = f": {error}" if str(error) else ""
    return f"{where} raised {type(error).__name__}{said}"


def _known(file: str) -> bool:
    if file.startswith("<"):  # made by a program
        return True
    path = Path(file)
    if _OURS in path.parents:
        return True
    paths = sysconfig.get_paths()
    for name in ("purelib", "platlib"):
        if Path(paths[name]) in path.parents:
            return path.relative_to(paths[name]).parts[0] in _LIBRARIES
    return Path(paths["stdlib"]) in path.parents
