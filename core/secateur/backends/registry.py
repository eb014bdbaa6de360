"""The backend that a name, ``module:attribute``, a class, an object or a function stands for."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from secateur.backends.base import Backend
from secateur.errors import BackendFailed
from secateur.stages import BACKENDS, Entry, find_stage, load_stage, misfit

BackendLike = str | type[Backend] | Backend | Callable[..., Any]
"""What a user may give for a backend; a ``dimod.Sampler``, its class or an instance, too."""


def load_backend(name: str) -> type[Backend]:
    """The class of a registered backend, or of ``module:attribute``; see ``backend_class``.

    Raises:
        BackendNotFound: no entry point of that name.
        BackendConflict: two of that name.
        BackendUnavailable: the plugin cannot be imported, for the want of a package.
        BackendFailed: the plugin cannot be imported, for a fault of its own, or is no backend.
    """
    entry = find_stage(BACKENDS, name)
    return _load(entry) if entry.distribution else _backend(name)


@cache
def _load(entry: Entry) -> type[Backend]:
    return _backend(entry.name)


def _backend(name: str) -> type[Backend]:
    loaded = load_stage(BACKENDS, name)
    found = backend_class(loaded, name)
    if found is None:
        raise misfit(BACKENDS, name, loaded)
    return found


def backend_class(thing: object, name: str) -> type[Backend] | None:
    """The class of backends that a thing stands for; None if it is nothing of the kind.

    Arguments:
        thing: a subclass of ``Backend`` or an instance of one; a ``dimod.Sampler``, the class or an
            instance; a factory, a function without arguments that makes one of these; or a
            function ``(problem, **options)`` that returns rows of zeros and ones.
        name: of the backend where the thing has none.

    Raises:
        BackendFailed: a factory that raises.
    """
    if isinstance(thing, type) and issubclass(thing, Backend):
        return thing
    if isinstance(thing, Backend):
        from secateur.backends.made import backend_of_instance

        return backend_of_instance(thing)
    if "dimod" in sys.modules:  # else it cannot be a sampler
        from dimod.core.sampler import Sampler

        from secateur.backends.sampler import wrap_sampler

        if isinstance(thing, type) and issubclass(thing, Sampler):
            return wrap_sampler(thing, name)
        if isinstance(thing, Sampler):
            return wrap_sampler(type(thing), name, thing)
    if _is_factory(thing):
        built = _built(thing, name)
        return None if _is_factory(built) else backend_class(built, name)
    if isinstance(thing, type) or not callable(thing):
        return None
    from secateur.backends.made import backend_of_function

    return backend_of_function(thing, name)


def _is_factory(thing: object) -> bool:
    """Whether it is a function that can be called without arguments."""
    if isinstance(thing, (type, Backend)) or not callable(thing):
        return False
    try:
        inspect.signature(thing).bind()
    except (TypeError, ValueError):
        return False
    return True


def _built(factory: Any, name: str) -> object:
    try:
        return factory()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin's own code
        raise BackendFailed(
            f"the factory of backend {name!r} raised {type(error).__name__}: {error}",
            backend=name,
            remedy="it is called without arguments",
        ) from error
