"""Options of a backend: declared once, with their domain, default, unit and text.

::

    @dataclass(frozen=True)
    class MyOptions(BackendOptions):
        reads: int = option(10, "independent runs", least=1)
        seed: int | None = option(None, "random seed", least=0, most=2**31 - 1)

From this declaration come the checks, the command line's help and the reference page.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secateur.errors import BackendOptionError


def option(
    default: Any,
    text: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[Any, ...] | None = None,
    unit: str = "",
    secret: bool = False,
) -> Any:
    """Declare an option: a dataclass field with its domain.

    Arguments:
        default: used when it is not given.
        text: one line of help.
        least: the smallest value, included.
        most: the largest value, included.
        choices: the only values.
        unit: "s", "dB", …
        secret: never printed, stored or compared.
    """
    metadata = {
        "text": text,
        "least": least,
        "most": most,
        "choices": choices,
        "unit": unit,
        "secret": secret,
    }
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class BackendOptions:
    """Base of every backend's options; has none of its own."""

    def public(self) -> dict[str, Any]:
        """The options as JSON-safe data, secrets left out."""
        return {
            f.name: _plain(getattr(self, f.name))
            for f in dataclasses.fields(self)
            if not f.metadata.get("secret")
        }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return f"<{type(value).__name__}>"


def make_options(
    kind: type[BackendOptions], given: Mapping[str, Any], backend: str
) -> BackendOptions:
    """An instance of ``kind`` from names and values, every one checked.

    Strings are read as the declared type, so that the command line and TOML files can pass them.

    Raises:
        BackendOptionError: an unknown name (the nearest is named), a wrong type, a value out of
            range.
    """
    declared = {f.name: f for f in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in declared:
            near = difflib.get_close_matches(name, declared, n=1)
            known = ", ".join(declared) or "none"
            raise BackendOptionError(
                f"backend {backend!r} has no option {name!r}",
                backend=backend,
                remedy=f"did you mean {near[0]!r}? It has: {known}" if near else f"it has: {known}",
            )
        field = declared[name]
        values[name] = _check(value, hints[name], field, backend)
    return kind(**values)


def _check(value: Any, hint: Any, field: dataclasses.Field[Any], backend: str) -> Any:
    about = field.metadata
    shown = "…" if about.get("secret") else repr(value)

    def wrong(why: str) -> BackendOptionError:
        return BackendOptionError(
            f"option {field.name!r} of backend {backend!r} is {shown}: {why}",
            backend=backend,
            remedy=f"{field.name}: {about.get('text', '')}; {domain(field)}",
        )

    kinds = (
        typing.get_args(hint)
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
        else (hint,)
    )
    if value is None or (isinstance(value, str) and value.lower() == "none"):
        if type(None) in kinds:
            return None
        raise wrong("it cannot be none")
    try:
        value = _convert(value, [k for k in kinds if k is not type(None)])
    except (ValueError, TypeError, OverflowError):
        names = " or ".join(getattr(k, "__name__", str(k)) for k in kinds if k is not type(None))
        raise wrong(f"not of type {names}") from None
    if about.get("choices") is not None and value not in about["choices"]:
        raise wrong("not one of the choices")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if isinstance(value, float) and math.isnan(value):
            raise wrong("not a number")
        least, most = about.get("least"), about.get("most")
        if (least is not None and value < least) or (most is not None and value > most):
            raise wrong("out of range")
    return value


def _convert(value: Any, kinds: list[Any]) -> Any:
    for kind in kinds:
        plain = typing.get_origin(kind) or kind
        if plain is Any or not isinstance(plain, type):
            return value
        if plain is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if plain is int and isinstance(value, bool):
            continue
        if plain is tuple and isinstance(value, list):
            return tuple(value)
        if isinstance(value, plain):
            return value
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


def domain(field: dataclasses.Field[Any]) -> str:
    """What values an option takes and its default, as text."""
    about = field.metadata
    parts = []
    if about.get("choices") is not None:
        parts.append("one of " + ", ".join(str(c) for c in about["choices"]))
    least, most = about.get("least"), about.get("most")
    if least is not None and most is not None:
        parts.append(f"from {least} to {most}")
    elif least is not None:
        parts.append(f"at least {least}")
    elif most is not None:
        parts.append(f"at most {most}")
    if about.get("unit"):
        parts.append(f"in {about['unit']}")
    parts.append("no default shown" if about.get("secret") else f"default {field.default}")
    return ", ".join(parts)
