"""What ``module:attribute`` names, imported in one place, with one set of errors."""

from __future__ import annotations

import glob
import importlib
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from secateur.errors import MissingExtra, OptionError, SecateurError
from secateur.nearest import did_you_mean


def import_attribute(target: str) -> Any:
    """The object that ``module:attribute`` names; modules of the current folder are found.

    Raises:
        OptionError: it is not written so, or the module has no such attribute.
        BaseException: whatever the module raises; ``explain`` makes an error of it.
    """
    module_name, _, attribute = target.partition(":")
    is_file = module_name.endswith(".py")
    if not module_name or not attribute or is_file or not EntryPoint.pattern.match(target):
        example = rewritten(target)
        raise OptionError(
            f"{target!r} is not module:attribute",
            remedy="write it as module:attribute" + (f", {example}" if example else ""),
        )
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    found: Any = importlib.import_module(module_name)
    for part in attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise OptionError(
                f"{attribute!r} cannot be found: {error}",
                remedy=f"{did_you_mean(part, _public(found))}check the name behind the colon in "
                f"{module_name}",
            ) from error
    return found


def rewritten(target: str) -> str:
    """``module:attribute`` for what was typed as a path, or with a dot for the colon.

    Arguments:
        target: as it was typed, ``./nets/mine.py``.

    Returns:
        how it is written, ``nets.mine:NAME`` where no name was; "" if nobody can know.
    """
    path, _, attribute = target.partition(":")
    module = path.removesuffix(".py").removeprefix("./").replace("/", ".").replace("\\", ".")
    if not all(part.isidentifier() for part in module.split(".")):
        return ""
    if attribute or path.endswith(".py") or "." not in module:
        return f"{module}:{attribute or 'NAME'}"
    before, _, last = module.rpartition(".")
    return f"{before}:{last}"


def _near_file(missing: str | None, target: str) -> str:
    """``"did you mean 'mymodel'? "`` for a module that is not there, and a file that is."""
    module = target.partition(":")[0]
    if missing is None or missing != module.partition(".")[0]:
        return ""  # the module is there: what it imports is not
    files = glob.glob("*.py")  # noqa: PTH207 (no error where the folder is gone)
    return did_you_mean(missing, [name.removesuffix(".py") for name in files])


def _public(thing: Any) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]


@dataclass(frozen=True)
class Fault:
    """Why something cannot be imported.

    Arguments:
        message: with what it is.
        remedy: what to do.
        missing: a module is not there, rather than broken.
    """

    message: str
    remedy: str
    missing: bool


def explain(error: BaseException, told: str, target: str, distribution: str = "") -> Fault:
    """What to say where importing raised; Ctrl-C is not for here.

    Arguments:
        error: of ``import_attribute``, or of an entry point that was loaded.
        told: what was imported, "backend 'mine' of my-plugin 2.5".
        target: ``module:attribute``.
        distribution: whose entry point it is; "" where a user typed it.
    """
    mend = f"mend {target.partition(':')[0]}"
    if distribution:
        mend = f"report it to {distribution}; the others are not affected"
    if isinstance(error, MissingExtra):
        return Fault(error.message, error.remedy or "", missing=True)
    if isinstance(error, SecateurError):
        said = f"{told} cannot be imported: {error.message}"
        return Fault(said, error.remedy or mend, missing=False)
    if isinstance(error, ImportError):
        near = _near_file(error.name, target) if not distribution else ""
        remedy = f"{near}run from the folder that holds the module, or install it"
        if distribution:
            remedy = "install what it needs; the others are not affected"
        return Fault(f"{told} cannot be imported: {error}", remedy, missing=True)
    # importing runs a stranger's code, sys.exit() for instance
    said = f"{told} cannot be imported: {type(error).__name__}: {error}"
    return Fault(said, mend, missing=False)
