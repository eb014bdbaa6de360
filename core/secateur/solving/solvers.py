"""The backend that a user means: a name, a class, an instance, or a strategy over one."""

from __future__ import annotations

from secateur.backends.base import Backend
from secateur.backends.promised import check_backend
from secateur.backends.registry import load_backend
from secateur.solving.names import BLOCKS, DECOMPOSE


def load_solver(name: str) -> type[Backend]:
    """The class of a backend, also ``decompose:NAME`` and ``blocks:NAME``.

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


def as_solver(backend: str | type[Backend] | Backend) -> Backend:
    """An instance of what was named or given."""
    if isinstance(backend, str):
        backend = load_solver(backend)
    if isinstance(backend, type):
        backend = backend()
    check_backend(backend)
    return backend
