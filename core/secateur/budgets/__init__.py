"""How much of a network may stay: budgets on parameters, multiply-accumulates and measured time."""

from __future__ import annotations

from secateur.budgets.demands import budget_constraints

__all__ = ["budget_constraints"]
