"""Where a stranger's code, a network, a task or its data, went wrong: told without a traceback."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

_OURS = Path(__file__).parents[1]
_LIBRARIES = ("torch", "numpy", "scipy", "dimod", "click", "safetensors", "onnx", "onnxruntime")
"""What we call ourselves: their errors may be our fault, unless a stranger's code called them."""


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
        return f"{where or 'something'} ended the command by sys.exit({code})"
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
