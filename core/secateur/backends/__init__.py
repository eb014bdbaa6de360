"""The contract of a backend; see ``secateur.backends.base``. Imported name by name, when used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from secateur.options import option

_HOME = {
    "Applicability": "backends.base",
    "Availability": "backends.base",
    "Backend": "backends.base",
    "BackendOptions": "backends.base",
    "Capabilities": "backends.base",
    "Price": "backends.price",
    "Solution": "backends.base",
    "Status": "backends.base",
    "Stopped": "backends.base",
    "Timings": "backends.base",
    "option": "options",
}

__all__ = [
    "Applicability",
    "Availability",
    "Backend",
    "BackendOptions",
    "Capabilities",
    "Price",
    "Solution",
    "Status",
    "Stopped",
    "Timings",
    "option",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"secateur.{_HOME[name]}"), name)
