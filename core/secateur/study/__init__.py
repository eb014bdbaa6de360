"""Studies: many cells, stored as they end, compared so that a referee accepts it.

::

    study file (spec/)  →  cells  →  engine  →  store, one row a cell
                                                  ↓
                                     statistics/  →  report/, export/

From Python::

    from secateur.study import analyse, open_store

    with open_store("study.db") as store:
        analysis = analyse(store.rows("My first study"))

Names are loaded when they are first used: some need the extra ``secateur[study]``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from secateur.extras import needed_by

if TYPE_CHECKING:
    from secateur.study.cell import Cell, Study
    from secateur.study.report.writing import write_report
    from secateur.study.row import Row, State
    from secateur.study.running import run_study
    from secateur.study.spec import load_study
    from secateur.study.statistics import Analysis, analyse
    from secateur.study.store import Store, open_store

_HOME = {
    "Analysis": "statistics",
    "Cell": "cell",
    "Row": "row",
    "State": "row",
    "Store": "store",
    "Study": "cell",
    "analyse": "statistics",
    "load_study": "spec",
    "open_store": "store",
    "run_study": "running",
    "write_report": "report.writing",
}

__all__ = [
    "Analysis",
    "Cell",
    "Row",
    "State",
    "Store",
    "Study",
    "analyse",
    "load_study",
    "open_store",
    "run_study",
    "write_report",
]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        with needed_by(f"secateur.study.{name}", "study"):
            return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
