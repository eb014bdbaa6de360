"""An argument in another's place, told as what it looks like, with the right call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from secateur.errors import OptionError

_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)\s*%?\s*")


def is_amount(value: object) -> bool:
    """Whether a value looks like how much to prune: a number, or a text that is one."""
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def share_of(value: object, n: int) -> int | None:
    """How many of ``n`` a share is, 0.36 or "36%"; None for what is none.

    Arguments:
        value: any.
        n: of how many.
    """
    if not is_amount(value):
        return None
    text = str(value).strip()
    part = float(text.rstrip("% ")) / (100 if text.endswith("%") else 1)
    return round(part * n) if 0 < part < 1 else None


def amount_hint(value: object, argument: str = "amount") -> str:
    """The right place of an amount or a budget, to stand before the rest; "" for anything else.

    Arguments:
        value: where a name is expected.
        argument: that takes amounts.
    """
    if is_amount(value):
        return f"it looks like an amount: write {argument}={value!r}; "
    if isinstance(value, Mapping):
        return f"it looks like a budget: write budget={dict(value)!r}; "
    return ""


def refuse_amount(value: object, what: str, argument: str = "amount") -> None:
    """Refuse an amount or a budget where a method is expected.

    Arguments:
        value: that was given.
        what: it was given as, "method".
        argument: that takes amounts.

    Raises:
        OptionError: it is one; the right call is told.
    """
    hint = amount_hint(value, argument)
    if hint:
        raise OptionError(
            f"the {what} is {value!r}", remedy=f"{hint}a {what} is a name or a Method"
        )


def as_methods(methods: Any, argument: str) -> list[Any]:
    """The methods of a comparison, one by one.

    Arguments:
        methods: as they were given.
        argument: that takes amounts.

    Raises:
        OptionError: one method alone, an amount, or nothing that can be gone through.
    """
    refuse_amount(methods, "method", argument)
    if isinstance(methods, str) or not isinstance(methods, Iterable):
        shown = repr(methods) if isinstance(methods, str) else f"a {type(methods).__name__}"
        inner = repr(methods) if isinstance(methods, str) else "…"
        raise OptionError(
            f"the methods are {shown}",
            remedy=f"several are compared: write methods=[{inner}], or prune by one",
        )
    found = list(methods)
    for one in found:
        refuse_amount(one, "method", argument)
    return found
