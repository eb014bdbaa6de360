"""What an amount means, and which are refused."""

from __future__ import annotations

import pytest

from secateur.errors import AmountError
from secateur.network import count_of, keep_one_each
from secateur.network.channels import Channels, Group
from secateur.network.costs import Costs


def channels(*sizes: int) -> Channels:
    groups, start = [], 0
    for number, size in enumerate(sizes):
        name = f"l{number}"
        members = ((f"{name}.weight", 0),)
        groups.append(Group(name, start, tuple(range(size)), members, (name,), name))
        start += size
    slots = tuple(((g.members[0][0], 0, k),) for g in groups for k in g.indices)
    return Channels(tuple(groups), slots, slots, {}, (), (), (), (), (), Costs((), ()), (), ())


@pytest.mark.parametrize(
    ("amount", "count"),
    [
        (0.36, 173),
        ("36%", 173),
        ("36 %", 173),
        ("0.36", 173),
        (173, 173),
        ("173", 173),
        (1, 1),
        ("1", 1),
        (0.001, None),
        (470, 470),
        ("97.9%", 470),
        (".5", 240),
    ],
)
def test_an_amount_is_a_ratio_a_percentage_or_a_count(amount, count):
    ten = channels(*[48] * 10)
    if count is None:
        with pytest.raises(AmountError, match="0 of 480"):
            count_of(amount, ten)
    else:
        assert count_of(amount, ten) == count


@pytest.mark.parametrize(
    "amount",
    [0, 0.0, "0", "0%", "100%", 1.0, "1.0", 1.5, "1.5", "150%", -3, -0.2, "abc", "", "36%%", "1e-1",
     float("nan"), float("inf"), True, None, 471, "98.5%", 480, 10_000],
)  # fmt: skip
def test_a_wrong_amount_is_named_with_a_remedy(amount):
    with pytest.raises(AmountError) as caught:
        count_of(amount, channels(*[48] * 10))
    assert repr(amount) in str(caught.value)
    assert "Mend:" in str(caught.value)


def test_limits_keep_one_channel_of_every_layer():
    limits = keep_one_each(channels(2, 3))
    assert [(limit.name, limit.variables, limit.upper) for limit in limits] == [
        ("l0", ("l0:0", "l0:1"), 1),
        ("l1", ("l1:0", "l1:1", "l1:2"), 2),
    ]
