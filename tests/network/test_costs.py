"""Costs against torch's own counter and the parameters that are there, dense and cut."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from secateur.network import Call, Channels, find_channels
from secateur.network.costs import Costs, Term
from secateur.network.run import plain_kernels
from secateur.surgery import count_macs, count_parameters, cut
from tests.nets import Chain, seeded
from tests.networks import all_cases

CASES = {case.name: case for case in all_cases()}
NAMES = [
    "conv 1x1", "conv, dilated", "depthwise", "depthwise with multiplier 2", "grouped conv",
    "transposed", "transposed, depthwise", "transposed, grouped", "conv 1d", "conv 3d",
    "linear layers", "linear layers over a sequence", "densenet", "u-net", "yolo c2f",
    "a module used twice", "one weight in two convolutions", "autoencoder with tied weights",
    "mobilenet v3", "resnet", "resnext", "se-resnet", "vgg with view", "llama",
    "vit, packed qkv", "vit, einsum", "linear attention", "point net",
]  # fmt: skip


@functools.cache
def found(name: str) -> tuple[nn.Module, Call, Channels]:
    case = CASES[name]
    network, call = case.build(), case.inputs(batch=2)
    return network, call, find_channels(network, call)


@pytest.mark.parametrize("name", NAMES)
def test_costs_are_what_torch_counts_dense_and_cut(name):
    network, call, channels = found(name)
    rng = np.random.default_rng(0)
    for rate in (0.0, 0.3, 0.7):
        keep = rng.random(len(channels)) >= rate
        for group in channels.groups:
            keep[group.start + rng.integers(group.size)] = True
        slim = cut(network, channels, keep)
        cost = channels.cost(~keep)
        assert cost["params"] == count_parameters(slim)
        assert cost["macs"] == count_macs(slim, call) == counted_by_torch(slim, call)


def counted_by_torch(network: nn.Module, call: Call) -> int:
    """For one sample; no fused operation that its counter does not know."""
    one = call.take(slice(0, 1))
    with torch.no_grad(), plain_kernels(), FlopCounterMode(display=False) as counter:
        network(*one.args, **one.kwargs)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("name", ["resnet", "densenet", "u-net", "vgg with view"])
def test_costs_are_right_where_filters_go_by_themselves(name):
    network, call, _ = found(name)
    channels = find_channels(network, call, tied=False)
    rng = np.random.default_rng(1)
    keep = rng.random(len(channels)) >= 0.5
    for group in channels.groups:
        keep[group.start + rng.integers(group.size)] = True
    slim = cut(network, channels, keep)
    cost = channels.cost(~keep)
    assert cost["params"] == count_parameters(slim)
    assert cost["macs"] == count_macs(slim, call) == counted_by_torch(slim, call)


@pytest.mark.parametrize("name", NAMES)
def test_no_term_has_more_than_two_factors_that_vary(name):
    _, _, channels = found(name)
    for term in (*channels.costs.parameters, *channels.costs.macs):
        sets = {frozenset(f[f >= 0].tolist()) for f in term.factors}
        assert len(sets) <= 2, (term.kind, term.op)


def test_a_chain_by_hand():
    network, x = seeded(Chain), torch.zeros(3, 2, 8, 6)
    channels = find_channels(network, x)
    gone = np.array([1, 0, 0, 1, 0, 0, 1, 1, 0], dtype=bool)  # 2 of 4 stay, 3 of 5
    assert channels.cost(np.zeros(9)) == {
        "params": 2 * 4 * 9 + 2 * 4 + 4 * 5 * 9 + 5 + 5 * 2 * 9 + 2,
        "macs": 48 * 9 * (2 * 4 + 4 * 5 + 5 * 2),
    }
    assert channels.cost(gone) == {
        "params": 2 * 2 * 9 + 2 * 2 + 2 * 3 * 9 + 3 + 3 * 2 * 9 + 2,
        "macs": 48 * 9 * (2 * 2 + 2 * 3 + 3 * 2),
    }
    kinds = [term.kind for term in channels.costs.macs]
    assert kinds == ["conv9"] * 3


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(3, 6, batch_first=True)
        self.fc = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x)[0][:, -1])


def test_recurrent_layers_count_every_step_which_torch_s_counter_misses():
    network, x = Recurrent(), torch.zeros(2, 5, 3)
    channels = find_channels(network, x)
    assert channels.cost(np.zeros(6))["macs"] == 5 * 4 * 6 * (3 + 6) + 6 * 2
    gone = np.array([0, 1, 1, 0, 0, 0])
    assert channels.cost(gone)["macs"] == 5 * 4 * 4 * (3 + 4) + 4 * 2
    for z in (np.zeros(6), gone):
        slim = cut(network, channels, z == 0)
        assert count_macs(slim, Call((x,))) == channels.cost(z)["macs"]


def test_torch_s_own_attention_counts_its_heads():
    layer = nn.TransformerEncoderLayer(8, 4, 12, batch_first=True)
    network = nn.Sequential(layer, nn.Linear(8, 3)).eval()
    x = torch.randn(1, 5, 8)
    channels = find_channels(network, x)
    inner = 5 * (8 * 24 + 8 * 8) + 2 * 5 * 5 * 8 + 5 * 2 * 8 * 12 + 5 * 8 * 3
    assert channels.cost(np.zeros(len(channels)))["macs"] == inner
    gone = np.zeros(len(channels), dtype=bool)
    heads = next(g for g in channels.groups if g.path.endswith("self_attn"))
    ffn = next(g for g in channels.groups if g.path.endswith("linear1"))
    assert (heads.size, ffn.size) == (4, 12)
    gone[heads.start], gone[ffn.start : ffn.start + 4] = True, True
    inner = 5 * (8 * 18 + 6 * 8) + 2 * 5 * 5 * 6 + 5 * 2 * 8 * 8 + 5 * 8 * 3
    assert channels.cost(gone)["macs"] == inner
    assert count_macs(cut(network, channels, ~gone), Call((x,))) == inner


def test_a_term_is_a_product_of_shares():
    term = Term(24.0, (np.array([0, 1, -1, 2]), np.array([3, 3])), "conv1", 4)
    assert term.count(np.zeros(4)) == 24.0
    assert term.count(np.array([1, 0, 0, 0])) == 18.0
    assert term.count(np.array([1, 0, 1, 0])) == 12.0
    assert term.count(np.array([0, 0, 0, 1])) == 0.0
    costs = Costs((term, Term(5.0)), (term,))
    assert costs.count(np.array([1, 0, 0, 0])) == {"params": 23, "macs": 18}


def test_a_cost_is_of_an_operation_or_of_a_parameter():
    network = seeded(Chain)
    costs = find_channels(network, torch.randn(2, 2, 6, 6)).costs
    names = dict(network.named_parameters())
    assert {term.kind: term.number for term in costs.parameters} == {
        name: parameter.numel() for name, parameter in names.items()
    }
    assert {term.op for term in costs.parameters} == {-1}
    operations = [term.op for term in (*costs.macs, *costs.elements)]
    assert min(operations) >= 0
    assert len(set(operations)) == len(operations)
    assert all(term.kind not in names for term in (*costs.macs, *costs.elements))
