"""Studies: many cells, stored as they end, compared so that a referee accepts it.

::

    study file (spec/)  →  cells  →  engine  →  store, one row a cell
                                                  ↓
                                     statistics/  →  report/, export/
"""

from __future__ import annotations

from secateur.study.row import Row, State

__all__ = ["Row", "State"]
