"""Backends made of an instance that is set up and of a function; what is a factory.

A function solves a problem: ``(problem, **options)`` or ``(problem, options)``. A factory can be
called without a problem, and makes one of the other things.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from secateur.backends.base import Backend, BackendOptions
from secateur.backends.declaring import Options, declare
from secateur.backends.foreign import NOTHING, Foreign, Promised, plain_name
from secateur.backends.metered import paid_by
from secateur.errors import BackendFailed, BackendOptionError, OptionError
from secateur.problem.model import Problem
from secateur.signatures import fields_of_function


def backend_of_instance(solver: Backend) -> type[Backend]:
    """A class whose instances are the one given: strategies and wrappers ask for a class."""

    def same(cls: type[Backend]) -> Backend:
        return solver

    return type(
        type(solver).__name__,
        (type(solver),),
        {
            "__new__": same,  # what it gives is of another class, so that no __init__ is called
            "name": solver.name,
            "capabilities": solver.capabilities,
            "__module__": type(solver).__module__,
        },
    )


class FunctionBackend(Foreign):
    """A backend made of a function; see ``backend_of_function``.

    Attributes:
        function: called with the problem and the options.
        arguments: by keyword, in every call.
        together: the options are handed over as one object.
    """

    function: ClassVar[Callable[..., Any]]
    arguments: ClassVar[Mapping[str, Any]] = {}
    together: ClassVar[bool] = False

    def ask(self, problem: Problem, options: BackendOptions) -> Any:
        """Call the function."""
        function, arguments = type(self).function, type(self).arguments
        if self.together:
            return function(problem, options, **arguments)
        return function(problem, **self.values(options), **arguments)


def backend_of_function(
    function: Callable[..., Any],
    name: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    options: Options = None,
    promised: Promised = NOTHING,
    named: bool = True,
) -> type[Backend]:
    """A backend that calls ``function(problem, **options)`` or ``function(problem, options)``.

    The keywords of the first are its options; those of the second have to be declared.

    Arguments:
        function: that is called; it returns rows of zeros and ones, one row, a
            ``dimod.SampleSet`` or a ``Solution``.
        name: of the backend.
        arguments: given in every call, and no options.
        options: declared, instead of what the keywords say or beside it.
        promised: what it cannot say itself.
        named: whether the name is its own.

    Raises:
        BackendOptionError: the function cannot be called so, or a promise cannot be kept.
    """
    given = dict(arguments or {})
    together = _takes_options(function)
    first = ("problem", "options") if together else ("problem",)
    try:
        keywords = fields_of_function(function, first, BackendOptions, f"backend {name!r}")
    except OptionError as error:
        raise BackendOptionError(error.message, backend=name, remedy=error.remedy) from error
    own = [one for one in keywords if one[0] not in given]
    if together and own:
        raise BackendOptionError(
            f"the function of backend {name!r} takes the options as one, and {own[0][0]!r} too",
            backend=name,
            remedy="write (problem, options) or (problem, **options)",
        )
    made, here = declare(
        options,
        name,
        plain_name(function),
        own=own,
        seeded=bool(promised.takes_seed),
        only=None if together or _takes_any(function) else {one[0] for one in own},
    )
    names = set(made.__dataclass_fields__)
    promised.check(name, names, None)
    return type(
        "FunctionBackendOf",
        (FunctionBackend,),
        {
            "name": name or plain_name(function),
            "function": staticmethod(function),
            "arguments": given,
            "together": together,
            "Options": made,
            "promised": promised,
            "named": named,
            "seeded_here": here and not together,
            "citation": promised.citation,
            "capabilities": promised.capabilities(names, metered=is_paid(function, given)),
            "__doc__": inspect.getdoc(function) or f"The function {plain_name(function)}.",
            "__module__": getattr(function, "__module__", None) or __name__,
        },
    )


def is_factory(thing: object, arguments: Mapping[str, Any] | None = None) -> bool:
    """Whether it is a function that can be called with these arguments alone."""
    if isinstance(thing, (type, Backend)) or not callable(thing):
        return False
    try:
        inspect.signature(thing).bind(**(arguments or {}))
    except (TypeError, ValueError):
        return False
    return True


def made_by(factory: Any, arguments: Mapping[str, Any], name: str) -> object:
    """What a factory makes.

    Raises:
        BackendFailed: it raised.
    """
    try:
        return factory(**arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin's own code
        how = f"with {', '.join(arguments)}" if arguments else "without arguments"
        raise BackendFailed(
            f"the factory of backend {name!r} raised {type(error).__name__}: {error}",
            backend=name,
            remedy=f"it is called {how}",
        ) from error


def keywords(function: Callable[..., Any]) -> set[str]:
    """The names that a function can be given by keyword."""
    return {
        one.name
        for one in inspect.signature(function).parameters.values()
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }


def _takes_any(function: Callable[..., Any]) -> bool:
    return any(
        one.kind is one.VAR_KEYWORD for one in inspect.signature(function).parameters.values()
    )


def _takes_options(function: Callable[..., Any]) -> bool:
    """Whether its second positional parameter is called ``options``, and has to be given."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    second = positional[1] if len(positional) > 1 else None
    return second is not None and second.name == "options" and second.default is second.empty


def is_paid(thing: object, arguments: Mapping[str, Any]) -> bool:
    """Whether what it is made of is charged for, whatever is promised."""
    return any(paid_by(one) is not None for one in (thing, *arguments.values()))
