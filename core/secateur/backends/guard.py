"""A plugin's own code, called so that whatever it raises is an error that names it.

A plugin may raise anything, also ``SystemExit``: a solver that calls ``sys.exit(0)`` must not end
the program as if all were well. Only Ctrl-C goes through, and errors that are ours already.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version

from secateur.backends.base import Applicability, Availability, Backend, BackendOptions
from secateur.backends.price import Price
from secateur.backends.promised import check_answer
from secateur.errors import BackendFailed, SecateurError
from secateur.problem.model import Problem
from secateur.stages import BACKENDS, list_stages
from secateur.stages import origin as who_registers


def origin(solver: Backend | type[Backend]) -> str:
    """The distribution of a backend, for messages."""
    return who_registers(BACKENDS, name_of(solver), _kind(solver))


def name_of(solver: Backend | type[Backend]) -> str:
    """Its name; that of its class, where it has been given none yet."""
    name = getattr(solver, "name", None)
    return name if isinstance(name, str) else _kind(solver).__name__


def mend_of(solver: Backend | type[Backend]) -> str:
    """What to do about a fault of a backend: nobody is told of what is in a file beside you."""
    if any(entry.name == name_of(solver) for entry in list_stages(BACKENDS)):
        return f"report it to {origin(solver)}, and use another backend"
    module = _kind(solver).__module__
    return "mend it" if module == "__main__" else f"mend it in {module}"


def place_in(solver: Backend | type[Backend], error: BaseException) -> str:
    """Where in a backend's own module an error came through, "climb (mine.py, line 3)"; or ""."""
    module = sys.modules.get(_kind(solver).__module__)
    file = getattr(module, "__file__", None)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if file is not None and frame.filename == file:
            return f"{frame.name} ({file}, line {frame.lineno})"
    return ""


def _kind(solver: Backend | type[Backend]) -> type[Backend]:
    return solver if isinstance(solver, type) else type(solver)


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
        place = place_in(solver, error)
        raise BackendFailed(
            f"backend {name_of(solver)!r} ({origin(solver)}) raised {name}"
            + (f": {said}" if said else "")
            + (f" in {where}" if where else "")
            + (f", at {place}" if place else ""),
            backend=name_of(solver),
            remedy=mend_of(solver),
        ) from error


def versions_of(solver: Backend | type[Backend]) -> dict[str, str]:
    """Who made an answer that does not say it: the distribution that registers the backend.

    Without one, the package of its class.
    """
    kind = solver if isinstance(solver, type) else type(solver)
    top = kind.__module__.partition(".")[0]
    for entry in list_stages(BACKENDS):
        if entry.name == solver.name and entry.target.partition(":")[0].partition(".")[0] == top:
            return {entry.distribution: entry.version}
    try:
        return {top: version(top)}
    except PackageNotFoundError:
        return {top: str(getattr(sys.modules.get(top), "__version__", "unknown"))}


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
    check_answer(backend.name, found, Availability)
    return found


def price_of_call(backend: Backend, problem: Problem, options: BackendOptions) -> Price:
    """What one call of a backend costs.

    Raises:
        BackendFailed: it raised.
        BackendMisbehaved: it gave something else.
    """
    with guarded(backend, "price"):
        found = backend.price(problem.apart(), options)
    check_answer(backend.name, found, Price)
    return found


def applicability_of(backend: Backend, problem: Problem, options: BackendOptions) -> Applicability:
    """Whether a backend can take a problem.

    Raises:
        BackendFailed: it raised.
        BackendMisbehaved: it gave something else.
    """
    with guarded(backend, "applicability"):
        found = backend.applicability(problem, options)
    check_answer(backend.name, found, Applicability)
    return found
