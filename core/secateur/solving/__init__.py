"""Strategies over any backend: exactly what was asked, with a bound.

``secateur.solve`` is the whole of it for users; ``Selection`` is its answer.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secateur.solving.api import solve
    from secateur.solving.names import AUTO, CONTROL
    from secateur.solving.quoting import Quote, quote
    from secateur.solving.selection import Selection
    from secateur.solving.solvers import load_solver

_HOME = {
    "AUTO": "names",
    "CONTROL": "names",
    "Quote": "quoting",
    "Selection": "selection",
    "load_solver": "solvers",
    "quote": "quoting",
    "solve": "api",
}

__all__ = ["AUTO", "CONTROL", "Quote", "Selection", "load_solver", "quote", "solve"]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
