"""The objective that a user means: a name, ``module:attribute``, a class, an object, a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from secateur.errors import OptionError
from secateur.objectives.base import Objective
from secateur.objectives.functions import objective_of_function
from secateur.options import make_stage, owner_of, refuse_beside
from secateur.stages import OBJECTIVES, load_stage, misfit, misplaced

ObjectiveLike = str | type[Objective] | Objective | Callable[..., Any]
"""What a user may give for an objective."""
AUTO = "auto"
"""The choice among objectives, which is none itself."""
_AUTO = "secateur.objectives.auto:Auto"


def objective_class(given: ObjectiveLike) -> type[Objective]:
    """The class of an objective, whose options ``secateur.options.declared`` tells.

    Arguments:
        given: a name, ``module:attribute``, a class, an instance or a function.

    Raises:
        OptionError: there is no such objective (the nearest is named), or it is no objective.
        StageFailed: it cannot be imported.
    """
    loaded = _loaded(given)
    kind = loaded if isinstance(loaded, type) else type(loaded)
    if issubclass(kind, Objective):
        return kind
    if not isinstance(loaded, type) and callable(loaded):
        return objective_of_function(loaded, given if isinstance(given, str) else "")
    if isinstance(given, str):
        raise misfit(OBJECTIVES, given, loaded)
    raise OptionError(
        f"the objective is {given!r}, a {kind.__name__}",
        remedy=f"{misplaced(given, OBJECTIVES)}give a name, {OBJECTIVES.wanted}",
    )


def _loaded(given: ObjectiveLike) -> object:
    if not isinstance(given, str):
        return given
    # auto is not registered: whoever goes through the list wants QUBOs
    loaded: object = load_stage(OBJECTIVES, _AUTO if given == AUTO else given)
    return loaded


def resolve_objective(given: ObjectiveLike, options: Mapping[str, Any] | None = None) -> Objective:
    """The objective with its options, all checked; nothing is measured.

    Arguments:
        given: a name that ``secateur objectives`` lists, ``module:attribute``, a subclass of
            ``Objective``, an instance, or a function ``(statistics, **options)`` that returns a
            ``dimod.BinaryQuadraticModel``.
        options: names and values; none beside an instance.

    Raises:
        OptionError: there is no such objective or option (the nearest is named), or a value is
            out of range.
        StageFailed: it cannot be imported.
    """
    options = dict(options or {})
    loaded = _loaded(given)
    if isinstance(loaded, Objective):
        refuse_beside(owner_of(type(loaded)), options)
        return loaded
    if callable(loaded) and not isinstance(loaded, type):
        kind = objective_of_function(loaded, given if isinstance(given, str) else "", options)
    else:
        kind = objective_class(given)
    return make_stage(kind, options, "terms")
