"""Secrets of backends: a study's file names where they are, and never holds them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from secateur.backends.base import Backend
from secateur.errors import OptionError

INNER = "inner."
ENV = "env"


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


def with_secrets(options: Mapping[str, Any], secret: frozenset[str], where: str) -> dict[str, Any]:
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
                remedy=f"a study is stored and shown: name a variable of the environment instead, "
                f'{name} = {{ env = "MY_{name.rpartition(".")[2].upper()}" }}',
            )
        variable = value[ENV]
        found = os.environ.get(variable) if isinstance(variable, str) else None
        if not found:
            raise OptionError(
                f"{name!r} is the environment variable {variable!r}, which is not set",
                remedy=f"export {variable}=…",
            )
        made[name] = found
    return made
