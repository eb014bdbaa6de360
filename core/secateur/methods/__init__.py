"""What a user asks for, declared once: how to measure, what is wanted, by which methods.

Importing it needs no PyTorch; names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secateur.methods.measuring import Measuring
    from secateur.methods.method import RANDOM, Method, as_method, standard_methods
    from secateur.methods.resolved import Resolved, resolve
    from secateur.methods.wanted import Wanted

_HOME = {
    "RANDOM": "method",
    "Measuring": "measuring",
    "Method": "method",
    "Resolved": "resolved",
    "Wanted": "wanted",
    "as_method": "method",
    "resolve": "resolved",
    "standard_methods": "method",
}

__all__ = [
    "RANDOM",
    "Measuring",
    "Method",
    "Resolved",
    "Wanted",
    "as_method",
    "resolve",
    "standard_methods",
]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
