"""What else happens along positions and between channels: each rule of elements, exactly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.operators.told import OUT, told


def pairs(name: str, step: int, count: int) -> set[tuple[str, ...]]:
    """``count`` sets of ``step`` slots one behind the other."""
    return {tuple(f"{name}[{step * k + i}]" for i in range(step)) for k in range(count)}


def test_pixels_are_shuffled_from_and_to_channels_that_leave_together():
    fine = told(lambda a: F.pixel_shuffle(a, 2).sum(1), (3, 8, 2, 5))
    assert fine.sets() == pairs("a1", 4, 2)
    assert fine.reason("a1") is None
    assert fine.reason("a2") == fine.reason("a3") == "pixel_shuffle over channels"
    assert fine.reason("a0") == OUT
    coarse = told(lambda a, b: (F.pixel_unshuffle(a, 2) * b).sum(1), (3, 2, 4, 6), (8, 1, 1))
    assert coarse.sets() == {
        (f"a1[{k}]", *(f"b0[{4 * k + i}]" for i in range(4))) for k in range(2)
    }
    assert coarse.reason("a1") is None
    assert coarse.reason("a2") == coarse.reason("a3") == "pixel_unshuffle over channels"
    assert coarse.reason("a0") == OUT


def test_channels_are_shuffled_as_cards():
    said = told(lambda a, b: (torch.channel_shuffle(a, 2) * b).sum(1), (3, 6, 2, 2), (6, 1, 1))
    # three of each heap are dealt in turn: 0 3 1 4 2 5
    assert said.sets() == {
        ("a1[0]", "a1[3]", "b0[0]", "b0[1]"),
        ("a1[1]", "a1[4]", "b0[2]", "b0[3]"),
        ("a1[2]", "a1[5]", "b0[4]", "b0[5]"),
    }
    assert said.reason("a1") is None
    assert said.reason("a0") == said.reason("a2") == OUT


def test_patches_are_put_together_of_parts_that_leave_with_their_channel():
    # 3 channels of patches of 2 × 2 each; 3 × 3 positions
    said = told(lambda a, b: (F.fold(a, (4, 4), 2) * b).sum(1), (5, 12, 9), (3, 1, 1))
    assert said.sets() == {(*(f"a1[{4 * k + i}]" for i in range(4)), f"b0[{k}]") for k in range(3)}
    assert said.reason("a1") is None
    assert said.reason("a2") == "its channels are positions of patches"
    assert said.reason("a0") == OUT
    single = told(lambda a, b: (F.fold(a, (4, 4), 2) * b).sum(0), (12, 9), (3, 1, 1))
    assert single.reason("a0") is None
    assert len(single.sets()) == 3


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_pooling_leaves_channels_and_pins_positions(dims):
    pool = getattr(F, f"avg_pool{dims}d")
    everything = tuple(range(1, dims + 2))
    said = told(lambda a: pool(a, 2).sum(everything), (3, 5, *(4, 4, 4)[:dims]))
    assert said.sets() == {
        tuple(f"a{d}[{k}]" for k in range(4)) for d in range(2, dims + 2)
    }  # one variable for a whole side
    assert said.reason("a1") is None
    assert said.reason("a0") == OUT
    for dim in range(2, dims + 2):
        assert str(said.reason(f"a{dim}")).endswith("over channels")


def test_maxima_go_back_to_where_they_were():
    def back(a: Tensor, b: Tensor) -> Tensor:
        pooled, places = F.max_pool1d(a, 2, return_indices=True)
        return F.max_unpool1d(pooled * b, places, 2).sum(1)

    said = told(back, (2, 3, 4), (3, 1))
    assert said.alike("a1", "b0")
    assert said.reason("a1") is None
    assert said.reason("a2").endswith("over channels")


def test_a_grid_is_read_as_positions():
    said = told(
        lambda a, b: F.grid_sample(a, b, align_corners=False).sum(1), (2, 3, 4, 4), (2, 5, 6, 2)
    )
    assert said.reason("a1") is None
    for row in ("b0", "b1", "b2", "b3"):
        assert str(said.reason(row)).endswith("reads it as positions")


@pytest.mark.parametrize("dim", [1, -2])
def test_a_gated_unit_halves_one_dimension_and_leaves_the_others(dim):
    said = told(lambda a, b: (F.glu(a, dim) * b).sum(1), (2, 6, 4), (3, 1))
    assert said.sets() == {(f"a1[{k}]", f"a1[{k + 3}]", f"b0[{k}]") for k in range(3)}
    assert said.reason("a1") is None
    last = told(lambda a: F.glu(a).sum(-1), (2, 4, 6))
    assert last.sets() == {(f"a2[{k}]", f"a2[{k + 3}]") for k in range(3)}
    assert last.reason("a2") is None
    assert last.reason("a1") == OUT


def test_a_transform_pins_its_own_dimensions_and_lets_others_pass():
    why = "a Fourier transform goes over channels in their order"
    said = told(lambda a: torch.fft.irfft(torch.fft.rfft(a, dim=-1), dim=-1).sum(1), (2, 3, 4))
    assert said.reason("a2") == why
    assert said.reason("a1") is None
    assert said.reason("a0") == OUT
    assert said.sets() == set()


def test_halves_of_complex_numbers_stay():
    parts = told(lambda a: torch.view_as_complex(a).abs().sum(1), (3, 4, 2))
    assert parts.reason("a2") == "a channel is half of a number"
    assert parts.reason("a1") is None
    assert parts.reason("a0") == OUT
    both = told(lambda a: torch.view_as_real(torch.fft.rfft(a, dim=2)).sum((1, 3)), (3, 4, 6))
    assert both.reason("a1") is None
    assert both.reason("a2") == "a Fourier transform goes over channels in their order"


@pytest.mark.parametrize("name", ["tril", "triu"])
def test_a_triangle_goes_by_the_last_two_dimensions(name):
    said = told(lambda a: getattr(torch, name)(a).sum(1), (2, 5, 3, 4))
    why = f"{name} over channels goes by their numbers"
    assert said.reason("a2") == said.reason("a3") == why
    assert said.reason("a1") is None
    assert said.reason("a0") == OUT


def test_a_diagonal_goes_by_all_dimensions():
    said = told(lambda a: torch.diagonal(a, 0, 1, 2).sum(), (2, 3, 3))
    why = "diagonal over channels goes by their numbers"
    assert said.reason("a0") == said.reason("a1") == said.reason("a2") == why


def test_concatenation_keeps_what_was_and_ties_the_rest():
    along = told(lambda a, b, c: (torch.cat([a, b], 1) * c).sum(1), (2, 3), (2, 4), (7,))
    tied = {(f"a1[{k}]", f"c0[{k}]") for k in range(3)}
    tied |= {(f"b1[{k}]", f"c0[{k + 3}]") for k in range(4)}
    assert along.sets() == tied | {("a0[0]", "b0[0]"), ("a0[1]", "b0[1]")}
    assert along.reason("a1") is None
    # what forward makes is no channel, in front or behind
    for order, at in (((0, 1), 0), ((1, 0), 2)):
        made = told(
            lambda a, b, o=order: (torch.cat([(a, torch.ones(2, 2))[i] for i in o], 1) * b).sum(1),
            (2, 3), (5,),
        )  # fmt: skip
        assert made.sets() == {(f"a1[{k}]", f"b0[{k + at}]") for k in range(3)}
        assert made.reason("a1") is None
    three = told(lambda a, b, c: torch.cat([a, b, c], 0).sum(1), (2, 3), (4, 3), (5, 3))
    assert three.alike("a1", "b1", "c1")
    assert three.reason("a1") is None


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_a_stack_has_a_dimension_of_its_own(dim):
    place = dim % 3
    said = told(lambda a, b: torch.stack([a, b], dim).sum(place), (2, 3), (2, 3))
    assert said.alike("a0", "b0")
    assert said.alike("a1", "b1")
    assert said.reason("a0") == OUT
    rows = [d for d in range(3) if d != place]
    summed = told(lambda a, b: torch.stack([a, b], dim).sum(rows[1]), (2, 3), (2, 3))
    assert summed.reason("a1") is None
    assert summed.reason("a0") == OUT


def test_what_expands_follows_also_behind_an_operation_and_in_a_stack():
    def one(a: Tensor) -> Tensor:
        return a.sum(1, keepdim=True).expand(2, 3)

    said = told(lambda a, b: (one(a).exp() + b).sum(1), (2, 4), (3,))
    assert said.reason("b0") is None
    both = told(lambda a, b: ((one(a).exp() * one(a)) + b).sum(1), (2, 4), (3,))
    assert both.reason("b0") is None
    # beside what does not
    ramp = torch.arange(3.0)
    fixed = told(lambda a, b: ((one(a) * ramp) + b).sum(1), (2, 4), (3,))
    assert fixed.reason("b0") == "add with a tensor of fixed size"
    for dim in (0, 1, 2):
        rows = [d for d in range(3) if d != dim]
        stacked = told(
            lambda a, b, dim=dim, rows=rows: torch.stack([one(a), b], dim).sum((dim, rows[1])),
            (2, 4), (2, 3),
        )  # fmt: skip
        assert stacked.reason("b1") is None
        assert stacked.alike("a0", "b0")


def test_what_forward_makes_may_be_of_any_size_when_it_is_put_together():
    def zeros() -> Tensor:
        return torch.cat([torch.zeros(2, 1), torch.zeros(2, 2)], 1)

    free = told(lambda a: (zeros() + a).sum(1), (3,))
    assert free.reason("a0") is None
    # until it meets something that may not
    fixed = told(lambda a: ((zeros() + torch.arange(3.0)) * a).sum(1), (3,))
    assert fixed.reason("a0") == "mul with a tensor of fixed size"
    half = told(
        lambda a: (torch.cat([torch.zeros(2, 1), torch.arange(4.0).view(2, 2)], 1) * a).sum(1),
        (3,),
    )
    assert [reason is None for reason in half.reasons("a0")] == [True, False, False]

    def one(a: Tensor) -> Tensor:
        return a.sum(1, keepdim=True).expand(2, 3)

    wide = told(lambda a, b: (torch.cat([one(a), one(a)], 0) + b).sum(1), (2, 4), (3,))
    assert wide.reason("b0") is None
    ramp = told(
        lambda a, b: (torch.cat([one(a), torch.arange(6.0).view(2, 3)], 0) + b).sum(1),
        (2, 4), (3,),
    )  # fmt: skip
    assert ramp.reason("b0") == "add with a tensor of fixed size"


def test_zeros_alike_are_as_wide_and_all_outputs_of_a_rule_are_told():
    like = told(lambda a, b: (torch.zeros_like(a)[:, :1] + b).sum(1), (2, 3), (2, 1))
    assert like.reason("b0") == OUT
    noise = told(lambda a, b: (torch.rand_like(a) * b).sum(1), (2, 3), (3,))
    assert noise.alike("a1", "b0")
    assert noise.reason("a1") is None


def test_a_tensor_filled_in_parts_is_as_wide_as_what_is_written():
    def rows(a: Tensor) -> Tensor:
        made = torch.zeros(4, 3)
        made[1:3] = a
        return made.sum(1)

    said = told(rows, (2, 3))
    assert said.reason("a1") is None
    assert said.reason("a0") == "it is written into a part of a tensor that forward made"

    def columns(a: Tensor, b: Tensor) -> Tensor:
        made = torch.zeros(5, 3)
        made[:2], made[2:] = a, b
        return made.sum(1)

    tied = told(columns, (2, 3), (3, 3))
    assert tied.alike("a1", "b1")
    assert tied.reason("a1") is None
    assert tied.reason("b0") == "it is written into a part of a tensor that forward made"

    def broadcast(a: Tensor, b: Tensor) -> Tensor:
        made = torch.zeros(2, 4, 3)
        made[:, 1:3] = a  # (2, 3) and (3,) behind
        return (made + b).sum(2)

    wide = told(broadcast, (2, 3), (3,))
    assert wide.alike("a1", "b0")
    assert wide.reason("a1") is None

    def single(a: Tensor) -> Tensor:
        made = torch.zeros(2, 4)
        made[:, 1] = a
        return made.sum(1)

    assert told(single, (2,)).reason("a0") is not None


def test_a_tensor_written_whole_is_what_was_written():
    def over(a: Tensor, b: Tensor) -> Tensor:
        made = a * 1.0
        made.copy_(b)
        return made.sum(1)

    said = told(over, (2, 3), (2, 3))
    assert said.alike("a1", "b1")

    def new(a: Tensor, b: Tensor) -> Tensor:
        made = torch.empty(2, 3)
        made.copy_(a)
        return (made + b).sum(1)

    fresh = told(new, (2, 3), (3,))
    assert fresh.alike("a1", "b0")
    assert fresh.reason("a1") is None


def test_memory_in_another_order_is_the_same_tensor():
    def ordered(a: Tensor) -> Tensor:
        made = a * 1.0
        return made.as_strided_((2, 3), (1, 2)).sum(1)

    assert told(ordered, (2, 3)).ties.unknown == set()

    def resized(a: Tensor) -> Tensor:
        made = a * 1.0
        return made.as_strided_((3, 2), (2, 1)).sum(1)

    assert told(resized, (2, 3)).ties.unknown == {"as_strided_"}


def test_neighbours_by_their_numbers_stay():
    said = told(lambda a: F.local_response_norm(a, 2).sum(), (2, 4, 3, 3))
    assert said.reason("a1") is not None
    mode = "donot_use_mm_for_euclid_dist"
    far = told(lambda a, b: torch.cdist(a, b, compute_mode=mode).sum(), (4, 3), (5, 3))
    assert far.reason("a1") == "_cdist_forward mixes channels by their numbers"


def test_two_channels_written_into_a_part_are_followed_and_one_is_spread():
    def write(a: Tensor, b: Tensor) -> Tensor:
        made = torch.zeros(4, b.shape[0])
        made[1:3] = a
        return (made + b).sum(1)

    pair = told(write, (2, 2), (2,))
    assert pair.alike("a1", "b0")
    assert pair.reason("a1") is None
    spread = told(write, (2, 1), (3,))
    assert spread.reason("b0") is None
