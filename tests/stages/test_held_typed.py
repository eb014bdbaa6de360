"""Values as declared types: the same thing in another type is taken, nothing is guessed."""

from __future__ import annotations

import numbers
from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pytest

from secateur.typed import alternatives, read, type_name


class Quacks(Protocol):
    """Cannot be asked whether a thing is one."""

    def quack(self) -> str: ...


THING = object()


@pytest.mark.parametrize(
    ("value", "hint", "found"),
    [
        ("20", int, 20),
        ("20", int | float, 20),
        ("2.5", int | float, 2.5),
        ("2.5", float | None, 2.5),
        ("true", bool, True),
        ("False", bool, False),
        ("true", bool | str, "true"),
        (Fraction(1, 2), float, 0.5),
        (np.int32(3), float, 3.0),
        (np.int64(3), int, 3),
        ([1, 2], tuple[int, ...], (1, 2)),
        ((1, 2), tuple, (1, 2)),
        ([1, 2], list[int] | tuple[int, ...], [1, 2]),
        ([1], Sequence[int], [1]),
        ({"a": 1}, Mapping[str, int], {"a": 1}),
        (True, bool, True),
        (True, Any, True),
        (THING, Any, THING),
        (THING, object, THING),
        (THING, Quacks, THING),
        (3, Quacks, 3),
        (True, Quacks, True),
        (True, Hashable, True),
        (True, Any | None, True),
        (True, object, True),
        ("x", int | Any, "x"),
        ("b", Literal["a", "b"], "b"),
        ("2", Literal[1, 2], 2),
        ("auto", float | Literal["auto"], "auto"),
        ("0.5", float | Literal["auto"], 0.5),
        ("0.5", Literal["auto"] | float | None, 0.5),
        (1, Literal["auto"] | float, 1.0),
        (0, int | Literal["auto", "none"], 0),
        ("b", Literal["a"] | str, "b"),
        (THING, Literal["a"] | Any, THING),
        (Path("x"), Path | None, Path("x")),
    ],
)
def test_what_is_taken(value, hint, found):
    got = read(value, hint)
    assert got == found
    assert type(got) is type(found)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("2.5", int),
        ("x", float),
        ("", int),
        ("1", bool),
        ("yes", bool),
        (2.0, int),
        (np.float64(2.0), int),
        (1j, float),
        (True, int),
        (True, float),
        (True, str),
        (True, int | float | str),
        (True, numbers.Real),
        (3, str),
        (3, bool),
        ("x", tuple),
        ((1,), list),
        ("a", Path),
        ([1], Mapping[str, int]),
        (None, int),
        ("autp", float | Literal["auto"]),
        ("", float | Literal["auto"]),
        (True, float | Literal["auto"]),
        ([1], Literal["auto"] | float),
    ],
)
def test_what_is_not(value, hint):
    with pytest.raises((TypeError, ValueError, OverflowError)):
        read(value, hint)


@pytest.mark.parametrize(
    ("hint", "name", "without"),
    [
        (float | None, "float or none", "float"),
        (None | float, "none or float", "float"),
        (int | str, "int or str", "int or str"),
        (Any, "any", "any"),
        (Literal["a", "b"], "str", "str"),
        (Literal["a", 1, "b"], "str or int", "str or int"),
        (Literal["a"] | str | None, "str or none", "str"),
        (float | Literal["auto"] | None, "float or 'auto' or none", "float or 'auto'"),
        (tuple[int, ...], "tuple", "tuple"),
        (Mapping[str, Any] | None, "Mapping or none", "Mapping"),
        (type(None), "none", ""),
    ],
)
def test_types_in_words(hint, name, without):
    assert type_name(hint) == name
    assert type_name(hint, none=False) == without


def test_the_types_of_a_union():
    assert alternatives(int | None) == (int, type(None))
    assert alternatives(int) == (int,)
    assert alternatives(tuple[int, str]) == (tuple[int, str],)
