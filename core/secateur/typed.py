"""A value read as a declared type: "20" as an int, 1 as a float; never rounded, never guessed."""

from __future__ import annotations

import numbers
import operator
import types
import typing
from collections.abc import Mapping
from typing import Any


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types of a union, or the one type."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return typing.get_args(hint)
    return (hint,)


def is_list(hint: Any) -> bool:
    """Whether several values are wanted, and nothing else will do."""
    kinds = [typing.get_origin(one) or one for one in alternatives(hint)]
    return all(kind in (tuple, list, type(None)) for kind in kinds)


def is_mapping(hint: Any) -> bool:
    """Whether names and values are a value of a type."""
    return any(typing.get_origin(one) is Mapping for one in alternatives(hint))


def type_name(hint: Any, *, none: bool = True) -> str:
    """A type as people say it: "float or none", "float or 'auto'"."""
    names: list[str] = []
    mixed = words(hint)
    found = alternatives(hint)
    if mixed:  # equal unions are one object, in the order of whoever asked first
        found = tuple(sorted(found, key=lambda one: 2 if one is type(None) else _literal(one)))
    for one in found:
        if one is Any:
            name = "any"
        elif one is type(None):
            name = "none" if none else ""
        elif mixed and _literal(one):
            name = " or ".join(map(repr, typing.get_args(one)))
        elif _literal(one):
            name = " or ".join(dict.fromkeys(type(v).__name__ for v in typing.get_args(one)))
        else:
            name = getattr(one, "__name__", str(one))
        if name and name not in names:
            names.append(name)
    return " or ".join(names)


def words(hint: Any) -> tuple[Any, ...]:
    """The values that a union has beside its types: "auto" of ``float | Literal["auto"]``."""
    kinds = [kind for kind in alternatives(hint) if kind is not type(None)]
    plain = [kind for kind in kinds if not _literal(kind)]
    values = [value for kind in kinds if _literal(kind) for value in typing.get_args(kind)]
    return tuple(v for v in values if plain and not any(_takes(kind, v) for kind in plain))


def _literal(kind: Any) -> bool:
    return typing.get_origin(kind) is typing.Literal


def _takes(kind: Any, value: Any) -> bool:
    plain = typing.get_origin(kind) or kind
    if plain in (Any, object) or not isinstance(plain, type):
        return True
    return _as(value, plain) is not None


def read(value: Any, hint: Any) -> Any:
    """The value as one of the types of ``hint``.

    Raises:
        TypeError, ValueError, OverflowError: it is none of them, and no text for one.
    """
    kinds = [kind for kind in alternatives(hint) if kind is not type(None)]
    beside = words(hint)
    if any(type(value) is type(word) and value == word for word in beside):
        return value
    for kind in kinds:
        if _literal(kind) and not beside:
            kinds += [type(one) for one in typing.get_args(kind)]
    kinds = [kind for kind in kinds if not _literal(kind)]
    for kind in kinds:
        plain = typing.get_origin(kind) or kind
        if plain in (Any, object) or not isinstance(plain, type):  # nothing can be held against it
            return value
        found = _as(value, plain)
        if found is not None:
            return found
    if isinstance(value, str):
        for kind in kinds:
            if kind is bool and value.lower() in ("true", "false"):
                return value.lower() == "true"
            if kind in (int, float):
                try:
                    return kind(value)
                except ValueError:
                    continue
    raise TypeError(value)


def _as(value: Any, kind: type) -> Any:
    """The value if it is of the kind, or the same thing in it; else None."""
    if isinstance(value, bool) and kind is not bool and issubclass(kind, numbers.Number):
        return None  # a switch is no number
    if kind is float and isinstance(value, numbers.Real):
        return float(value)
    if kind is int and isinstance(value, numbers.Integral):
        return operator.index(value)
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    try:
        return value if isinstance(value, kind) else None
    except TypeError:  # a protocol that cannot be asked for
        return value
