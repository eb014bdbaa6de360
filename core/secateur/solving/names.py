"""Names that mean a strategy and no backend."""

from __future__ import annotations

from secateur.backends.reserved import AUTO, BLOCKS, CONTROL, DECOMPOSE

__all__ = ["AUTO", "BLOCKS", "CONTROL", "DECOMPOSE"]
