"""Refiners made of what is no class of ours: anything with ``search(state, seed)``, a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from secateur.options import make_options
from secateur.refine.base import Refiner
from secateur.refine.search import Search
from secateur.signatures import stage_of_function

FIRST = ("state", "seed")


@dataclass(frozen=True)
class FunctionRefiner(Refiner):
    """A refiner whose search is a function; its keywords are the options."""

    function: ClassVar[Callable[..., Any]]
    passed: ClassVar[tuple[str, ...]] = ()

    def search(self, state: Search, seed: int) -> None:
        """Call the function."""
        type(self).function(state, seed, **self._given())

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.passed}


@dataclass(frozen=True)
class ClassRefiner(FunctionRefiner):
    """A refiner whose search is that of a class made with the options."""

    def search(self, state: Search, seed: int) -> None:
        """Make one, and let it search."""
        type(self).function(**self._given()).search(state, seed)


def is_foreign(thing: object) -> bool:
    """Whether it has a method ``search``, or is a function that can be one."""
    return callable(getattr(thing, "search", None)) or (
        callable(thing) and not isinstance(thing, type)
    )


def foreign_class(thing: Any, name: str = "", given: Iterable[str] = ()) -> type[Refiner]:
    """The refiner's class of a class with ``search``, or of a function ``(state, seed, …)``.

    Arguments:
        thing: the class or function.
        name: of the refiner; its own unless given.
        given: names that it is called with, if it takes ``**options``.

    Raises:
        OptionError: it cannot be called so.
    """
    if isinstance(thing, type):
        return stage_of_function(ClassRefiner, thing, (), name or _name(thing), given)
    return stage_of_function(FunctionRefiner, thing, FIRST, name, given)


def foreign_instance(thing: Any) -> Refiner:
    """The refiner of an object with ``search(state, seed)``; its ``evaluations`` are the budget.

    Raises:
        OptionError: its search takes something else, or ``evaluations`` is no positive number.
    """
    kind = stage_of_function(FunctionRefiner, thing.search, FIRST, _name(thing))
    given = {}
    if hasattr(thing, "evaluations"):
        given["evaluations"] = thing.evaluations
    return make_options(kind, given)


def _name(thing: Any) -> str:
    own = getattr(thing, "name", None)
    kind = thing if isinstance(thing, type) else type(thing)
    return own if isinstance(own, str) and own else kind.__name__.lower()
