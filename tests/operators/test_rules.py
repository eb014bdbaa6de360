"""Every rule by itself: what is tied, what is read, what stays and why."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.errors import NetworkError
from secateur.network import Call, GatedNetwork, find_channels
from secateur.network.ties import find_ties
from tests.operators.told import OUT, told


def test_element_by_element_what_meets_is_tied():
    for function in (torch.add, torch.sub, torch.mul, torch.maximum, torch.atan2):
        said = told(function, (2, 6), (6,))
        assert said.alike("a1", "b0"), function
        assert len(said.sets()) == 6
        assert said.reason("a0") == OUT
    # a size of 1 is broadcast, and meets nothing
    said = told(torch.add, (4, 1), (1, 6))
    assert said.sets() == set()
    said = told(lambda a, b, c: torch.where(a > 1, b, c), (2, 3), (2, 3), (3,))
    assert said.alike("a1", "b1", "c0")


def test_what_meets_a_tensor_of_fixed_size_stays_and_zeros_follow():
    ramp = told(lambda a: (a + torch.arange(3.0)).sum(1), (2, 3))
    assert ramp.reason("a1") == "add with a tensor of fixed size"
    free = told(lambda a: (a + torch.zeros(3)).sum(1), (2, 3))
    assert free.reason("a1") is None
    like = told(lambda a, b: (torch.zeros_like(a) + b).sum(1), (2, 3), (3,))
    assert like.alike("a1", "b0")


def test_concatenation_ties_the_other_dimensions():
    along = told(lambda a, b: torch.cat([a, b], 1), (2, 3), (2, 4))
    assert along.sets() == {("a0[0]", "b0[0]"), ("a0[1]", "b0[1]")}
    assert told(lambda a, b: torch.cat([a, b], -2), (2, 3), (4, 3)).alike("a1", "b1")
    stacked = told(lambda a, b: torch.stack([a, b], 1).sum(1), (2, 3), (2, 3))
    assert stacked.alike("a0", "b0")
    assert stacked.alike("a1", "b1")


def test_two_halves_of_a_gate_are_tied():
    said = told(lambda a: F.glu(a, 1), (2, 6))
    assert said.sets() == {(f"a1[{k}]", f"a1[{k + 3}]") for k in range(3)}


@pytest.mark.parametrize("shape", [(2, 5), (2, 3, 5)])
def test_a_linear_layer_reads_its_inputs_and_makes_its_outputs(shape):
    said = told(F.linear, shape, (4, 5), (4,))
    last = f"a{len(shape) - 1}"
    assert said.alike(last, "b1")
    assert said.alike("b0", "c0")
    assert said.reason(last) is None
    assert said.reason("b0") == OUT
    assert said.reads() == [("linear", len(shape) - 1, last)]
    assert {said.ties.names[said.ties.made[int(a)]] for a in said.ties.slots["b"][0]} == {"linear"}


def test_products_of_matrices():
    said = told(torch.matmul, (2, 4, 5), (2, 5, 3))
    assert said.alike("a0", "b0")  # the batch of the product
    assert said.alike("a2", "b1")
    assert said.reads() == [("matmul", 2, "a2")]
    vector = told(torch.matmul, (4, 5), (5,))
    assert vector.alike("a1", "b0")
    assert vector.reason("a0") == OUT
    broadcast = told(torch.matmul, (3, 1, 4, 5), (2, 5, 6))
    assert broadcast.alike("a3", "b1")
    assert [broadcast.reason(n) for n in ("a0", "b0", "a2", "b2")] == [OUT] * 4
    assert len(broadcast.sets()) == 5
    fixed = told(lambda a: a @ torch.arange(15.0).view(5, 3), (2, 5))
    assert fixed.reason("a1") == "read by a tensor of fixed size"
    added = told(torch.addmm, (3,), (2, 5), (5, 3))
    assert added.alike("b1", "c0")
    assert added.alike("a0", "c1")


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_convolutions(dims, transposed):
    kernel = (2, 3, 2)[:dims]
    convolve = getattr(F, f"conv{'_transpose' * transposed}{dims}d")
    weight = (3, 6, *kernel) if transposed else (6, 3, *kernel)
    said = told(convolve, (2, 3, *(4, 5, 4)[:dims]), weight, (6,))
    rows, columns = ("b1", "b0") if transposed else ("b0", "b1")
    assert said.alike("a1", columns)
    assert said.alike(rows, "c0")
    assert said.reads() == [("convolution", 1, "a1")]
    assert said.reason("a1") is None
    assert said.reason(rows) == OUT
    assert said.reason("b2") == "size of a kernel"
    assert said.reason("a2") == "convolution over channels"
    (work,) = said.ties.work[-1:]
    positions = (
        np.prod([4, 5, 4][:dims])
        if transposed
        else np.prod([n - k + 1 for n, k in zip((4, 5, 4), kernel, strict=False)])
    )
    assert work.kind == f"conv{np.prod(kernel)}"
    assert work.number == 2 * positions * 3 * 6 * np.prod(kernel)


def test_groups_go_whole_or_shrink_alike():
    shapes = (2, 4, 3), (6, 2, 1)
    whole = told(lambda a, b: F.conv1d(a, b, groups=2), *shapes)
    assert {s for s in whole.sets() if s[0].startswith("a1")} == {
        ("a1[0]", "a1[1]", "b0[0]", "b0[1]", "b0[2]"),
        ("a1[2]", "a1[3]", "b0[3]", "b0[4]", "b0[5]"),
    }
    assert whole.reason("b1") == "size of a group"
    assert whole.reads() == []
    assert list(whole.ties.folds) == [("grouped convolution", (2, 2))]
    each = told(
        lambda a, b: F.conv1d(a, b, groups=2), *shapes, choice={("grouped convolution", (2, 2)): 1}
    )
    assert ("a1[0]", "a1[2]", "b1[0]") in each.sets()
    assert ("b0[0]", "b0[3]") in each.sets()
    assert each.reason("a1") is None
    assert [name for name, _, _ in each.reads()] == ["convolution"]
    depthwise = told(lambda a, b: F.conv1d(a, b, groups=4), (2, 4, 3), (8, 1, 1))
    assert ("a1[1]", "b0[2]", "b0[3]") in depthwise.sets()
    back = told(
        lambda a, b: F.conv_transpose1d(a, b, groups=2),
        (2, 4, 3), (4, 3, 1),
        choice={("grouped convolution", (2, 2)): 1},
    )  # fmt: skip
    assert ("a1[0]", "a1[2]", "b0[0]", "b0[2]") in back.sets()
    assert back.reason("b1") == OUT


def test_batch_norm_is_of_every_channel_by_itself():
    def norm(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
        return F.batch_norm(a, None, None, b, c, training=True)

    said = told(norm, (2, 3, 4), (3,), (3,))
    assert said.alike("a1", "b0", "c0")
    assert said.reads() == said.reads(stats=True) == []
    # on the input, whose size is fixed
    ramp = torch.arange(24.0).view(2, 3, 4)
    fixed = told(lambda a: F.batch_norm(ramp, None, None, a, training=True), (3,))
    assert fixed.reason("a0") == "it normalises a tensor of fixed size"


STATISTICS = {
    "a layer norm": (lambda a, b: F.layer_norm(a, (3,), b), (2, 4, 3), (3,), "a2"),
    "a group norm": (lambda a, b: F.group_norm(a, 1, b), (2, 3, 4), (3,), "a1"),
    "a softmax": (lambda a, b: (a + b).softmax(-1), (2, 4, 3), (3,), "a2"),
    "mean": (lambda a, b: (a + b).mean(-1), (2, 4, 3), (3,), "a2"),
    "amax": (lambda a, b: (a + b).amax(-1), (2, 4, 3), (3,), "a2"),
    "var": (lambda a, b: (a + b).var(-1), (2, 4, 3), (3,), "a2"),
}


@pytest.mark.parametrize("what", STATISTICS)
def test_a_statistic_over_channels_pins_or_is_taken_of_what_is_kept(what):
    function, shape, other, row = STATISTICS[what]
    summed = lambda a, b: function(a, b).sum(int(row[1]), keepdim=True)  # noqa: E731
    if what in ("mean", "amax", "var"):
        summed = function
    pinned = told(summed, shape, other)
    assert pinned.alike(row, "b0")
    assert pinned.reason(row) == f"{what} over channels: zeros would count"
    assert pinned.reads(stats=True) == []
    kept = told(summed, shape, other, norm_over="kept")
    assert kept.reason(row) is None
    assert [(dim, name) for _, dim, name in kept.reads(stats=True)] == [(int(row[1]), row)]


def test_group_norm_of_several_groups():
    whole = told(lambda a: F.group_norm(a, 3).sum(1), (2, 6, 3))
    assert whole.sets() == {(f"a1[{k}]", f"a1[{k + 1}]") for k in (0, 2, 4)}
    assert whole.reason("a1") is None
    each = told(
        lambda a: F.group_norm(a, 3).sum(1), (2, 6, 3),
        norm_over="kept", choice={("group norm", (3, 2)): 1},
    )  # fmt: skip
    assert each.sets() == {("a1[0]", "a1[2]", "a1[4]"), ("a1[1]", "a1[3]", "a1[5]")}
    assert len(each.reads(stats=True)) == 1
    one_each = told(lambda a: F.group_norm(a, 6).sum(1), (2, 6, 3))
    assert one_each.sets() == set()
    assert one_each.reason("a1") is None


def test_a_sum_reads_and_numbers_pin():
    for function in (lambda a: a.sum(1), lambda a: a.norm(dim=1)):
        said = told(function, (2, 3, 4))
        assert said.reason("a1") is None
        assert [(dim, row) for _, dim, row in said.reads()] == [(1, "a1")]
        assert said.reason("a2") == OUT
    everything = told(lambda a: a.sum(), (2, 3))
    assert [(dim, row) for _, dim, row in everything.reads()] == [(0, "a0"), (1, "a1")]
    kept = told(lambda a, b: a.sum(1, keepdim=True) + b, (2, 3, 4), (4,))
    assert kept.alike("a2", "b0")
    for function, reason in (
        (lambda a: a.argmax(1).float(), "argmax over channels gives their numbers"),
        (lambda a: a.sort(1)[0], "sort goes over channels in their order"),
        (lambda a: a.topk(2, 1)[0], "topk goes over channels in their order"),
        (lambda a: a.cumsum(1), "cumsum goes over channels in their order"),
        (lambda a: a.transpose(1, 2).tril().sum(2), "tril over channels goes by their numbers"),
    ):
        assert told(function, (2, 3, 4)).reason("a1") == reason


def test_moves_are_run_on_the_atoms():
    assert told(lambda a, b: a.permute(2, 0, 1) + b, (2, 3, 4), (3,)).alike("a1", "b0")
    assert told(lambda a, b: a.transpose(1, 2) + b, (2, 3, 4), (3,)).alike("a1", "b0")
    assert told(lambda a, b: a[:, None] + b, (2, 3), (4, 3)).alike("a1", "b1")
    assert told(lambda a, b: a.unsqueeze(0).squeeze(0) + b, (2, 3), (3,)).alike("a1", "b0")
    repeated = told(lambda a, b: a.repeat(1, 2) + b, (2, 3), (6,))
    assert ("a1[1]", "b0[1]", "b0[4]") in repeated.sets()
    shuffled = told(lambda a, b: F.pixel_shuffle(a, 2) + b, (1, 8, 2, 2), (2, 1, 1))
    assert ("a1[0]", "a1[1]", "a1[2]", "a1[3]", "b0[0]") in shuffled.sets()
    flat = told(lambda a, b: F.linear(a[:, :, None].expand(2, 3, 4).flatten(1), b), (2, 3), (5, 12))
    assert ("a1[1]", *(f"b1[{k}]" for k in range(4, 8))) in flat.sets()
    parts = told(lambda a: torch.add(*a.chunk(2, 1)), (2, 6))
    assert ("a1[0]", "a1[3]") in parts.sets()
    reversed_twice = told(lambda a, b: a.flip(1).flip(1) + b, (2, 3), (3,))
    assert ("a1[0]", "b0[0]") in reversed_twice.sets()


def test_what_is_taken_at_numbers_stays():
    for function, reason in (
        (lambda a: a[:, :2].sum(1), "channels at fixed places"),
        (lambda a: a[:, 1], "at fixed places"),
        (lambda a: a[:, [0, 2]].sum(1), "at fixed places|by fixed numbers"),
        (lambda a: a.roll(1, 1).sum(1), "roll moves channels by fixed numbers"),
        (lambda a: torch.stack(a.split([1, 5], 1)[1:]).sum((0, 2)), "numbers written in code"),
    ):
        reasons = told(function, (2, 6)).reasons("a1")
        assert all(r is not None for r in reasons)
        assert any(re.search(reason, str(r)) for r in reasons), reasons


def test_padding_is_no_channel_whatever_it_is_filled_with():
    for value in (0.0, 1.0, 5.0):
        said = told(lambda a, b, v=value: (F.pad(a, (1, 2), value=v) + b).sum(1), (2, 3), (6,))
        assert {s for s in said.sets() if s[0].startswith("a1")} == {
            (f"a1[{k}]", f"b0[{k + 1}]") for k in range(3)
        }
        assert [r is None for r in said.reasons("b0")] == [False, True, True, True, False, False]


def test_positions_of_a_map_and_rows_of_a_table_stay():
    pooled = told(lambda a: F.max_pool2d(a, 2).sum((1, 2, 3)), (2, 3, 4, 4))
    assert pooled.reason("a1") is None
    assert "over channels" in str(pooled.reason("a2"))
    table = told(lambda a: F.embedding(torch.tensor([[0, 1]]), a).sum(2), (5, 3))
    assert table.reason("a0") == "its rows are looked up by number"
    assert table.reason("a1") is None


def test_an_operation_without_a_rule_pins_what_goes_in():
    said = told(lambda a: torch.linalg.qr(a)[1].sum(), (3, 3))
    assert said.reason("a1") == "linalg_qr is an operation that secateur does not know"
    assert said.ties.unknown == {"linalg_qr"}


def test_writing_into_parts_of_a_tensor():
    def whole(a: Tensor) -> Tensor:
        made = torch.zeros(2, 3)
        made.copy_(a)
        return made.sum(1)

    assert told(whole, (2, 3)).reason("a1") is None


def test_weight_norm_is_a_statistic_over_inputs():
    said = told(lambda a, b, c: F.linear(c, torch._weight_norm(a, b, 0)), (3, 4), (3, 1), (2, 4))
    assert said.alike("a0", "b0")
    assert said.alike("a1", "c1")
    assert said.reason("a1") == "weight norm over inputs"
    assert said.reason("a0") == OUT


def test_what_is_written_costs_elements_and_views_cost_nothing():
    said = told(lambda a: torch.relu(a.transpose(1, 2)).flatten(1).tanh(), (2, 3, 4))
    elements = [(work.kind, work.number) for work in said.ties.work]
    names = [said.ties.names[work.op] for work in said.ties.work]
    assert set(elements) == {("elementwise", 24.0)}
    assert "relu" in names
    assert "tanh" in names
    assert not {"transpose", "view"} & set(names)
    relu = said.ties.work[names.index("relu")]
    rows = [said.ties.atoms.roots(row).tolist() for row in relu.factors]
    assert said.rows["a1"].tolist() in rows


def test_the_largest_of_all_is_a_statistic_and_its_place_a_number():
    whole = told(lambda a: a.max(), (2, 3), norm_over="kept")
    assert whole.reason("a1") is None
    assert len(whole.reads(stats=True)) == 2
    placed = told(lambda a: a.max(1)[1].float(), (2, 3), norm_over="kept")
    assert placed.reason("a1") == "max over channels gives their numbers"
    # nobody looks at the places
    assert told(lambda a: a.max(1)[0], (2, 3), norm_over="kept").reason("a1") is None


def test_zeros_stacked_beside_channels_follow_them():
    said = told(lambda a: torch.stack([a, torch.zeros(2, 3)], 1).sum((1, 2)), (2, 3))
    assert said.reason("a1") is None
    ramp = told(lambda a: torch.stack([a, torch.arange(6.0).view(2, 3)], 1).sum(1), (2, 3))
    assert ramp.reason("a1") == "cat along another dimension with a tensor of fixed size"


class WeightOnTheLeft(nn.Module):
    """``W x``: the second operand is the activation, and it is read there."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first = nn.Linear(4, 6)
        self.left = nn.Parameter(torch.randn(5, 6, generator=generator))
        self.last = nn.Linear(5, 2)

    def forward(self, x):
        return self.last((self.left @ torch.relu(self.first(x)).T).T)


