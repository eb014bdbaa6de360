"""The contract of a backend, and what a stranger needs beside it; each imported when used."""

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
    from secateur.backends.call import run
    from secateur.backends.price import Price
    from secateur.backends.randomness import preserved_global_rng
    from secateur.backends.registry import load_backend
    from secateur.backends.wrapped import wrap
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
    "load_backend": "backends.registry",
    "option": "options",
    "preserved_global_rng": "backends.randomness",
    "run": "backends.call",
    "wrap": "backends.wrapped",
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
    "load_backend",
    "option",
    "preserved_global_rng",
    "run",
    "wrap",
]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"secateur.{_HOME[name]}"), name)
