"""What is to be minimised, and what may be demanded of the answer.

::

    from secateur.problem import Problem, at_most, count, keep

    problem = Problem(bqm, [count(36), at_most(8, first_layer), keep("stem:0")])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secateur.problem.budgets import Budget, budget
    from secateur.problem.constraints import (
        Cardinality,
        Constraint,
        Linear,
        Quadratic,
        among,
        at_least,
        at_most,
        count,
        exactly,
        keep,
        linear,
        multiple_of,
        quadratic,
        remove,
        tied,
    )
    from secateur.problem.model import Problem
    from secateur.problem.toml import read_constraints

_HOME = {
    "Budget": "budgets",
    "Cardinality": "constraints",
    "Constraint": "constraints",
    "Linear": "constraints",
    "Problem": "model",
    "Quadratic": "constraints",
    "among": "constraints",
    "at_least": "constraints",
    "at_most": "constraints",
    "budget": "budgets",
    "count": "constraints",
    "exactly": "constraints",
    "keep": "constraints",
    "linear": "constraints",
    "multiple_of": "constraints",
    "quadratic": "constraints",
    "read_constraints": "toml",
    "remove": "constraints",
    "tied": "constraints",
}

__all__ = [
    "Budget",
    "Cardinality",
    "Constraint",
    "Linear",
    "Problem",
    "Quadratic",
    "among",
    "at_least",
    "at_most",
    "budget",
    "count",
    "exactly",
    "keep",
    "linear",
    "multiple_of",
    "quadratic",
    "read_constraints",
    "remove",
    "tied",
]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
