"""What the answer of a backend depends on besides its settings: versions, by distribution."""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from secateur.backends.base import Backend
from secateur.backends.guard import availability_of
from secateur.solving.chosen import ANNEALING
from secateur.solving.names import AUTO, CONTROL
from secateur.solving.solvers import inner_name
from secateur.stages import BACKENDS, OWN, find_stage

ALWAYS = ("secateur", "numpy", "scipy")
"""Distributions that every answer depends on."""
_MENTIONED = re.compile(r"([A-Za-z][A-Za-z0-9._-]*) (\d[^\s,;]*)")
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def common_versions() -> dict[str, str]:
    """Python and the distributions that every answer depends on."""
    return {"python": platform.python_version()} | {name: _version(name) for name in ALWAYS}


def backend_versions(name: str, solver: Backend | None) -> dict[str, str]:
    """The versions behind a backend: who registers it, and the solver packages that it names.

    These are the distributions that ``secateur backends`` shows beside it, and those that a
    plugin's own metadata demand. What a user wrote in a module of no distribution is told by the
    SHA-256 of that module's file; what it imports is not looked at.

    Arguments:
        name: as it was typed.
        solver: the backend; None for a strategy of our own.
    """
    if name == CONTROL:
        return {}
    if name == AUTO:
        from secateur.solving.solvers import as_solver

        name, solver = ANNEALING, as_solver(ANNEALING)
    assert solver is not None
    entry = find_stage(BACKENDS, inner_name(name))
    found: dict[str, str] = {}
    if not entry.distribution:
        found |= _source(entry.target.partition(":")[0])
    else:
        found[entry.distribution] = entry.version
        if entry.distribution != OWN:
            found |= _demanded(entry.distribution)
    return found | _mentioned(availability_of(solver).detail)


def _mentioned(detail: str) -> dict[str, str]:
    """The distributions in a text with the versions that are installed: not a licence's date."""
    pairs = [(match[1], match[2]) for match in _MENTIONED.finditer(detail)]
    return {_plain(name): said for name, said in pairs if _version(name) == said}


def _demanded(distribution: str) -> dict[str, str]:
    """What a distribution's metadata demand, extras left out."""
    found = {}
    for line in requires(distribution) or ():
        demand, _, marker = line.partition(";")
        name = _NAME.match(demand)
        if name and "extra" not in marker and _version(name[1]) != _GONE:
            found[_plain(name[1])] = _version(name[1])
    return found


def _source(module: str) -> dict[str, str]:
    """The module of a user's own solver: by version where it has one, else by its file."""
    top = module.partition(".")[0]
    if _version(top) != _GONE:
        return {_plain(top): _version(top)}
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return {f"{module} (module)": "without a file"}
    return {f"{module} (sha256)": hashlib.sha256(Path(file).read_bytes()).hexdigest()}


_GONE = "not installed"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return _GONE


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
