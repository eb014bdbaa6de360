"""Alternatives multiply: every combination, each once, and nothing else."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secateur.errors import OptionError
from secateur.study.spec.layers import multiplied, takes_list

VALUES = st.one_of(st.integers(0, 9), st.text("ab", max_size=2), st.booleans())
LAYERS = st.lists(
    VALUES, min_size=1, max_size=4, unique_by=lambda one: (isinstance(one, bool), one)
)


@given(
    st.dictionaries(st.text("xyz", min_size=1, max_size=2), st.one_of(VALUES, LAYERS), max_size=4)
)
def test_the_product_of_the_layers(table):
    layers = {name: value if isinstance(value, list) else [value] for name, value in table.items()}
    found = multiplied(table, lambda name: False, "here")
    assert len(found) == math.prod(len(layer) for layer in layers.values())
    wanted = [dict(zip(layers, row, strict=True)) for row in itertools.product(*layers.values())]
    assert [one.values for one in found] == wanted
    several = {name for name, layer in layers.items() if len(layer) > 1}
    assert all(one.varied == several for one in found)


@given(
    st.lists(
        st.lists(st.integers(0, 3), max_size=3).map(tuple), min_size=1, max_size=3, unique=True
    )
)
def test_where_the_value_is_a_list_a_list_of_lists_multiplies(lists):
    plain = [list(one) for one in lists]
    found = multiplied({"x": plain}, lambda name: True, "here")
    assert [one.values["x"] for one in found] == plain
    assert [one.values["x"] for one in multiplied({"x": plain[0]}, lambda name: True, "here")] == [
        plain[0]
    ]


def test_tables_are_alternatives_too():
    tables = [{"reads": 1}, {"reads": [1, 2], "sweeps": 3}]
    found = multiplied({"options": tables}, lambda name: False, "here")
    assert [one.values["options"] for one in found] == tables


@pytest.mark.parametrize(
    ("hint", "yes"),
    [
        (int, False),
        (str, False),
        (str | None, False),
        (Any, False),
        (object, False),
        (Mapping[str, Any] | None, False),
        (Literal["a", "b"], False),
        (tuple[int, ...], True),
        (list[str] | None, True),
        (Sequence[float], True),
        (str | tuple[str, ...], True),
        (frozenset[int], True),
    ],
)
def test_which_values_are_lists_themselves(hint, yes):
    assert takes_list(hint) is yes


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"reads": []}, "'reads' of here is an empty list"),
        ({"reads": [1, 2, 1]}, "'reads' of here has 1 twice"),
        ({"reads": [1, 1.0]}, "'reads' of here has 1.0 twice"),
        ({"reads": [{"a": 1}, {"a": 1}]}, "twice"),
        ({name: list(range(100)) for name in "abc"}, "100 × 100 × 100 = 1000000 combinations"),
    ],
)
def test_lists_that_say_nothing_or_too_much(table, said):
    with pytest.raises(OptionError, match=said) as caught:
        multiplied(table, lambda name: False, "here")
    assert caught.value.remedy


def test_true_is_not_one():
    assert len(multiplied({"x": [True, 1]}, lambda name: False, "here")) == 2
