"""Recovery without labels: the smaller network learns to give what the dense one gives.

Names are loaded when they are first used: a recovery's options are told without PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secateur.recover.base import Recovery
    from secateur.recover.distil import Distil
    from secateur.recover.registry import RecoveryLike, recovery_class, resolve_recovery
    from secateur.recover.run import Recovered, recover
    from secateur.recover.work import Work

_HOME = {
    "Distil": "distil",
    "Recovered": "run",
    "Recovery": "base",
    "RecoveryLike": "registry",
    "Work": "work",
    "recover": "run",
    "recovery_class": "registry",
    "resolve_recovery": "registry",
}

__all__ = [
    "Distil",
    "Recovered",
    "Recovery",
    "RecoveryLike",
    "Work",
    "recover",
    "recovery_class",
    "resolve_recovery",
]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
