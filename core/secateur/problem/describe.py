"""Constraints as data that JSON can hold, and back: what ``--json`` and saved results carry."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from secateur.errors import ConstraintError
from secateur.problem.budgets import Budget
from secateur.problem.constraints import Cardinality, Constraint, Linear, Quadratic

Label = Hashable


def describe_constraints(constraints: Iterable[Constraint]) -> list[dict[str, Any]]:
    """Each constraint as JSON-safe data; a missing bound is None, a tuple of a label a list.

    Raises:
        ConstraintError: a label that is no text, number or tuple of those.
    """
    return [_described(constraint) for constraint in constraints]


def restore_constraints(data: Iterable[Mapping[str, Any]]) -> tuple[Constraint, ...]:
    """The constraints that ``describe_constraints`` described, also after JSON.

    Raises:
        ConstraintError: the data are not of this kind.
    """
    made = []
    for number, item in enumerate(data, start=1):
        try:
            made.append(_restored(item))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConstraintError(
                f"constraint {number} of the data is not as describe_constraints writes it "
                f"({type(error).__name__}: {error})",
                remedy="write it again",
            ) from error
    return tuple(made)


def _described(constraint: Constraint) -> dict[str, Any]:
    if isinstance(constraint, Cardinality):
        variables = constraint.variables
        return {
            "type": "cardinality",
            "name": constraint.name,
            "variables": None if variables is None else [_plain(v) for v in variables],
            "lower": constraint.lower,
            "upper": constraint.upper,
            "step": constraint.step,
            **({} if constraint.numbers is None else {"numbers": list(constraint.numbers)}),
        }
    if isinstance(constraint, Budget):
        return {
            "type": "budget",
            "name": constraint.name,
            "groups": [[_plain(label) for label in group] for group in constraint.groups],
            "linear": list(constraint.linear),
            "pairs": [[g, h, value] for (g, h), value in constraint.pairs.items()],
            "fixed": constraint.fixed,
            "upper": constraint.upper,
            "widths": [[g, list(table)] for g, table in constraint.widths.items()],
        }
    assert isinstance(constraint, (Linear, Quadratic))
    about = {
        "name": constraint.name,
        "lower": _bound(constraint.lower),
        "upper": _bound(constraint.upper),
    }
    if isinstance(constraint, Linear):
        terms = [[_plain(label), value] for label, value in constraint.coefficients.items()]
        return {"type": "linear", "coefficients": terms, **about}
    return {
        "type": "quadratic",
        "linear": [[_plain(label), value] for label, value in constraint.linear.items()],
        "quadratic": [
            [_plain(first), _plain(second), value]
            for (first, second), value in constraint.quadratic.items()
        ],
        "offset": constraint.offset,
        **about,
    }


def _restored(item: Mapping[str, Any]) -> Constraint:
    if item["type"] == "cardinality":
        variables = item["variables"]
        return Cardinality(
            item["name"],
            None if variables is None else tuple(_label(v) for v in variables),
            item["lower"],
            item["upper"],
            item["step"],
            tuple(item["numbers"]) if "numbers" in item else None,
        )
    if item["type"] == "budget":
        return Budget(
            item["name"],
            tuple(tuple(_label(v) for v in group) for group in item["groups"]),
            tuple(item["linear"]),
            {(g, h): value for g, h, value in item["pairs"]},
            item["fixed"],
            item["upper"],
            {g: tuple(table) for g, table in item["widths"]},
        )
    lower = -math.inf if item["lower"] is None else item["lower"]
    upper = math.inf if item["upper"] is None else item["upper"]
    if item["type"] == "linear":
        terms = {_label(label): value for label, value in item["coefficients"]}
        return Linear(item["name"], terms, lower, upper)
    if item["type"] != "quadratic":
        raise ValueError(f"the type {item['type']!r}")
    ones = {_label(label): value for label, value in item["linear"]}
    pairs = {(_label(a), _label(b)): value for a, b, value in item["quadratic"]}
    return Quadratic(item["name"], ones, pairs, item["offset"], lower, upper)


def _bound(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(label: Label) -> Any:
    if isinstance(label, np.generic):
        label = label.item()
    if label is None or isinstance(label, (bool, str, int)):
        return label
    if isinstance(label, float) and math.isfinite(label):
        return label
    if isinstance(label, tuple):
        return [_plain(part) for part in label]
    raise ConstraintError(
        f"the label {label!r} is no text, number or tuple of those",
        remedy="relabel: bqm.relabel_variables({…})",
    )


def _label(value: Any) -> Label:
    label: Label = tuple(_label(part) for part in value) if isinstance(value, list) else value
    return label
