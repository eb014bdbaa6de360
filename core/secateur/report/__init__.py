"""What is shown and kept of a result: columns, tables, the folder, the figure.

Columns, tables and the trying of outputs need no PyTorch; ``save_result`` does, and only drawing
imports matplotlib. Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secateur.report.columns import Column
    from secateur.report.folder import save_or_rescue, save_result
    from secateur.report.output import try_output

_HOMES = {
    "Column": "columns",
    "save_or_rescue": "folder",
    "save_result": "folder",
    "try_output": "output",
}

__all__ = ["Column", "save_or_rescue", "save_result", "try_output"]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'secateur.report' has no attribute {name!r}")
        value = getattr(importlib.import_module(f"secateur.report.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
