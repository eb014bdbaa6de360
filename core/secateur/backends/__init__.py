"""The contract of a backend; see ``secateur.backends.base``. Imported name by name, when used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secateur.backends.base import (
        Applicability,
        Availability,
        Backend,
        Capabilities,
        Solution,
        Status,
        Stopped,
        Timings,
    )
    from secateur.backends.options import BackendOptions, make_options, option

_HOME = {
    "Applicability": "base",
    "Availability": "base",
    "Backend": "base",
    "BackendOptions": "options",
    "Capabilities": "base",
    "Solution": "base",
    "Status": "base",
    "Stopped": "base",
    "Timings": "base",
    "make_options": "options",
    "option": "options",
}

__all__ = [
    "Applicability",
    "Availability",
    "Backend",
    "BackendOptions",
    "Capabilities",
    "Solution",
    "Status",
    "Stopped",
    "Timings",
    "make_options",
    "option",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
