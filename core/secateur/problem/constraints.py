"""What users write of the demands of a problem: a function for each thing that is said often.

``z = 1`` means chosen (pruned, where the variables are channels).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace

from secateur.errors import ConstraintError
from secateur.problem.checks import is_whole, labels_of, shown, terms_of
from secateur.problem.kinds import Cardinality, Constraint, Linear, Quadratic, copied

__all__ = [
    "Cardinality",
    "Constraint",
    "Linear",
    "Quadratic",
    "among",
    "at_least",
    "at_most",
    "copied",
    "count",
    "exactly",
    "keep",
    "linear",
    "multiple_of",
    "quadratic",
    "remove",
    "tied",
]

Label = Hashable


def count(number: int, *, name: str = "count") -> Cardinality:
    """Exactly ``number`` of all variables are one.

    Arguments:
        number: of ones.
        name: of the constraint.

    Raises:
        ConstraintError: a number that is none or negative.
    """
    return Cardinality(name, None, number, number)


def at_most(number: int, variables: Iterable[Label], *, name: str | None = None) -> Cardinality:
    """At most ``number`` of these are one: a layer keeps the rest.

    Arguments:
        number: of ones.
        variables: labels.
        name: of the constraint; made of what it says unless given.

    Raises:
        ConstraintError: a label twice, or a number that is none or negative.
    """
    return _among("at most", number, variables, name, upper=number)


def at_least(number: int, variables: Iterable[Label], *, name: str | None = None) -> Cardinality:
    """At least ``number`` of these are one.

    Arguments:
        number: of ones.
        variables: labels.
        name: of the constraint; made of what it says unless given.

    Raises:
        ConstraintError: a label twice, or a number that is none or negative.
    """
    return _among("at least", number, variables, name, lower=number)


def exactly(number: int, variables: Iterable[Label], *, name: str | None = None) -> Cardinality:
    """Exactly ``number`` of these are one.

    Arguments:
        number: of ones.
        variables: labels.
        name: of the constraint; made of what it says unless given.

    Raises:
        ConstraintError: a label twice, or a number that is none or negative.
    """
    return _among("exactly", number, variables, name, lower=number, upper=number)


def multiple_of(
    number: int, variables: Iterable[Label], *, of: str = "ones", name: str | None = None
) -> Cardinality:
    """The number of ones among these is a multiple of ``number``, 0 included.

    Arguments:
        number: 8, 16, ….
        variables: labels.
        of: "ones", or "zeros": then what *stays* is a multiple, as a width in hardware should be.
        name: of the constraint.

    Raises:
        ConstraintError: a label twice, a number below 1, or another word than these two.
    """
    chosen = labels_of(variables)
    if of not in ("ones", "zeros"):
        raise ConstraintError(f"a multiple of {of!r}", remedy='use of="ones" or of="zeros"')
    if not is_whole(number) or number < 1:
        raise ConstraintError(f"a multiple of {number!r}", remedy="give a whole number from 1 up")
    first = len(chosen) % number if of == "zeros" else 0
    return Cardinality(
        name or f"multiple of {number}: {shown(chosen)}", chosen, lower=first, step=number
    )


def among(
    numbers: Iterable[int], variables: Iterable[Label], *, name: str | None = None
) -> Cardinality:
    """The number of ones among these is one of ``numbers``.

    Arguments:
        numbers: of ones that are allowed.
        variables: labels.
        name: of the constraint; made of what it says unless given.

    Raises:
        ConstraintError: a label twice, or no number that is one.
    """
    chosen, listed = labels_of(variables), tuple(numbers)
    first = ", ".join(map(str, listed[:3])) + (", …" if len(listed) > 3 else "")
    return Cardinality(name or f"{first} of {shown(chosen)}", chosen, numbers=listed)


def tied(*variables: Label, name: str | None = None) -> Cardinality:
    """All of these are one, or none is.

    Arguments:
        variables: labels.
        name: of the constraint; made of what it says unless given.

    Raises:
        ConstraintError: a label twice.
    """
    chosen = labels_of(variables)
    return Cardinality(name or f"tied: {shown(chosen)}", chosen, step=max(len(chosen), 1))


def keep(*variables: Label, name: str | None = None) -> Cardinality:
    """None of these is one: they stay.

    Arguments:
        variables: labels.
        name: of the constraint; made of what it says unless given.

    Raises:
        ConstraintError: a label twice.
    """
    chosen = labels_of(variables)
    return Cardinality(name or f"keep: {shown(chosen)}", chosen, upper=0)


def remove(*variables: Label, name: str | None = None) -> Cardinality:
    """All of these are one: they go.

    Arguments:
        variables: labels.
        name: of the constraint; made of what it says unless given.

    Raises:
        ConstraintError: a label twice.
    """
    chosen = labels_of(variables)
    return Cardinality(
        name or f"remove: {shown(chosen)}", chosen, lower=len(chosen), upper=len(chosen)
    )


def linear(
    coefficients: Mapping[Label, float],
    *,
    lower: float = -math.inf,
    upper: float = math.inf,
    name: str | None = None,
) -> Linear:
    """``lower <= Σ coefficients·z <= upper``: memory, time, or any other sum.

    Arguments:
        coefficients: by label.
        lower: or minus infinity.
        upper: or infinity.
        name: of the constraint; made of what it says unless given.

    Raises:
        ConstraintError: as ``Linear``.
    """
    terms = terms_of(name or "linear", coefficients)
    name = name or f"linear: {shown(tuple(terms))}"
    return Linear(name, terms, lower, upper)


def quadratic(
    linear: Mapping[Label, float],
    quadratic: Mapping[tuple[Label, Label], float],
    *,
    offset: float = 0.0,
    lower: float = -math.inf,
    upper: float = math.inf,
    name: str | None = None,
) -> Quadratic:
    """``lower <= offset + Σ linear·z + Σ quadratic·z·z <= upper``: a bilinear cost.

    A pair that is given in both orders adds up.

    Arguments:
        linear: by label.
        quadratic: by pair of labels.
        offset: of the form.
        lower: or minus infinity.
        upper: or infinity.
        name: of the constraint; made of what it says unless given.

    Raises:
        ConstraintError: as ``Quadratic``.
    """
    pairs: dict[tuple[Label, Label], float] = {}
    for pair, value in terms_of(name or "quadratic", quadratic).items():
        turned = pair[::-1] if isinstance(pair, tuple) else pair
        key = turned if turned in pairs else pair
        pairs[key] = pairs.get(key, 0.0) + value
    made = Quadratic(name or "quadratic", linear, pairs, offset, lower, upper)
    return made if name else replace(made, name=f"quadratic: {shown(made.labels())}")


def _among(
    words: str,
    number: int,
    variables: Iterable[Label],
    name: str | None,
    *,
    lower: int = 0,
    upper: int | None = None,
) -> Cardinality:
    chosen = labels_of(variables)
    return Cardinality(name or f"{words} {number}: {shown(chosen)}", chosen, lower, upper)
