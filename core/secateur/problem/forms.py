"""Quadratic forms over binaries, and the plainest constraint that one at a bound is."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from secateur.problem.constraints import (
    Cardinality,
    Constraint,
    Linear,
    Quadratic,
    at_least,
    at_most,
    count,
    exactly,
    tied,
)

Label = Hashable
CLOSE = 1e-9
"""Below this, relative to the numbers that it comes from, a difference is rounding."""


@dataclass(frozen=True)
class Form:
    """``offset + Σ linear·z + Σ quadratic·z·z`` over binaries; zeros are left out."""

    linear: Mapping[Label, float]
    quadratic: Mapping[tuple[Label, Label], float]
    offset: float


def form_of(expression: Any, shifts: Mapping[Label, tuple[float, float]]) -> Form:
    """An expression of dimod over binaries.

    Arguments:
        expression: a quadratic model, or a part of a constrained one.
        shifts: factor and summand that make each variable from a binary.
    """
    linear: dict[Label, float] = {}
    pairs: dict[tuple[Label, Label], float] = {}
    offset = float(expression.offset)

    def add(label: Label, value: float) -> None:
        linear[label] = linear.get(label, 0.0) + value

    for label, bias in expression.linear.items():
        factor, summand = shifts[label]
        add(label, factor * float(bias))
        offset += summand * float(bias)
    for (a, b), raw in expression.quadratic.items():
        bias = float(raw)
        (fa, sa), (fb, sb) = shifts[a], shifts[b]
        if a == b:  # an integer's square, and z·z = z
            add(a, bias)
            continue
        pairs[a, b] = pairs.get((a, b), 0.0) + bias * fa * fb
        add(a, bias * fa * sb)
        add(b, bias * fb * sa)
        offset += bias * sa * sb
    return Form(
        {label: value for label, value in linear.items() if value},
        {pair: value for pair, value in pairs.items() if value},
        offset,
    )


def plainest(name: str, form: Form, sense: str, bound: float, n: int) -> Constraint:
    """``form`` (sense) ``bound``, as the plainest kind that says the same.

    Arguments:
        name: of the constraint.
        form: over binaries.
        sense: "==", "<=" or ">=".
        bound: the right-hand side.
        n: how many variables the problem has; a sum over all of them is its count.
    """
    if form.quadratic:
        lower, upper = _interval(sense, bound)
        return Quadratic(name, form.linear, form.quadratic, form.offset, lower, upper)
    bound -= form.offset
    made = _as_cardinality(name, form.linear, sense, bound, n)
    return made or Linear(name, form.linear, *_interval(sense, bound))


def _as_cardinality(
    name: str, terms: Mapping[Label, float], sense: str, bound: float, n: int
) -> Cardinality | None:
    labels, values = tuple(terms), tuple(terms.values())
    if len(values) == 2 and values[0] == -values[1] and sense == "==" and bound == 0.0:
        return tied(*labels, name=name)
    if not values or any(value != values[0] for value in values) or not math.isfinite(bound):
        return None
    ones = bound / values[0]
    if values[0] < 0.0:
        sense = {"<=": ">=", ">=": "<="}.get(sense, sense)
    room = CLOSE * max(1.0, abs(ones))
    if sense == "<=":
        most = math.floor(ones + room)
        return at_most(min(most, len(labels)), labels, name=name) if most >= 0 else None
    if sense == ">=":
        return at_least(max(math.ceil(ones - room), 0), labels, name=name)
    if abs(ones - round(ones)) > room or ones < -room:
        return None  # nothing keeps it; as a sum, that is plain to see
    number = max(round(ones), 0)
    return count(number, name=name) if len(labels) == n else exactly(number, labels, name=name)


def _interval(sense: str, bound: float) -> tuple[float, float]:
    return (
        -math.inf if sense == "<=" else bound,
        math.inf if sense == ">=" else bound,
    )


def square_root(form: Form) -> Form | None:
    """The linear form whose square, but for a factor, this one is; None if there is none.

    f = s·(Σ r·z - κ)² has the products 2·s·r_i·r_j, the linear terms s·(r_i² - 2κ·r_i) and the
    offset s·κ². With r = 1 for the first variable, s is found from its linear term, all else from
    its products; then every coefficient is compared.
    """
    if not form.quadratic or form.offset < 0.0:
        return None
    labels = list(dict.fromkeys(label for pair in form.quadratic for label in pair))
    pivot = labels[0]
    pairs = {frozenset(pair): value for pair, value in form.quadratic.items()}
    size = max(map(abs, (*form.linear.values(), *pairs.values(), form.offset)))
    k = math.sqrt(form.offset)
    under = form.offset + form.linear.get(pivot, 0.0)
    if under < -CLOSE * size:
        return None
    for sign in (1.0, -1.0):
        w = k + sign * math.sqrt(max(under, 0.0))  # the pivot's coefficient, of √s·(Σ r·z - κ)
        if abs(w) <= math.sqrt(CLOSE * size):
            continue
        s = w * w
        ratios = {label: pairs.get(frozenset((pivot, label)), 0.0) / (2.0 * s) for label in labels}
        ratios[pivot] = 1.0
        ratios = {label: _whole(value) for label, value in ratios.items()}
        kappa = _whole(k / w)
        if _is_square(form, pairs, s, ratios, kappa, CLOSE * size):
            return Form(ratios, {}, -kappa)
    return None


def _is_square(
    form: Form,
    pairs: Mapping[frozenset[Label], float],
    s: float,
    ratios: Mapping[Label, float],
    kappa: float,
    room: float,
) -> bool:
    if set(form.linear) - set(ratios) or abs(s * kappa * kappa - form.offset) > room:
        return False
    labels = list(ratios)
    for i, a in enumerate(labels):
        if abs(s * ratios[a] * (ratios[a] - 2.0 * kappa) - form.linear.get(a, 0.0)) > room:
            return False
        for b in labels[i + 1 :]:
            wanted = pairs.get(frozenset((a, b)), 0.0)
            if abs(2.0 * s * ratios[a] * ratios[b] - wanted) > room:
                return False
    return True


def _whole(value: float) -> float:
    """The value, freed of rounding if it is a whole number."""
    near = float(round(value))
    return near if abs(value - near) <= CLOSE * max(1.0, abs(value)) else value
