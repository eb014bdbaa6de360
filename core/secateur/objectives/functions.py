"""A plain function as an objective, and an objective as a plain function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from secateur.lazy import dimod
from secateur.objectives.base import Objective
from secateur.objectives.terms import Terms
from secateur.options import declared
from secateur.signatures import stage_of_function

if TYPE_CHECKING:
    from secateur.statistics import ChannelStatistics


@dataclass(frozen=True)
class FunctionObjective(Objective):
    """An objective that a function makes; see ``objective_of_function``."""

    function: ClassVar[Callable[..., Any]]
    passed: ClassVar[tuple[str, ...]] = ()

    def terms(self, statistics: ChannelStatistics) -> Terms | dimod.BinaryQuadraticModel:
        """What the function returns for the statistics and its options."""
        given = {name: getattr(self, name) for name in self.passed}
        made: Terms | dimod.BinaryQuadraticModel = type(self).function(statistics, **given)
        return made


def objective_of_function(
    function: Callable[..., Any], name: str = "", given: Iterable[str] = ()
) -> type[Objective]:
    """The objective that ``function(statistics, **options)`` is; its keywords are its options.

    Arguments:
        function: returns a BQM, or ``Terms``.
        name: of the objective; that of the function unless given.
        given: names that a function with ``**options`` is called with.

    Raises:
        OptionError: it cannot be called with the statistics alone, or names an option as the
            library names something else.
    """
    return stage_of_function(FunctionObjective, function, ("statistics",), name, given)


def as_function(kind: type[Objective]) -> Callable[..., dimod.BinaryQuadraticModel]:
    """``fisher_qubo(statistics, *, gradient=0.0, …)`` of the class ``Fisher``.

    Arguments:
        kind: a subclass of ``Objective``; its options become keywords.
    """

    def made(statistics: ChannelStatistics, **options: Any) -> dimod.BinaryQuadraticModel:
        return kind(**options).qubo(statistics)

    about = declared(kind)
    keyword, first = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("statistics", first, annotation="ChannelStatistics")] + [
        inspect.Parameter(one.name, keyword, default=one.default, annotation=one.type)
        for one in about
    ]
    made.__name__ = made.__qualname__ = f"{kind.name.replace('+', '_')}_qubo"
    made.__module__ = kind.__module__
    lines = [f"    {one.name}: {one.text}; {one.values}." for one in about]
    arguments = ["Arguments:", "    statistics: from ``collect_statistics``.", *lines]
    raised = ["Raises:", "    OptionError: a value of the wrong type or out of range."]
    made.__doc__ = "\n".join(
        [inspect.cleandoc(kind.__doc__ or ""), "", *arguments, "", *(raised if about else [])]
    )
    made.__annotations__ = {}
    made.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        parameters, return_annotation="dimod.BinaryQuadraticModel"
    )
    return made
