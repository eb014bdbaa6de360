"""What a problem may demand beside its energy: one idea, three classes.

- ``Cardinality``: how many of some variables are one. A count, a limit, a multiple, tied, kept and
  removed variables are all of this kind.
- ``Linear``: a weighted sum of variables lies between two numbers.
- ``Quadratic``: a quadratic form of the variables lies between two numbers, as the parameters or
  MACs of a network do, which are bilinear in the channels of neighbouring layers.

``z = 1`` means chosen (pruned, where the variables are channels).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from secateur.errors import ConstraintError
from secateur.problem.checks import is_whole, labels_of, settle_bounds, terms_of

Label = Hashable
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Constraint:
    """What all kinds have: a name, under which messages and answers speak of it.

    Attributes:
        kind: "count", "limit", "multiple", "numbers", "linear", "quadratic", "budget" or
            "staircase": what a backend declares in ``Capabilities.native``.
    """

    name: str

    @property
    def kind(self) -> str:
        """The kind that a backend must take to be handed it."""
        raise NotImplementedError

    def labels(self) -> tuple[Label, ...]:
        """The variables that it names, each once; none where it is about all of them."""
        raise NotImplementedError


@dataclass(frozen=True)
class Cardinality(Constraint):
    """The number of ones among some variables is ``lower``, ``lower + step``, …, ``upper``.

    Or one of ``numbers``, where the steps are not even.

    Arguments:
        name: of the constraint.
        variables: labels, each once; None: all variables of the problem.
        lower: the smallest number of ones.
        upper: the largest, or None: as many as there are variables.
        step: between two numbers that are allowed.
        numbers: all that are allowed, ascending, instead of the three; None: they say it.

    Raises:
        ConstraintError: a label twice, bounds that are negative or crossed, a step below 1, or
            numbers that are none.
    """

    variables: tuple[Label, ...] | None = None
    lower: int = 0
    upper: int | None = None
    step: int = 1
    numbers: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.numbers is not None:
            self._settle_numbers(self.numbers)
        for what, value in (("lower", self.lower), ("upper", self.upper), ("step", self.step)):
            if value is not None and not is_whole(value):
                raise ConstraintError(
                    f"the constraint {self.name!r} has the {what} {value!r}",
                    remedy="give a whole number",
                )
        object.__setattr__(self, "lower", int(self.lower))
        object.__setattr__(self, "upper", None if self.upper is None else int(self.upper))
        object.__setattr__(self, "step", int(self.step))
        if self.variables is not None:
            object.__setattr__(self, "variables", labels_of(self.variables))
        if self.lower < 0 or self.step < 1 or (self.upper is not None and self.upper < self.lower):
            raise ConstraintError(
                f"the constraint {self.name!r} wants {self.lower} to {self.upper} ones in steps of "
                f"{self.step}",
                remedy="give 0 <= lower <= upper, and a step of at least 1",
            )
        if self.variables is not None and len(set(self.variables)) < len(self.variables):
            raise ConstraintError(
                f"the constraint {self.name!r} names a variable twice", remedy="name each once"
            )

    def _settle_numbers(self, numbers: tuple[int, ...]) -> None:
        numbers = tuple(numbers)
        if not numbers or any(not is_whole(number) or number < 0 for number in numbers):
            raise ConstraintError(
                f"the constraint {self.name!r} allows the numbers {numbers!r}",
                remedy="give whole numbers from 0 up, one at least",
            )
        numbers = tuple(sorted({int(number) for number in numbers}))
        steps = {b - a for a, b in itertools.pairwise(numbers)}
        object.__setattr__(self, "lower", numbers[0])
        object.__setattr__(self, "upper", numbers[-1])
        object.__setattr__(self, "step", steps.pop() if len(steps) == 1 else 1)
        object.__setattr__(self, "numbers", numbers if steps else None)

    @property
    def kind(self) -> str:
        """ "count", "limit", "multiple" or "numbers"."""
        if self.numbers is not None:
            return "numbers"
        if self.variables is None and self.upper == self.lower:
            return "count"
        return "limit" if self.step == 1 else "multiple"

    def labels(self) -> tuple[Label, ...]:
        """The variables that it names."""
        return self.variables or ()

    def allowed(self, size: int) -> NDArray[np.bool_]:
        """Which numbers of ones among ``size`` variables it allows, shape ``(size + 1,)``."""
        made = np.zeros(size + 1, dtype=bool)
        if self.numbers is not None:
            made[[number for number in self.numbers if number <= size]] = True
            return made
        most = size if self.upper is None else min(self.upper, size)
        made[self.lower : most + 1 : self.step] = True  # a slice may begin and step beyond C's ints
        return made


@dataclass(frozen=True)
class Linear(Constraint):
    """``lower <= Σ coefficients·z <= upper``.

    Arguments:
        name: of the constraint.
        coefficients: by label.
        lower: or minus infinity.
        upper: or infinity.

    Raises:
        ConstraintError: a number that is NaN, a coefficient that is not finite, crossed bounds, or
            no bound at all.
    """

    coefficients: Mapping[Label, float] = field(default_factory=dict)
    lower: float = -math.inf
    upper: float = math.inf

    def __post_init__(self) -> None:
        settle_bounds(self)
        # a copy: what the caller does to a mapping afterwards changes no constraint
        object.__setattr__(self, "coefficients", terms_of(self.name, self.coefficients))

    def __hash__(self) -> int:
        return hash((self.name, frozenset(self.coefficients.items()), self.lower, self.upper))

    @property
    def kind(self) -> str:
        """ "linear"."""
        return "linear"

    def labels(self) -> tuple[Label, ...]:
        """The variables that it names."""
        return tuple(self.coefficients)


@dataclass(frozen=True)
class Quadratic(Constraint):
    """``lower <= offset + Σ linear·z + Σ quadratic·z·z <= upper``: a budget on a bilinear cost.

    Arguments:
        name: of the constraint.
        linear: by label.
        quadratic: by pair of labels.
        offset: of the form.
        lower: or minus infinity.
        upper: or infinity.

    Raises:
        ConstraintError: as ``Linear``; or a pair of one variable with itself.
    """

    linear: Mapping[Label, float] = field(default_factory=dict)
    quadratic: Mapping[tuple[Label, Label], float] = field(default_factory=dict)
    offset: float = 0.0
    lower: float = -math.inf
    upper: float = math.inf

    def __post_init__(self) -> None:
        settle_bounds(self)
        offset = terms_of(self.name, {"the offset": self.offset})["the offset"]
        object.__setattr__(self, "offset", offset)
        object.__setattr__(self, "linear", terms_of(self.name, self.linear))
        object.__setattr__(self, "quadratic", terms_of(self.name, self.quadratic))
        for pair in self.quadratic:
            if not isinstance(pair, tuple) or len(pair) != 2 or pair[0] == pair[1]:
                raise ConstraintError(
                    f"the constraint {self.name!r} couples {pair!r}",
                    remedy="a pair is a tuple of two different variables; z·z = z is a linear term",
                )

    def __hash__(self) -> int:
        terms = frozenset(self.linear.items()), frozenset(self.quadratic.items())
        return hash((self.name, *terms, self.offset, self.lower, self.upper))

    @property
    def kind(self) -> str:
        """ "quadratic"."""
        return "quadratic"

    def labels(self) -> tuple[Label, ...]:
        """The variables that it names."""
        seen = dict.fromkeys(self.linear)
        for first, second in self.quadratic:
            seen.setdefault(first)
            seen.setdefault(second)
        return tuple(seen)


def copied(constraint: Constraint) -> Constraint:
    """The same, with mappings of its own."""
    if isinstance(constraint, Linear):
        return replace(constraint, coefficients=dict(constraint.coefficients))
    if isinstance(constraint, Quadratic):
        pairs = dict(constraint.quadratic)
        return replace(constraint, linear=dict(constraint.linear), quadratic=pairs)
    return replace(constraint)
