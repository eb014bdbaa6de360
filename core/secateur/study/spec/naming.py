"""Options of backends by name; secrets, which a study's file names and never holds."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from secateur.backends.base import Backend
from secateur.errors import OptionError
from secateur.solving.chosen import ANNEALING, Chosen
from secateur.solving.names import CONTROL
from secateur.solving.solvers import as_solver

INNER = "inner."
ENV = "env"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def flattened(solver: type[Backend] | Backend, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with those of an inner backend as ``inner.NAME``, one by one.

    Arguments:
        solver: whose options they are.
        options: as they are written; ``inner = { reads = 10 }`` is a table there.
    """
    if getattr(solver, "inner", None) is None:
        return dict(options)
    flat: dict[str, Any] = {}
    for name, value in options.items():
        if name == "inner" and isinstance(value, Mapping):
            inner = flattened(solver.inner, value)  # type: ignore[union-attr]
            flat |= {INNER + key: one for key, one in inner.items()}
        else:
            flat[name] = value
    return flat


def owner_and_name(solver: type[Backend] | Backend, name: str) -> tuple[Any, str]:
    """Whose option a name is: ``inner.reads`` is ``reads`` of the inner backend."""
    while name.startswith(INNER) and getattr(solver, "inner", None) is not None:
        solver, name = solver.inner, name.removeprefix(INNER)  # type: ignore[union-attr]
    return solver, name


def secret_names(solver: type[Backend] | Backend, names: Mapping[str, Any]) -> frozenset[str]:
    """Those of some options that are declared secret."""
    found = set()
    for name in names:
        owner, plain = owner_and_name(solver, name)
        for field in getattr(owner.Options, "__dataclass_fields__", {}).values():
            if field.name == plain and field.metadata.get("secret"):
                found.add(name)
    return frozenset(found)


def with_secrets(options: Mapping[str, Any], secret: frozenset[str]) -> dict[str, Any]:
    """Options with the secrets that they name.

    Arguments:
        options: of a backend; secrets are ``{ env = "NAME" }``.
        secret: names of those that are.

    Raises:
        OptionError: a secret that is written itself, or that is nowhere.
    """
    made = dict(options)
    for name in secret & options.keys():
        value = options[name]
        if not isinstance(value, Mapping) or set(value) != {ENV}:
            raise OptionError(
                f"the secret option {name!r} is written itself",
                remedy="a study is stored and shown: name a variable of the environment instead, "
                f'{name} = {{ env = "MY_{name.rpartition(".")[2].upper()}" }}',
            )
        variable = value[ENV]
        if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
            raise OptionError(  # not shown: it may be the secret, in the wrong place
                f"the secret option {name!r} names no environment variable",
                remedy=f'{name} = {{ env = "NAME" }}, in letters, digits and underscores',
            )
        found = os.environ.get(variable)
        if not found:
            raise OptionError(
                f"{name!r} is the environment variable {variable!r}, which is not set",
                remedy=f"export {variable}=…",
            )
        made[name] = found
    return made


def known_options(chosen: Chosen | None) -> tuple[str, ...]:
    """The names of the options that a backend takes and that are not secret; with ``auto`` those
    of annealing."""
    if chosen is None or chosen.name == CONTROL:
        return ()
    solver = as_solver(ANNEALING) if chosen.solver is None else chosen.solver
    found: list[str] = []
    prefix = ""
    while True:
        found += [prefix + one.name for one in solver.describe_options() if not one.secret]
        inner = getattr(solver, "inner", None)
        if inner is None:
            return tuple(found)
        solver, prefix = inner, prefix + INNER
