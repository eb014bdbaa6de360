"""The backend that a name, ``module:attribute``, a class, an object or a function stands for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from secateur.backends.base import Backend
from secateur.backends.reserved import refuse_reserved
from secateur.errors import BackendFailed
from secateur.stages import BACKENDS, Entry, find_stage, load_stage, misfit

BackendLike = str | type[Backend] | Backend | Callable[..., Any]
"""What a user may give for a backend; a ``dimod.Sampler``, its class or an instance, too."""


def load_backend(name: str) -> type[Backend]:
    """The class of a registered backend, or of ``module:attribute``; see ``backend_class``.

    Arguments:
        name: registered, or ``module:attribute``.

    Raises:
        BackendNotFound: no entry point of that name.
        BackendConflict: two of that name, or one that means something else here.
        BackendUnavailable: the plugin cannot be imported, for the want of a package.
        BackendFailed: the plugin cannot be imported, for a fault of its own, or is no backend.
    """
    entry = find_stage(BACKENDS, name)
    refuse_reserved(entry)
    return _load(entry) if entry.distribution else _backend(entry)


@cache
def _load(entry: Entry) -> type[Backend]:
    return _backend(entry)


def _backend(entry: Entry) -> type[Backend]:
    loaded = load_stage(BACKENDS, entry.name)
    found = backend_class(loaded, entry.name)
    if found is None:
        refuse_without_problem(loaded, entry.name)
        raise misfit(BACKENDS, entry.name, loaded)
    register = getattr(found, "registered_as", None)  # of what is made of a stranger's thing
    return register(entry.name, entry.distribution, entry.version) if register else found


def refuse_without_problem(thing: object, name: str) -> None:
    """Refuse a function that is called without anything, and made no backend.

    Raises:
        BackendFailed: it is one.
    """
    from secateur.backends.made import is_factory

    if is_factory(thing):
        raise BackendFailed(
            f"backend {name!r} is a function that takes no problem, and makes no backend",
            backend=name,
            remedy="write its first argument: def solve(problem, *, reads=100); what takes nothing "
            "has to return a sampler or a backend",
        )


def backend_class(thing: object, name: str) -> type[Backend] | None:
    """The class of backends that a thing stands for; None if it is nothing of the kind.

    Arguments:
        thing: a subclass of ``Backend`` or an instance of one, what ``wrap`` makes among them; or
            what ``wrap`` takes.
        name: of the backend where the thing has none.

    Raises:
        BackendFailed: a factory that raises.
    """
    if isinstance(thing, type) and issubclass(thing, Backend):
        return thing
    from secateur.backends.wrapped import backend_of

    return backend_of(thing, name)
