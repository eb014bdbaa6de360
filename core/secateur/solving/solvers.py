"""The backend that a user means: a name, a class, an instance, or a strategy over one."""

from __future__ import annotations

from secateur.backends.base import Backend
from secateur.backends.guard import build
from secateur.backends.promised import check_backend
from secateur.backends.registry import (
    BackendLike,
    backend_class,
    load_backend,
    refuse_without_problem,
)
from secateur.errors import OptionError
from secateur.solving.names import BLOCKS, DECOMPOSE
from secateur.stages import BACKENDS, misplaced


def load_solver(name: str) -> type[Backend]:
    """The class of a backend, also ``decompose:NAME`` and ``blocks:NAME``.

    Arguments:
        name: registered, ``module:attribute``, or with such a word in front.

    Raises:
        BackendNotFound, BackendConflict, BackendUnavailable, BackendFailed: as ``load_backend``.
    """
    if name.startswith(DECOMPOSE):
        from secateur.solving.decomposition import decompose

        return decompose(load_solver(name.removeprefix(DECOMPOSE)))
    if name.startswith(BLOCKS):
        from secateur.solving.blockwise import by_block

        return by_block(load_solver(name.removeprefix(BLOCKS)))
    backend = load_backend(name)
    check_backend(backend)
    return backend


def inner_name(name: str) -> str:
    """The name without what stands before it, ``decompose:`` and ``blocks:``."""
    while name.startswith((DECOMPOSE, BLOCKS)):
        name = name.partition(":")[2]
    return name


def as_solver(backend: BackendLike) -> Backend:
    """An instance of what was named or given.

    Raises:
        BackendError: as ``load_solver``.
        OptionError: it is nothing that solves.
    """

    def checked(solver: Backend) -> Backend:
        check_backend(solver)
        return solver

    if isinstance(backend, Backend):
        return checked(backend)
    if isinstance(backend, str):
        return checked(build(load_solver(backend)))
    found = backend_class(backend, getattr(backend, "__name__", type(backend).__name__))
    if found is None:
        refuse_without_problem(backend, getattr(backend, "__name__", type(backend).__name__))
        raise OptionError(
            f"the backend is {backend!r}",
            remedy=f"{misplaced(backend, BACKENDS)}give a name, or {BACKENDS.wanted}",
        )
    return checked(build(found))
