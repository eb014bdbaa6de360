"""The registered backends, from the installed distributions' metadata; imports nothing else."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from typing import Any

from secateur.errors import BackendConflict, BackendNotFound

GROUP = "secateur.backends"


@dataclass(frozen=True)
class BackendEntry:
    """One registered backend, as its distribution's metadata gives it.

    Arguments:
        name: what users type.
        target: ``module:attribute`` of the class.
        distribution: who registers it.
        version: of the distribution.
    """

    name: str
    target: str
    distribution: str
    version: str


_once: list[EntryPoint] | None = None


@contextmanager
def read_once() -> Iterator[None]:
    """Read the metadata once for all that is asked inside: they are files of every distribution."""
    global _once
    _once = points()
    try:
        yield
    finally:
        _once = None


def points() -> list[EntryPoint]:
    """The entry points of all backends; read again once something was installed or removed."""
    global _read
    if _once is not None:
        return _once
    now = _folders()
    if _read is None or _read[0] != now:
        _read = now, list(entry_points(group=GROUP))
        _about.clear()
    return list(_read[1])


_read: tuple[Any, list[EntryPoint]] | None = None
_about: dict[Distribution, tuple[str, str]] = {}


def _folders() -> Any:
    """Where distributions are looked for, and when something was last added or taken away there."""
    times: list[tuple[str, int]] = []
    for folder in sys.path:
        try:
            times.append((folder, Path(folder).stat().st_mtime_ns))
        except OSError:  # a zip that is gone, or a folder that is yet to come
            times.append((folder, 0))
    return Path.cwd(), times, list(sys.meta_path), entry_points


def list_backends() -> list[BackendEntry]:
    """Every registered backend, by name; imports no plugin. A name may occur twice."""
    return _entries(points())


def _entries(found: Iterable[EntryPoint]) -> list[BackendEntry]:
    """The entries of some points, sorted; each distribution's metadata are parsed once."""
    entries = set()
    for point in found:
        about = ("unknown", "")
        if point.dist is not None:
            if point.dist not in _about:
                metadata = point.dist.metadata
                _about[point.dist] = (metadata["Name"], metadata["Version"])
            about = _about[point.dist]
        entries.add(BackendEntry(point.name, point.value, *about))
    return sorted(entries, key=lambda entry: (entry.name, entry.distribution, entry.target))


def find_backend(name: str) -> BackendEntry:
    """The entry of a name.

    Raises:
        BackendNotFound: there is none; the nearest is named.
        BackendConflict: two distributions register it.
    """
    registered = points()
    named = _entries(point for point in registered if point.name == name)
    if not named:
        known = sorted({point.name for point in registered})
        near = difflib.get_close_matches(name, known, n=1)
        raise BackendNotFound(
            f"there is no backend {name!r}",
            backend=name,
            remedy=(f"did you mean {near[0]!r}? " if near else "")
            + f"installed are: {', '.join(known) or 'none'}",
        )
    if len(named) > 1:
        who = " and ".join(f"{entry.distribution} ({entry.target})" for entry in named)
        raise BackendConflict(
            f"two plugins are called {name!r}: {who}",
            backend=name,
            remedy=f"uninstall one: pip uninstall {named[-1].distribution}",
        )
    return named[0]
