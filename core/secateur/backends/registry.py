"""Backends by name, from entry points.

Listing reads the installed distributions' metadata and imports no plugin. Loading one backend goes
through stevedore, with its on-disk cache kept out of the way: that cache is keyed by modification
times rounded to two minutes, and can hide a plugin that was just installed.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint

from stevedore.driver import DriverManager

from secateur.backends.base import Backend
from secateur.backends.entries import GROUP, BackendEntry, find_backend, list_backends, points
from secateur.errors import BackendFailed, BackendUnavailable

__all__ = ["BackendEntry", "find_backend", "list_backends", "load_backend"]


def load_backend(name: str) -> type[Backend]:
    """The class of a registered backend; a ``dimod.Sampler`` class is wrapped.

    Raises:
        BackendNotFound: no entry point of that name.
        BackendConflict: two of that name.
        BackendUnavailable: the plugin cannot be imported, for the want of a package.
        BackendFailed: the plugin cannot be imported, for a fault of its own, or is no backend.
    """
    return _load(find_backend(name))


@cache
def _load(entry: BackendEntry) -> type[Backend]:
    plugin = f"backend {entry.name!r} of {entry.distribution} {entry.version}".rstrip()
    try:
        loaded = _import(entry.name)
    except ImportError as error:
        raise BackendUnavailable(
            f"{plugin} cannot be imported: {error}",
            backend=entry.name,
            remedy="install what it needs; the other backends are not affected",
        ) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # importing runs the plugin's code, which may call sys.exit
        raise BackendFailed(
            f"{plugin} cannot be imported: {type(error).__name__}: {error}",
            backend=entry.name,
            remedy=f"report it to {entry.distribution}; the other backends are not affected",
        ) from error
    if isinstance(loaded, type) and issubclass(loaded, Backend):
        return loaded
    if isinstance(loaded, type) and "dimod" in sys.modules:  # else it cannot be a sampler
        from dimod.core.sampler import Sampler

        from secateur.backends.sampler import wrap_sampler

        if issubclass(loaded, Sampler):
            return wrap_sampler(loaded, entry.name)
    raise BackendFailed(
        f"{plugin} names {entry.target}, which is a {type(loaded).__name__}",
        backend=entry.name,
        remedy="an entry point names a subclass of secateur.backends.Backend or dimod.Sampler",
    )


class _OneDriver(DriverManager[object]):
    """A driver manager that reads installed metadata itself: no cache can be stale."""

    def list_entry_points(self) -> list[EntryPoint]:
        return points()


def _import(name: str) -> object:
    """What the entry point names; an import's own error propagates."""
    return _OneDriver(GROUP, name).driver
