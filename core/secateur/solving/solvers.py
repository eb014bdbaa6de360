"""The backend that a user means: a name, a class, an instance, or a strategy over one."""

from __future__ import annotations

from secateur.backends.base import Backend
from secateur.backends.guard import build
from secateur.backends.registry import load_backend

CONTROL = "greedy"
"""The control that needs no backend: greedy with updated fields, then swaps."""
AUTO = "auto"
"""Annealing for the answer, branch and bound for the proof."""
DECOMPOSE = "decompose:"
"""Before the name of a backend: that backend, on parts of the problem around a good vector."""
BLOCKS = "blocks:"
"""Before the name of a backend: that backend, on the blocks of the problem one by one."""


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
    return load_backend(name)


def as_solver(backend: str | type[Backend] | Backend) -> Backend:
    """An instance of what was named or given."""
    if isinstance(backend, str):
        backend = load_solver(backend)
    return build(backend)
