"""What a backend says of itself, checked: a plugin may say anything, of any type."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from secateur.backends.base import (
    Applicability,
    Availability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
)
from secateur.backends.price import Price
from secateur.errors import BackendMisbehaved

KINDS = frozenset(
    {"count", "limit", "multiple", "numbers", "linear", "quadratic", "budget", "staircase"}
)
"""Of constraints, as ``Capabilities.native`` names them."""

_TEXT, _OPTIONAL_TEXT = "a text", "a text or None"
_TYPES: dict[type, dict[str, str]] = {
    Capabilities: {
        "max_variables": "a whole number of at least 0, or None",
        "native": f"a set of words among {', '.join(sorted(KINDS))}",
        **dict.fromkeys(
            ("exact", "stochastic", "takes_seed", "takes_time_limit", "takes_start", "metered"),
            "True or False",
        ),
    },
    Availability: {
        "installed": "True or False",
        "licensed": "True, False or None",
        "detail": _TEXT,
        "remedy": _OPTIONAL_TEXT,
    },
    Applicability: {
        "applicable": "True or False",
        "reason": _OPTIONAL_TEXT,
        "remedy": _OPTIONAL_TEXT,
        "seconds": "a number of at least 0, or None",
        "charge_seconds": "a number of at least 0, or None",
        "memory_bytes": "a number of at least 0, or None",
    },
    Price: {
        "solver": _TEXT,
        "variables": "a whole number of at least 0, or None",
        "couplings": "a whole number of at least 0, or None",
        "density": "a number of at least 0, or None",
        "charge_s": "a number of at least 0, or None",
        "minimum_s": "a number of at least 0, or None",
        "time_limit_s": "a number of at least 0, or None",
        "most_variables": "a whole number of at least 0, or None",
        "note": _TEXT,
    },
}


def check_backend(backend: Backend | type[Backend]) -> None:
    """Name, capabilities and options of a backend are what the contract says.

    Raises:
        BackendMisbehaved: one is not.
    """
    name = getattr(backend, "name", None)
    if not isinstance(name, str) or not name:
        kind = backend if isinstance(backend, type) else type(backend)
        raise _wrong(kind.__name__, f"has the name {_short(name)}", "a text")
    options = getattr(backend, "Options", None)
    if not isinstance(options, type) or not issubclass(options, BackendOptions):
        raise _wrong(name, f"has the options {_short(options)}", "a subclass of BackendOptions")
    check_answer(name, getattr(backend, "capabilities", None), Capabilities)


def check_answer(name: str, found: Any, kind: type) -> None:
    """A ``Capabilities``, ``Availability`` or ``Applicability``, with values of the right types.

    Raises:
        BackendMisbehaved: it is something else.
    """
    word = kind.__name__
    if not isinstance(found, kind):
        raise _wrong(name, f"gives {_short(found)} as its {word.lower()}", f"a {word}")
    for field in dataclasses.fields(found):  # type: ignore[arg-type]
        value, wanted = getattr(found, field.name), _TYPES[kind].get(field.name)
        if wanted is not None and not _fits(value, wanted):
            raise _wrong(name, f"says {field.name} = {_short(value)} in its {word}", wanted)


def untrue_fields(solution: Solution) -> Iterator[tuple[str, str, str]]:
    """The fields of a solution that are of another type than the contract's."""
    kinds: dict[str, tuple[type, ...]] = {
        "status": (Status,),
        "stopped": (Stopped,),
        "timings": (Timings,),
        "versions": (Mapping,),
        "options": (Mapping,),
        "raw": (Mapping,),
        "incumbents": (tuple, list),
        "seed": (int, np.integer, type(None)),
        "job_id": (str, type(None)),
        "bound": (int, float, np.number, type(None)),
    }
    for name, wanted in kinds.items():
        value = getattr(solution, name)
        if not isinstance(value, wanted):
            yield name, _short(value), " or ".join(kind.__name__ for kind in wanted)
    if isinstance(solution.timings, Timings):
        for field in dataclasses.fields(Timings):
            value = getattr(solution.timings, field.name)
            if not _fits(value, "a number or None" if field.name != "total" else "a number"):
                yield f"timings.{field.name}", _short(value), "a number of seconds"


def _fits(value: Any, wanted: str) -> bool:
    if value is None:
        return wanted.endswith("None")
    if wanted.startswith("True"):
        return isinstance(value, bool)
    if wanted.startswith("a text"):
        return isinstance(value, str)
    if wanted.startswith("a set"):
        return isinstance(value, (set, frozenset)) and value <= KINDS
    if isinstance(value, bool):
        return False
    if wanted.startswith("a whole"):
        return isinstance(value, numbers.Integral) and int(value) >= 0
    return isinstance(value, numbers.Real) and float(value) >= 0  # False for NaN


def _wrong(name: str, what: str, wanted: str) -> BackendMisbehaved:
    return BackendMisbehaved(
        f"backend {name!r} {what}",
        backend=name,
        remedy=f"it must be {wanted}; report it to who made the backend, and use another",
    )


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # the plugin's own code
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:80]}…"
