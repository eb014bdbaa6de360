"""Packages that take long to import, loaded when something of them is first used.

``secateur backends`` imports the module of every backend, and uses dimod in none of them; dimod
with what it imports takes longer than all the rest. ``from secateur.lazy import dimod`` stands for
``import dimod``, in modules that use it inside functions and in annotations only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any


class _Lazy:
    """Stands for a module."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


if TYPE_CHECKING:
    import dimod as dimod
    import torch as torch
else:
    dimod, torch = _Lazy("dimod"), _Lazy("torch")