def test_a_product_is_read_at_the_activation_whichever_side_it_is_on():
    network, x = WeightOnTheLeft().eval(), torch.randn(3, 4)
    ties = find_ties(network, Call((x,)))
    (event,) = [e for e in ties.reads if ties.names[e.op] == "matmul"]
    # operand 1, dimension 0: the six features of (6, batch)
    assert (event.operand, event.dim, len(event.ids)) == (1, 0, 6)
    channels = find_channels(network, x)
    gated, ones = GatedNetwork(network, channels), torch.ones(3, len(channels))
    with pytest.raises(NetworkError, match="cannot be told apart"):  # they are in dimension 1
        gated(Call((x,)), ones.requires_grad_())
    gates = torch.ones(1, len(channels)).requires_grad_()
    (slope,) = torch.autograd.grad(gated(Call((x,)), gates).sum(), gates)
    # the derivative by hand: what each feature brings
    brought = torch.relu(network.first(x)) * (network.left.T @ network.last.weight.sum(0))
    group = next(g for g in channels.groups if g.path == "first")
    torch.testing.assert_close(slope[0, group.slice], brought.sum(0))


def test_the_work_of_a_product_shrinks_with_every_dimension_that_does():
    def rows(said, name):
        (work,) = [w for w in said.ties.work if w.kind == name]
        roots = [said.ties.atoms.roots(row).tolist() for row in work.factors]
        return work.number, sorted(n for n, row in said.rows.items() if row.tolist() in roots)

    both = told(lambda a, b: (a @ b).sum(), (2, 5), (5, 3))
    assert rows(both, "matmul") == (30.0, ["a0", "a1", "b0", "b1"])
    # what forward makes is as wide as the other side
    right = told(lambda a: (a @ torch.ones(5, 3)).sum(), (2, 5))
    assert rows(right, "matmul") == (30.0, ["a0", "a1"])
    left = told(lambda a: (torch.ones(3, 5) @ a).sum(), (5, 2))
    assert rows(left, "matmul") == (30.0, ["a0", "a1"])
    assert ("matmul", 1, "a1") in right.reads()
    assert ("matmul", 0, "a0") in left.reads()
    assert right.reason("a1") is left.reason("a0") is None
    batch = told(lambda a, b: (a @ b).sum(), (4, 2, 5), (5, 3))
    assert rows(batch, "matmul") == (120.0, ["a0", "a1", "a2", "b0", "b1"])
    bias = told(lambda a, b, c: F.linear(a, b, c).sum(), (2, 5), (3, 5), (3,))
    assert rows(bias, "linear") == (30.0, ["a0", "a1", "b0", "b1", "c0"])


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("part", [0, 1])
def test_the_work_of_a_grouped_convolution(transposed, part):
    convolve = F.conv_transpose1d if transposed else F.conv1d
    weight = (4, 3, 2) if transposed else (6, 2, 2)
    fold = ("grouped convolution", (2, 2))
    said = told(lambda a, b: convolve(a, b, groups=2).sum(), (3, 4, 5), weight, choice={fold: part})
    (work,) = [w for w in said.ties.work if w.kind == "grouped"]
    positions = 3 * (5 if transposed else 4)  # of the side that each weight is multiplied with
    assert work.number == positions * np.prod(weight)
    roots = [set(said.ties.atoms.roots(row).tolist()) for row in work.factors]
    own, other = set(said.rows["b0"].tolist()), set(said.rows["b1"].tolist())
    assert roots == ([own] if part == 0 else [own, other])
    assert len(own) == (2 if part == 0 or transposed else 3)
