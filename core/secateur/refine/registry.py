"""The refiner that a user means: a name, ``module:attribute``, a class, an object, a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, overload

from secateur.errors import OptionError
from secateur.options import make_stage, owner_of, refuse_beside
from secateur.refine.base import Refiner
from secateur.refine.foreign import foreign_class, foreign_instance, is_foreign
from secateur.refine.search import Search
from secateur.stages import REFINERS, load_stage, misfit, misplaced


class Searches(Protocol):
    """A stranger's refiner."""

    def search(self, state: Search, seed: int) -> None:
        """Spend the budget; see ``Refiner.search``."""


RefinerLike = str | type[Any] | Refiner | Searches | Callable[..., Any]
"""What a user may give for a refiner."""


def refiner_class(given: RefinerLike) -> type[Refiner]:
    """The class of a refiner, whose options ``secateur.options.declared`` tells.

    Arguments:
        given: a name, ``module:attribute``, a class, an instance or a function.

    Raises:
        OptionError: there is no such refiner (the nearest is named), or it is no refiner.
        StageFailed: it cannot be imported.
    """
    loaded = load_stage(REFINERS, given) if isinstance(given, str) else given
    kind = loaded if isinstance(loaded, type) else type(loaded)
    if issubclass(kind, Refiner):
        return kind
    if not is_foreign(loaded):
        if isinstance(given, str):
            raise misfit(REFINERS, given, loaded)
        raise OptionError(
            f"the refiner is {given!r}",
            remedy=f"{misplaced(given, REFINERS)}give a name, None, or {REFINERS.wanted}",
        )
    if not isinstance(loaded, type) and hasattr(loaded, "search"):
        return type(foreign_instance(loaded))
    return foreign_class(loaded, given if isinstance(given, str) else "")


@overload
def resolve_refiner(given: None, options: Mapping[str, Any] | None = None) -> None: ...


@overload
def resolve_refiner(given: RefinerLike, options: Mapping[str, Any] | None = None) -> Refiner: ...


def resolve_refiner(
    given: RefinerLike | None, options: Mapping[str, Any] | None = None
) -> Refiner | None:
    """The refiner with its options, all checked; nothing is evaluated.

    Arguments:
        given: a name that ``secateur refiners`` lists, ``module:attribute``, a subclass of
            ``Refiner``, an instance, anything with ``search(state, seed)``, a function
            ``(state, seed, **options)``; or None: no refinement.
        options: names and values; none beside an instance.

    Raises:
        OptionError: there is no such refiner or option (the nearest is named), or a value is out
            of range.
        StageFailed: it cannot be imported.
    """
    options = dict(options or {})
    if given is None:
        if options:
            raise OptionError(
                f"options of a refiner are given ({', '.join(options)}), and no refiner",
                remedy='name one, "tt" or "exchange", or leave them out',
            )
        return None
    loaded = load_stage(REFINERS, given) if isinstance(given, str) else given
    kind = refiner_class(given)
    if not isinstance(loaded, type) and (isinstance(loaded, Refiner) or hasattr(loaded, "search")):
        refuse_beside(owner_of(kind), options)
        return loaded if isinstance(loaded, Refiner) else foreign_instance(loaded)
    if kind is not loaded:  # a function, or a class of a stranger's
        kind = foreign_class(loaded, given if isinstance(given, str) else "", options)
    return make_stage(kind, options, "search")
