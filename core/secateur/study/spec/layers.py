"""Layers of alternatives: a list where one value is wanted stands for each of its values."""

from __future__ import annotations

import itertools
import math
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from secateur.errors import OptionError
from secateur.options import Options
from secateur.study.cell import canonical
from secateur.typed import alternatives

MOST_ALTERNATIVES = 100_000
"""Of one table: more were a slip of the hand."""


@dataclass(frozen=True)
class Layered:
    """One of the alternatives of a table.

    Arguments:
        values: names and values, each of them one.
        varied: names of which the table has several values.
    """

    values: Mapping[str, Any]
    varied: frozenset[str]


def multiplied(
    given: Mapping[str, Any], takes_list: Callable[[str], bool], where: str
) -> list[Layered]:
    """All combinations of the values of a table, the last name fastest.

    Arguments:
        given: names and values, some of them lists of alternatives.
        takes_list: whether the value of a name is a list itself; then a list of lists multiplies.
        where: the table, for messages.

    Raises:
        OptionError: a list without a value, a value twice, or too many combinations.
    """
    layers = {name: _layer(name, value, takes_list(name), where) for name, value in given.items()}
    many = math.prod(len(layer) for layer in layers.values())
    if many > MOST_ALTERNATIVES:
        sizes = " × ".join(str(len(layer)) for layer in layers.values() if len(layer) > 1)
        raise OptionError(
            f"{where} has {sizes} = {many} combinations",
            remedy=f"ask for at most {MOST_ALTERNATIVES}",
        )
    varied = frozenset(name for name, layer in layers.items() if len(layer) > 1)
    return [Layered(values, varied) for values in _product(layers)]


def _product(layers: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*layers.values()):
        yield dict(zip(layers, values, strict=True))


def _layer(name: str, value: Any, listed: bool, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        return [value]
    if listed and not any(isinstance(one, list) for one in value):
        return [value]
    if not value:
        raise OptionError(
            f"{name!r} of {where} is an empty list", remedy="give a value, or leave it out"
        )
    seen = set()
    for one in value:
        text = canonical(_told(one))
        if text in seen:
            raise OptionError(
                f"{name!r} of {where} has {one!r} twice", remedy="give each alternative once"
            )
        seen.add(text)
    return value


def _told(value: Any) -> Any:
    """A value of a TOML file as JSON: dates, NaN and infinities by their texts, 1 and 1.0 alike."""
    if isinstance(value, Mapping):
        return {name: _told(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_told(one) for one in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (bool, int, str)):
        return value
    return repr(value)


def takes_list(hint: Any) -> bool:
    """Whether a value of a type may be a list of a TOML file.

    Of what may be anything it may not: a list multiplies there too.
    """
    for kind in alternatives(hint):
        plain = typing.get_origin(kind) or kind
        if (
            isinstance(plain, type)
            and plain not in (str, bytes, object)
            and issubclass(plain, (Sequence, Set))
        ):
            return True
    return False


def hints_of(kind: type[Options]) -> Mapping[str, Any]:
    """The types of a declaration's options, by name."""
    return typing.get_type_hints(kind)
