"""What of a method can be tuned: from its backend's declarations, or as the study's file says."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secateur.backends.base import Backend
from secateur.errors import SecateurError
from secateur.solving.chosen import ANNEALING
from secateur.solving.names import AUTO, CONTROL
from secateur.solving.solvers import as_solver
from secateur.study.cell import StudyMethod
from secateur.study.spec.naming import owner_and_name
from secateur.typed import alternatives

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

WIDE = 100.0
"""From this ratio of its ends a range is searched by orders of magnitude."""
DECADES = 100.0
"""A declared range that is wider than the square of this is searched so far from the default."""
NOT_TUNED = frozenset({"seed", "time_limit", "workers", "threads", "max_calls", "again"})
"""What is the study's to give, what the machine has, and what costs money."""


@dataclass(frozen=True)
class Dimension:
    """An option and what it may be.

    Arguments:
        name: of the option.
        low: the smallest value; None where there are choices.
        high: the largest value.
        whole: it is a whole number.
        choices: the only values; empty for a range.
    """

    name: str
    low: float | None = None
    high: float | None = None
    whole: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def log(self) -> bool:
        """Whether it is searched by orders of magnitude: its ends are more than 100 times apart."""
        low, high = self.low or 0.0, self.high or 0.0
        return low > 0 and high / low > WIDE

    def holds(self, value: Any) -> bool:
        """Whether a value is within."""
        if self.choices:
            return value in self.choices
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and (self.low or 0) <= value <= (self.high or 0)

    def distribution(self) -> BaseDistribution:
        """The same in Optuna's words."""
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        if self.choices:
            return CategoricalDistribution(list(self.choices))
        assert self.low is not None
        assert self.high is not None
        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        if self.choices:
            return {"choices": list(self.choices)}
        return {"from": self.low, "to": self.high, "log": self.log}


def search_space(
    method: StudyMethod, spaces: Mapping[str, Mapping[str, Any]]
) -> tuple[Dimension, ...]:
    """What of a method is tuned.

    As ``[tune.space.NAME]`` says, NAME the method's or its backend's; else every declared number
    with two ends and every choice, but for seeds, time limits, secrets, threads and what the study
    gives the method itself.

    Arguments:
        method: of the study.
        spaces: by name, for each option its ends ``{"from": …, "to": …}`` or a list of choices.
    """
    solver = _solver(method.backend)
    if solver is None:
        return ()
    told = spaces.get(method.name, spaces.get(method.backend))
    if told is not None:
        return tuple(_told(solver, name, value) for name, value in told.items())
    found = (_declared(field, hint) for field, hint in _fields(solver))
    return tuple(one for one in found if one is not None and one.name not in method.options)


def _solver(name: str) -> Backend | None:
    """Whose options a method takes; None: it has none, or cannot be used here."""
    if name == CONTROL:
        return None
    try:
        return as_solver(ANNEALING if name == AUTO else name)
    except SecateurError:
        return None


def _fields(solver: Any) -> Sequence[tuple[dataclasses.Field[Any], Any]]:
    hints = typing.get_type_hints(solver.Options)
    return [(field, hints[field.name]) for field in dataclasses.fields(solver.Options)]


def _told(solver: Backend, name: str, value: Any) -> Dimension:
    """As a file says it; a whole number where the option is declared as one."""
    if not isinstance(value, Mapping):
        return Dimension(name, choices=tuple(value))
    owner, plain = owner_and_name(solver, name)
    kinds = {field.name: _kinds(hint) for field, hint in _fields(owner)}.get(plain, ())
    whole = int in kinds and float not in kinds
    return Dimension(name, float(value["from"]), float(value["to"]), whole)


def _kinds(hint: Any) -> tuple[Any, ...]:
    return tuple(one for one in alternatives(hint) if one is not type(None))


def _declared(field: dataclasses.Field[Any], hint: Any) -> Dimension | None:
    """As a backend declares it; None: it is not to be tuned."""
    about = field.metadata
    if field.name in NOT_TUNED or about.get("secret") or about.get("unit") == "s":
        return None
    kinds = _kinds(hint)
    if about.get("choices"):
        return Dimension(field.name, choices=tuple(about["choices"]))
    if kinds == (bool,):
        return Dimension(field.name, choices=(False, True))
    if len(kinds) == 1 and typing.get_origin(kinds[0]) is typing.Literal:
        return Dimension(field.name, choices=typing.get_args(kinds[0]))
    least, most = about.get("least"), about.get("most")
    if kinds not in ((int,), (float,)) or least is None or most is None or least >= most:
        return None
    middle = _positive(field.default)
    if most > DECADES**2 * (least or middle or 1):
        if middle is None:
            return None  # wider than can be searched, and nothing says where
        least, most = max(least, middle / DECADES), min(most, middle * DECADES)
        least = max(least, 1) if kinds == (int,) else least
    return Dimension(field.name, float(least), float(most), kinds == (int,))


def _positive(value: Any) -> float | None:
    """A default that a range can be laid around."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and value > 0 else None
