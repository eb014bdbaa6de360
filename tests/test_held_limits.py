"""Numbers that reach clocks and generators: the edges, and what is told."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest

from secateur.errors import OptionError
from secateur.limits import (
    LONGEST_SECONDS,
    as_number,
    check_seed,
    check_time_limit,
    names_and_values,
    refuse_twice,
)
from secateur.seeds import LARGEST_SEED
from secateur.shown import escaped, escaped_lines


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (2, 2.0), (0, 0.0), (-1.5, -1.5), (Fraction(1, 4), 0.25), (Decimal("0.5"), 0.5),
        (np.float32(2.5), 2.5), (np.int64(3), 3.0),
        (True, None), ("2", None), (b"2", None), (None, None), ([1], None), (1j, None),
        (math.nan, None), (math.inf, None), (-math.inf, None), (10**400, None),
    ],
)  # fmt: skip
def test_what_is_a_number(value, number):
    got = as_number(value)
    assert got == number
    assert type(got) is type(number)


def test_the_edges_of_a_time_limit():
    assert LONGEST_SECONDS == 2e6
    assert check_time_limit(5e-324) == 5e-324
    assert type(check_time_limit(1)) is float
    with pytest.raises(OptionError) as caught:
        check_time_limit(math.nextafter(LONGEST_SECONDS, math.inf))
    assert "at most 2,000,000" in caught.value.remedy


def test_the_edges_of_a_seed():
    assert LARGEST_SEED == 2**31 - 1
    assert [check_seed(0), check_seed(LARGEST_SEED), check_seed(None)] == [0, LARGEST_SEED, None]
    with pytest.raises(OptionError, match="the seed is 2147483648") as caught:
        check_seed(LARGEST_SEED + 1)
    assert caught.value.remedy == "use a whole number from 0 to 2147483647"


def test_what_is_given_twice():
    options = {"seed": 1, "time_limit": 2, "reads": 3}
    refuse_twice(options)
    refuse_twice(options, seed=0)
    refuse_twice({"reads": 3}, seed=5, time_limit=4.0)
    refuse_twice({}, seed=5, time_limit=4.0)
    with pytest.raises(OptionError, match="the seed is given twice: 5, and 1 among the backend's"):
        refuse_twice(options, seed=5)
    with pytest.raises(OptionError, match=r"the time limit is given twice: 4\.0, and 2 among"):
        refuse_twice(options, time_limit=4.0)


def test_options_are_a_dict_of_their_own():
    given = {"reads": 3}
    made = names_and_values(given)
    assert made == given
    assert made is not given
    assert names_and_values(None) == {}
    assert names_and_values(MappingProxyType(given)) == given
    for wrong in ({3: 4}, {"a": 1, None: 2}, [("a", 1)], "ab", 3):
        with pytest.raises(OptionError, match="the options are") as caught:
            names_and_values(wrong)
        assert '{"reads": 50}' in caught.value.remedy


def test_what_is_shown_of_a_text():
    assert escaped("a\tb\nc\x7f\u2028\u200d") == "a\\tb\\nc\\x7f\\u2028\\u200d"
    assert escaped_lines("é\tb\nc\r\x7f") == "é\tb\nc\\r\\x7f"
    assert escaped_lines("a\tb\n") == "a\tb\n"
    assert escaped("é \x1b") == "é \\x1b"
