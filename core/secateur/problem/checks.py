"""What every constraint checks of the numbers and labels that it is given."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from secateur.errors import ConstraintError

Label = Hashable
Key = TypeVar("Key", bound=Hashable)


def labels_of(variables: Iterable[Label]) -> tuple[Label, ...]:
    """Labels, where a list of them was given."""
    if isinstance(variables, str):
        raise ConstraintError(
            f"the variables are the text {variables!r}",
            remedy="give a list of labels; one label is a list of one",
        )
    try:
        labels = tuple(variables)
        set(labels)
    except TypeError as error:
        raise ConstraintError(
            f"the variables are {variables!r}: {error}",
            remedy="at_most(2, labels) takes a list of labels, and tied(*labels) one by one",
        ) from error
    return labels


def shown(labels: tuple[Label, ...]) -> str:
    """The first of some labels, for a name."""
    first = ", ".join(str(label) for label in labels[:2])
    return first + (f", … ({len(labels)})" if len(labels) > 2 else "")


def is_whole(value: Any) -> bool:
    """It is a whole number."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def number_of(name: str, value: Any, what: str) -> float:
    """A number as a float."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise ConstraintError(
            f"the constraint {name!r} has {what} {value!r}", remedy="give a number"
        )
    return float(value)


def settle_bounds(constraint: Any) -> None:
    """Bounds as floats that a value can lie between."""
    name = constraint.name
    lower = number_of(name, constraint.lower, "the lower bound")
    upper = number_of(name, constraint.upper, "the upper bound")
    if not lower <= upper or lower == math.inf or upper == -math.inf:
        raise ConstraintError(
            f"the constraint {name!r} wants {lower} to {upper}",
            remedy="give lower <= upper",
        )
    if math.isinf(lower) and math.isinf(upper):
        raise ConstraintError(
            f"the constraint {name!r} has no bound", remedy="give lower=, upper= or both"
        )
    object.__setattr__(constraint, "lower", lower)
    object.__setattr__(constraint, "upper", upper)


def terms_of(name: str, values: Mapping[Key, float]) -> dict[Key, float]:
    """Coefficients as finite floats."""
    if not isinstance(values, Mapping):
        raise ConstraintError(
            f"the constraint {name!r} has the coefficients {values!r}",
            remedy="give a mapping from label to coefficient",
        )
    made = {key: number_of(name, value, f"for {key!r}") for key, value in values.items()}
    for key, value in made.items():
        if not math.isfinite(value):
            raise ConstraintError(
                f"the constraint {name!r} has the coefficient {value} for {key!r}",
                remedy="give finite numbers",
            )
    return made
