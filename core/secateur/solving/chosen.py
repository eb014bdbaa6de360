"""The backend that a user means with its options: found and checked once, then handed on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secateur.backends.base import Backend, BackendOptions
from secateur.backends.call import resolve_options
from secateur.backends.registry import BackendLike
from secateur.errors import OptionError
from secateur.limits import names_and_values
from secateur.solving.names import AUTO, CONTROL
from secateur.solving.solvers import as_solver

ANNEALING = "annealing"
"""Stands beside the blocks in ``auto``."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """A backend that was named or given, or a strategy of our own.

    Arguments:
        name: of the backend; "auto" and "greedy" are strategies.
        solver: the backend; None for a strategy.
        options: of the backend, checked; None for a strategy.
        given: the names and values that they were made of; with "auto" those of annealing.
    """

    name: str
    solver: Backend | None
    options: BackendOptions | None
    given: Mapping[str, Any]


def choose(
    backend: BackendLike, options: Mapping[str, Any] | None = None, *, seed: int | None = None
) -> Chosen:
    """Find a backend and check its options; nothing is solved.

    Arguments:
        backend: a name, "auto" and "greedy" among them, a class or an instance.
        options: of the backend; those of annealing with "auto".
        seed: one that the backend has to take.

    Raises:
        BackendError: there is no such backend, or it has no such option.
        OptionError: it is nothing that solves, or ``greedy``, which takes no options.
    """
    given = names_and_values(options)
    if isinstance(backend, str) and backend == CONTROL:
        if given:  # by name only: a value may be a secret
            raise OptionError(
                f"{CONTROL} takes no options, and has {', '.join(given)}", remedy="leave them out"
            )
        return Chosen(CONTROL, None, None, {})
    if isinstance(backend, str) and backend == AUTO:
        if given:  # also where annealing turns out not to be needed
            resolve_options(as_solver(ANNEALING), given)
        return Chosen(AUTO, None, None, given)
    solver = as_solver(backend)
    return Chosen(solver.name, solver, resolve_options(solver, given, seed=seed), given)
