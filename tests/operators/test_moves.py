"""What is moved, cut and merged: run on atoms, and what cannot be followed stays."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.operators.told import OUT, told

TAKEN = "slice takes channels at fixed places"


def test_a_slice_by_a_number_pins_also_what_is_whole_and_by_a_size_does_not():
    assert told(lambda a: a[:, :4].sum(1), (2, 6)).reason("a1") == TAKEN
    assert told(lambda a: a[:, 2:].sum(1), (2, 6)).reason("a1") == TAKEN
    assert told(lambda a: a[:, :6].sum(1), (2, 6)).reason("a1") is None  # all of it
    assert told(lambda a: a[:, :].sum(1), (2, 6)).reason("a1") is None
    halves = told(lambda a: (a[:, : a.shape[1] // 2] * a[:, a.shape[1] // 2 :]).sum(1), (2, 6))
    assert halves.sets() == {(f"a1[{k}]", f"a1[{k + 3}]") for k in range(3)}
    assert halves.reason("a1") is None
    rows = told(lambda a: a[:1].sum(1), (2, 6))
    assert rows.reason("a1") is None
    assert rows.reason("a0") is not None


def test_equal_parts_shrink_alike_and_unequal_ones_by_their_own():
    three = told(lambda a, b: (torch.stack(a.chunk(3, 1)) * b).sum((0, 2)), (2, 6), (2,))
    assert three.sets() == {(*(f"a1[{k + 2 * i}]" for i in range(3)), f"b0[{k}]") for k in (0, 1)}
    assert three.reason("a1") is None
    last = told(lambda a: sum(a.chunk(2, -1)).sum(-1), (2, 5, 6))
    assert last.sets() == {(f"a2[{k}]", f"a2[{k + 3}]") for k in range(3)}
    assert last.reason("a2") is None
    other = told(lambda a: sum(a.chunk(2, 1)).sum(2), (2, 4, 6))
    assert other.reason("a2") is None
    assert other.reason("a1") == OUT

    def own(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        one, two = a.split([b.shape[0], c.shape[0]], 1)
        return (one * b).sum(1) + (two * c).sum(1)

    sized = told(own, (2, 6), (2,), (4,))
    assert {s for s in sized.sets() if s[0].startswith("a1")} == {
        *((f"a1[{k}]", f"b0[{k}]") for k in range(2)),
        *((f"a1[{k + 2}]", f"c0[{k}]") for k in range(4)),
    }
    assert sized.reason("a1") is None
    literal = told(lambda a: a.split([2, 4], 1)[1].sum(1), (2, 6))
    assert literal.reason("a1") == "split at numbers written in code"


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda a: a.roll(1, 1).sum(1), "roll moves channels by fixed numbers"),
        (lambda a: a.index_select(1, torch.tensor([1, 0, 2, 3])).sum(1), "by fixed numbers"),
        (lambda a: a.gather(1, torch.tensor([[0, 1, 3, 2]] * 3)).sum(1), "by fixed numbers"),
        (lambda a: a.index_select(1, torch.tensor([0, 1])).sum(1), "at fixed places"),
        (lambda a: a.select(1, 2), "at fixed places"),
    ],
)
def test_what_is_moved_by_numbers_stays_and_its_neighbours_do_not(function, why):
    said = told(function, (3, 4))
    assert all(reason and reason.endswith(why.split()[-1]) for reason in said.reasons("a1"))
    assert any(why in str(reason) for reason in said.reasons("a1"))
    free = told(lambda a: function(a).sum(), (3, 4))
    assert free.reason("a0") is None


def test_what_keeps_its_order_is_followed():
    same = told(lambda a: a.index_select(1, torch.tensor([0, 1, 2, 3])).sum(1), (3, 4))
    assert same.reason("a1") is None
    rows = told(lambda a: a.roll(1, 0).sum(), (3, 4))
    assert rows.reason("a1") is None
    assert rows.reason("a0") == "roll moves channels by fixed numbers"
    twice = told(lambda a, b: (a.repeat(2, 3) * b).sum((0, 1)), (2, 3), (4, 9))
    assert {s for s in twice.sets() if s[0].startswith("a1")} == {
        (f"a1[{k}]", *(f"b1[{k + 3 * i}]" for i in range(3))) for k in range(3)
    }
    assert {s for s in twice.sets() if s[0].startswith("a0")} == {
        (f"a0[{k}]", f"b0[{k}]", f"b0[{k + 2}]") for k in range(2)
    }


def test_one_dimension_becomes_several_and_one_of_them_shrinks():
    shape = (2, 6)
    outer = told(lambda a, b: (a.view(2, 2, 3) * b).sum((1, 2)), shape, (3,))
    # the larger part shrinks unless told
    assert outer.sets() == {(f"a1[{k}]", f"a1[{k + 3}]", f"b0[{k}]") for k in range(3)}
    assert list(outer.ties.folds.values()) == [1]
    (fold,) = outer.ties.folds
    assert fold[1] == (2, 3)
    inner = told(lambda a, b: (a.view(2, 2, 3) * b).sum((1, 2)), shape, (2, 1), choice={fold: 0})
    assert inner.sets() == {(*(f"a1[{3 * k + i}]" for i in range(3)), f"b0[{k}]") for k in range(2)}
    assert inner.reason("a1") is outer.reason("a1") is None
    front = told(
        lambda a: a.view(2, 3, 2).sum((1, 2)), shape, choice={"all": -1}
    )  # three are q, k and v: what is behind them shrinks
    assert front.sets() == {(f"a1[{k}]", f"a1[{k + 2}]", f"a1[{k + 4}]") for k in range(2)}
    heads = told(lambda a: a.view(2, 2, 3).sum((1, 2)), shape, choice={"all": -1})
    assert heads.sets() == {tuple(f"a1[{3 * k + i}]" for i in range(3)) for k in range(2)}


def test_two_dimensions_of_channels_cannot_become_one():
    said = told(lambda a: a.flatten(1).sum(1), (2, 3, 4))
    assert all(said.reasons("a1"))
    assert all(said.reasons("a2"))


def test_one_channel_that_is_left_stays():
    said = told(lambda a: a.unbind(1)[2].sum(), (3, 4))
    assert said.reason("a0") is None
    assert said.reason("a1") == "a single channel is left"


def test_what_expands_is_of_any_size_where_it_was_one():
    said = told(
        lambda a, b: (a.sum(1, keepdim=True).expand(5, 2, 3) * b).sum((0, 2)), (2, 4), (5, 1, 3)
    )
    assert said.reason("b0") is None  # in front
    assert said.reason("b2") is None  # was one
    assert said.reasons("a0") == [OUT, OUT]
    kept = told(lambda a, b: (a.expand(5, 2, 4) * b).sum(), (2, 4), (2, 4))
    assert kept.alike("a1", "b1")


def test_padding_of_other_kinds():
    circular = told(lambda a: F.pad(a, (1, 1), mode="circular").sum(1), (2, 3, 4))
    assert circular.reason("a1") is None
    mirrored = told(lambda a: F.pad(a, (1, 1), mode="reflect").sum(1), (2, 3, 4))
    assert mirrored.reason("a1") is None
    channels = told(lambda a, b: (F.pad(a, (0, 0, 0, 2)) * b).sum(1), (2, 3, 4), (5, 1))
    assert {s for s in channels.sets() if s[0].startswith("a1")} == {
        (f"a1[{k}]", f"b0[{k}]") for k in range(3)
    }
    assert channels.reason("a1") is None


def test_complex_numbers_are_not_followed():
    said = told(lambda a: torch.fft.fft(a, dim=2).transpose(0, 1).abs().sum(1), (2, 3, 4))
    assert said.reason("a1") is not None
