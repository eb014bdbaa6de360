"""A plugin's own code, called so that whatever it raises is an error that names it.

A plugin may raise anything, also ``SystemExit``: a solver that calls ``sys.exit(0)`` must not end
the program as if all were well. Only Ctrl-C goes through, and errors that are ours already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from secateur.backends.base import Applicability, Availability, Backend
from secateur.backends.options import BackendOptions
from secateur.errors import BackendFailed, BackendMisbehaved, SecateurError
from secateur.problem.model import Problem


def origin(solver: Backend | type[Backend]) -> str:
    """The distribution of a backend, for messages."""
    from secateur.backends.registry import list_backends

    kind = solver if isinstance(solver, type) else type(solver)
    owners = sorted({e.distribution for e in list_backends() if e.name == solver.name})
    return " or ".join(owners) or kind.__module__


@contextmanager
def guarded(solver: Backend | type[Backend], where: str = "") -> Iterator[None]:
    """What a backend's own code raises inside is an error that names it.

    Arguments:
        solver: whose code runs.
        where: what of it, where that is not ``solve``.

    Raises:
        BackendFailed: it raised anything but ``KeyboardInterrupt`` or an error of ours.
    """
    try:
        yield
    except (SecateurError, KeyboardInterrupt):
        raise
    except BaseException as error:
        name, said = type(error).__name__, str(error)
        raise BackendFailed(
            f"backend {solver.name!r} ({origin(solver)}) raised {name}"
            + (f": {said}" if said else "")
            + (f" in {where}" if where else ""),
            backend=solver.name,
            remedy=f"report it to {origin(solver)}, and use another backend",
        ) from error


def build(backend: Backend | type[Backend]) -> Backend:
    """An instance.

    Raises:
        BackendFailed: its constructor raised.
    """
    if not isinstance(backend, type):
        return backend
    with guarded(backend, "its constructor"):
        return backend()


def availability_of(backend: Backend | type[Backend]) -> Availability:
    """Whether a backend can be used here.

    Raises:
        BackendFailed: it raised.
        BackendMisbehaved: it gave something else.
    """
    with guarded(backend, "availability"):
        found = backend.availability()
    return _checked(backend, found, Availability, "availability")


def applicability_of(backend: Backend, problem: Problem, options: BackendOptions) -> Applicability:
    """Whether a backend can take a problem.

    Raises:
        BackendFailed: it raised.
        BackendMisbehaved: it gave something else.
    """
    with guarded(backend, "applicability"):
        found = backend.applicability(problem, options)
    return _checked(backend, found, Applicability, "applicability")


def _checked(backend: Backend | type[Backend], found: Any, kind: type, where: str) -> Any:
    if isinstance(found, kind):
        return found
    raise BackendMisbehaved(
        f"backend {backend.name!r} ({origin(backend)}) gave a {type(found).__name__} as its "
        f"{where}",
        backend=backend.name,
        remedy=f"report it to {origin(backend)}: it must be a {kind.__name__}",
    )
