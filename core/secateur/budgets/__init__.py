"""How much of a network may stay: budgets on parameters, multiply-accumulates and measured time."""

from __future__ import annotations

from secateur.budgets.demands import budget_constraints, check_budget, check_widths
from secateur.budgets.features import Features, features_of
from secateur.budgets.step import measure_step, step_of
from secateur.budgets.time import Plan, TimeModel, meet, random_masks

__all__ = [
    "Features",
    "Plan",
    "TimeModel",
    "budget_constraints",
    "check_budget",
    "check_widths",
    "features_of",
    "measure_step",
    "meet",
    "random_masks",
    "step_of",
]
