"""A stage made of a function: its keyword parameters are its options."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from typing import Any, TypeVar

from secateur.errors import OptionError
from secateur.options import Options, Stage

Base = TypeVar("Base", bound=Stage)


def stage_of_function(
    base: type[Base],
    function: Callable[..., Any],
    first: tuple[str, ...],
    name: str = "",
    given: Iterable[str] = (),
) -> type[Base]:
    """A stage's class whose options are the keyword parameters of a function.

    Arguments:
        base: of the class; its attribute ``function`` is the function.
        function: called with what the library gives, and then with options by keyword.
        first: what the library gives, in its order, for messages.
        name: of the stage; that of the function unless given.
        given: names that a function with ``**options`` is called with.

    Raises:
        OptionError: the function cannot be called so.
    """
    key = tuple(sorted(set(given))) if _takes_any(function) else ()
    make: Any = _made if isinstance(function, Hashable) else _made.__wrapped__
    made: type[Base] = make(base, function, first, name, key)
    return made


@lru_cache(maxsize=128)
def _made(
    base: type[Stage],
    function: Callable[..., Any],
    first: tuple[str, ...],
    name: str,
    given: tuple[str, ...],
) -> type[Stage]:
    own = getattr(function, "__name__", type(function).__name__)
    about = f"{base.noun} {name or own!r}"
    fields = fields_of_function(function, first, base, about, given)
    return dataclasses.make_dataclass(
        own if own.isidentifier() else "function",
        fields,
        bases=(base,),
        namespace={
            "name": name or own,
            "function": staticmethod(function),
            "passed": tuple(name for name, *_ in fields),
            "__doc__": inspect.getdoc(function) or f"The function {own}.",
            "__module__": getattr(function, "__module__", None) or type(function).__module__,
        },
        frozen=True,
        kw_only=True,
    )


def fields_of_function(
    function: Callable[..., Any],
    first: tuple[str, ...],
    base: type[Options],
    about: str,
    given: Iterable[str] = (),
) -> list[tuple[str, Any, Any]]:
    """The options that a function's parameters declare: names, types and dataclass fields.

    Arguments:
        function: called with what the library gives, and then with options by keyword.
        first: what the library gives, in its order.
        base: the class that the options are for; its own names are no options.
        about: whose they are, for messages.
        given: further names, if the function takes ``**options``.

    Raises:
        OptionError: the function cannot be called so.
    """
    parameters = list(_parameters(function, about))
    kinds = inspect.Parameter
    positional = [
        p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    rest = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
    if len(positional) < len(first) and not rest:
        raise OptionError(
            f"{about} is a function of {len(positional)} values",
            remedy=f"it is called with {', '.join(first)}, and with options by keyword",
        )
    taken = {p.name for p in positional[: len(first)]}
    options = [
        p
        for p in parameters
        if p.name not in taken and p.kind not in (kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD)
    ]
    fields = []
    for one in options:
        inherited = {field.name: field for field in dataclasses.fields(base)}.get(one.name)
        if one.kind is kinds.POSITIONAL_ONLY or (hasattr(base, one.name) and inherited is None):
            raise OptionError(
                f"{about} has a parameter {one.name!r} that cannot be an option",
                remedy="give it another name, and let it be given by keyword",
            )
        default = dataclasses.MISSING if one.default is kinds.empty else one.default
        fields.append((one.name, _hint(one), _field(default, inherited)))
    if any(p.kind is kinds.VAR_KEYWORD for p in parameters):
        known = {one.name for one in options}
        fields += [(name, Any, _field(None)) for name in given if name not in known]
    return fields


def _field(default: Any, inherited: dataclasses.Field[Any] | None = None) -> Any:
    """A field with a default, and with the domain of the one that it stands for."""
    about = {"text": ""} if inherited is None else inherited.metadata
    if default is dataclasses.MISSING and inherited is not None:
        default = inherited.default
    if default is not dataclasses.MISSING and type(default).__hash__ is None:  # a list
        return dataclasses.field(default_factory=lambda: default, metadata=about)
    return dataclasses.field(default=default, metadata=about)


def _takes_any(function: Callable[..., Any]) -> bool:
    """Whether it has a ``**options``."""
    return any(p.kind is p.VAR_KEYWORD for p in _parameters(function, "the function"))


def _parameters(function: Callable[..., Any], about: str) -> Iterable[inspect.Parameter]:
    """The parameters with their types, as far as these can be read from here."""
    try:
        try:
            return inspect.signature(function, eval_str=True).parameters.values()
        except (NameError, AttributeError, SyntaxError):  # what only a type checker sees
            return inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"{about} does not tell its parameters: {error}",
            remedy="write a Python function that calls it",
        ) from error


def _hint(parameter: inspect.Parameter) -> Any:
    """The type of a parameter; any where it is not said, or cannot be read."""
    hint = parameter.annotation
    return Any if hint is parameter.empty or isinstance(hint, str) else hint
