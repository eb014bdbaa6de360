"""What ``solve`` does not take is answered with what it does."""

from __future__ import annotations

import dimod
import pytest

import secateur
from secateur.errors import OptionError


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ({"solver": "tabu"}, "write backend=…"),
        ({"timeout": 3}, "write time_limit=…"),
        ({"k": 3}, "write count=…"),
        (
            {"reads": 3},
            "an option of the backend is written options={'reads': …}; solve has: count",
        ),
        ({"prof": True}, "did you mean 'proof'? It has: count"),
    ],
)
def test_a_keyword_that_solve_does_not_have_is_answered_with_one_that_it_has(given, remedy):
    with pytest.raises(OptionError, match="solve has no option") as caught:
        secateur.solve(dimod.BQM({"a": 1.0}, {}, "BINARY"), **given)
    assert caught.value.remedy.startswith(remedy)
