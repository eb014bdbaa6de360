"""Options that are declared for a thing of a stranger's, where it is wrapped."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from secateur.backends.base import BackendOptions
from secateur.errors import BackendOptionError
from secateur.options import option, refuse_unknown
from secateur.seeds import LARGEST_SEED

Options = type[BackendOptions] | Mapping[str, Any] | None
"""A class of options; or for each name what ``option`` gives, a default, or its type and one of
these."""

_TYPES = {"seed": int | None, "time_limit": float | None}
"""Of the options that are alike for all."""


def declare(
    given: Options,
    name: str,
    about: str,
    *,
    own: Sequence[tuple[str, Any, Any]] = (),
    seeded: bool = False,
    only: Collection[str] | None = None,
) -> tuple[type[BackendOptions], bool]:
    """A class of options.

    Arguments:
        given: what is declared.
        name: of the backend.
        about: the name of the thing.
        own: names, types and fields that the thing says itself; those declared go before.
        seeded: it takes a seed, and where it has no such option it gets one.
        only: the names that the thing can be given besides ``seed``; None: any.

    Returns:
        the class; whether its seed is none of the thing's own.

    Raises:
        BackendOptionError: something that cannot be an option.
    """

    def error(message: str, remedy: str | None = None) -> BackendOptionError:
        return BackendOptionError(message, backend=name, remedy=remedy)

    if isinstance(given, type) and issubclass(given, BackendOptions):
        names = set(given.__dataclass_fields__)
        if only is not None:
            refuse_unknown(names - {"seed"}, only, f"the function of backend {name!r}", error)
        return given, only is not None and "seed" in names and "seed" not in only
    if given is not None and not isinstance(given, Mapping):
        raise error(
            f"the options of backend {name!r} are {given!r}",
            remedy='give names and declarations: {"reads": option(10, "independent runs")}',
        )
    fields = {one[0]: one for one in own}
    hints = {one[0]: one[1] for one in own}
    for word, value in (given or {}).items():
        if not isinstance(word, str) or not word.isidentifier() or hasattr(BackendOptions, word):
            raise error(
                f"{word!r} cannot be an option of backend {name!r}",
                remedy="give it a name that can be a keyword, and is not one of BackendOptions",
            )
        fields[word] = (word, *_typed(value, _TYPES.get(word, hints.get(word))))
    if only is not None:
        refuse_unknown(set(fields) - {"seed"}, only, f"the function of backend {name!r}", error)
    if seeded and "seed" not in fields:
        seed = option(None, "random seed", least=0, most=LARGEST_SEED)
        fields["seed"] = ("seed", int | None, seed)
    here = "seed" in fields and "seed" not in hints and only is not None
    made = dataclasses.make_dataclass(
        f"{about}Options" if about.isidentifier() else "FunctionOptions",
        list(fields.values()),
        bases=(BackendOptions,),
        namespace={"__module__": __name__},
        frozen=True,
        kw_only=True,
    )
    return made, here


def _typed(value: Any, hint: Any) -> tuple[Any, Any]:
    """The type and the field of a declaration."""
    if isinstance(value, tuple) and len(value) == 2 and not isinstance(value[0], (str, int, float)):
        hint, value = value
    if not isinstance(value, dataclasses.Field):
        value = dataclasses.field(default=value, metadata={"text": ""})
    default = value.default
    # a field belongs to one class, and what was declared may be used for several
    value = dataclasses.field(
        default=default,
        default_factory=value.default_factory,
        repr=value.repr,
        metadata=value.metadata,
    )
    if hint is None:
        plain = type(default) in (bool, int, float, str)
        hint = type(default) if plain else Any
    return hint, value
