"""Gates at the reads: masks, per-sample derivatives, observers, against networks gated by hand.

By hand: a gate on a channel is a factor on the columns of the weights that read it. That needs no
stream, and autograd does the rest.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from secateur.errors import NetworkError
from secateur.network import Call, Channels, GatedNetwork, find_channels
from secateur.network.ties import output_tensors
from secateur.tasks import Task
from tests.nets import Residual, mse, seeded
from tests.networks import all_cases
from tests.statistics.reference import all_rows

CASES = {case.name: case for case in all_cases()}
NAMES = [
    "conv 1x1", "grouped conv", "depthwise with multiplier 2", "transposed, grouped", "conv 3d",
    "linear layers over a sequence", "densenet", "u-net", "attention u-net", "yolo c2f",
    "in place on what is read elsewhere", "a module used twice", "one batch norm in two places",
    "mobilenet v3", "shufflenet v2", "resnet",
    "resnet, pre-activation", "resnet, option A", "se-resnet", "highway gates", "vgg with view",
    "lstm", "gru, two layers, both directions", "vit, packed qkv", "vit, multihead attention",
    "llama", "encoder of two layers, norm first", "point net",
    "video: images one by one, then over time",
]  # fmt: skip
SINGLY = {
    "lstm", "gru, two layers, both directions", "vit, multihead attention",
    "encoder of two layers, norm first",
}  # fmt: skip
"""Samples stand in dimension 1 inside: they go through one at a time."""


def doubled(call: Call) -> Call:
    return call.map(lambda t: t.double() if t.is_floating_point() else t)


@functools.cache
def found(name: str) -> tuple[nn.Module, Call, Channels]:
    case = CASES[name]
    network, call = case.build().double(), doubled(case.inputs(batch=3))
    return network, call, find_channels(network, call)


def by_columns(network: nn.Module, channels: Channels, gates: Tensor, call: Call) -> Tensor:
    """A number for each sample, of the network with its reading columns scaled by gates."""
    makers = {(name, dim) for slots in channels.makers for name, dim, _ in slots}
    full = torch.cat([gates, gates.new_ones(1)])
    parameters = {}
    for name, parameter in network.named_parameters():
        scaled = parameter.detach()
        for dim, channel in channels.index.get(name, {}).items():
            if parameter.ndim > 1 and (name, dim) not in makers:
                shape = [-1 if d == dim else 1 for d in range(parameter.ndim)]
                scaled = scaled * full[torch.as_tensor(channel)].reshape(shape)
        parameters[name] = scaled
    # copies of what autograd keeps: forward may write to it later
    with torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda kept: kept):
        return total(functional_call(network, parameters, call.args, dict(call.kwargs)), call.size)


def total(out: object, size: int) -> Tensor:
    """A number for each sample, made of all outputs with weights of their own."""
    numbers = []
    for k, tensor in enumerate(t for t in output_tensors(out) if t.is_floating_point()):
        flat = tensor.reshape(size, -1)
        weights = torch.linspace(-1.0, 2.0, flat.shape[1], dtype=flat.dtype).sin() + k
        numbers.append((flat * weights).sum(1))
    return torch.stack(numbers).sum(0)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_by_sample_are_those_of_factors_on_the_reading_columns(name):
    network, call, channels = found(name)
    generator = torch.Generator().manual_seed(3)
    point = 0.5 + torch.rand(len(channels), generator=generator, dtype=torch.double)
    gates = point.repeat(call.size, 1).requires_grad_()
    gated = GatedNetwork(network, channels)
    if name in SINGLY:
        parts = [total(gated(call.take(k), gates[k : k + 1]), 1) for k in range(call.size)]
        values = torch.cat(parts)
    else:
        values = total(gated(call, gates), call.size)
    (derivatives,) = torch.autograd.grad(values.sum(), gates)
    assert derivatives.abs().sum() > 0
    for sample in range(call.size):
        one = call.take(sample)
        leaf = point.clone().requires_grad_()
        value = by_columns(network, channels, leaf, one)
        (wanted,) = torch.autograd.grad(value.sum(), leaf)
        scale = float(wanted.abs().max()) + 1e-9
        torch.testing.assert_close(values[sample], value[0], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(derivatives[sample], wanted, rtol=1e-8, atol=1e-10 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_is_zeros_in_the_reading_columns(name):
    network, call, channels = found(name)
    rng = np.random.default_rng(0)
    keep = rng.random(len(channels)) > 0.5
    masked = total(GatedNetwork(network, channels).masked(call, keep), call.size)
    zeros = torch.as_tensor(keep, dtype=torch.double)
    with torch.no_grad():
        wanted = by_columns(network, channels, zeros, call)
    torch.testing.assert_close(masked, wanted, rtol=1e-9, atol=1e-9)


def test_the_same_gate_for_all_samples_has_the_sum_of_the_derivatives():
    network, call, channels = found("se-resnet")
    gated = GatedNetwork(network, channels)
    each = torch.ones(call.size, len(channels), dtype=torch.double, requires_grad=True)
    one = torch.ones(1, len(channels), dtype=torch.double, requires_grad=True)
    (by_sample,) = torch.autograd.grad(total(gated(call, each), call.size).sum(), each)
    (summed,) = torch.autograd.grad(total(gated(call, one), call.size).sum(), one)
    torch.testing.assert_close(by_sample.sum(0, keepdim=True), summed, rtol=1e-10, atol=1e-10)


def test_gates_behind_modules_where_filters_go_by_themselves():
    """``tied=False``: the gate sits behind the producer, in front of the sum."""
    network = seeded(Residual).double()
    x = torch.randn(3, 2, 6, 6, generator=torch.Generator().manual_seed(0)).double()
    channels = find_channels(network, x, tied=False)
    point = torch.linspace(0.5, 1.5, 12, dtype=torch.double).repeat(3, 1)

    def by_hand(gates: Tensor) -> Tensor:
        wide = gates[:, :, None, None]
        stem = torch.relu(network.stem(x) * wide[:, :4])
        inner = torch.relu(network.norm(network.inner(stem))) * wide[:, 4:8]
        out = network.out(inner) * wide[:, 8:]
        return network.fc(torch.relu(stem + out).mean((2, 3)))

    derivatives = []
    for forward in (by_hand, lambda g: GatedNetwork(network, channels)(Call((x,)), g)):
        gates = point.clone().requires_grad_()
        (found,) = torch.autograd.grad(total(forward(gates), 3).sum(), gates)
        derivatives.append(found)
    torch.testing.assert_close(derivatives[1], derivatives[0], rtol=1e-10, atol=1e-10)


class TimeFirst(nn.Module):
    """Samples stand in dimension 1 inside, behind as many steps as there are samples."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(2, 4)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x.flatten(2).transpose(0, 1))[0]).transpose(0, 1)


class Mixing(nn.Module):
    """Every sample is made less by the mean of all."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(2, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.one(x))
        return self.two(y - 0.5 * y.mean(0, keepdim=True))


@pytest.mark.parametrize("build", [TimeFirst, Mixing])
def test_samples_that_cannot_be_told_apart_are_measured_one_by_one(build):
    network = seeded(build).double()
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 4, 4, 2, generator=generator, dtype=torch.double)
    task = Task([(x, y)], mse)
    channels = find_channels(network, x)
    found = all_rows(network, task, channels).gradients
    gated = GatedNetwork(network, channels)
    for sample in range(4):
        gates = torch.ones(1, len(channels), dtype=torch.double, requires_grad=True)
        one = slice(sample, sample + 1)
        loss = mse(gated(Call((x[one],)), gates), y[one])
        (wanted,) = torch.autograd.grad(loss.sum(), gates)
        np.testing.assert_allclose(found[sample], wanted[0].numpy(), rtol=1e-9, atol=1e-12)


def test_as_many_gates_as_samples():
    network, call, channels = found("resnet")
    gates = torch.ones(2, len(channels), dtype=torch.double)
    with pytest.raises(NetworkError, match="cannot be told apart"):
        GatedNetwork(network, channels)(call, gates)


def test_an_observer_sees_the_dense_activations_at_every_read():
    network = seeded(Residual)
    x = torch.randn(2, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    channels = find_channels(network, x)
    seen = []
    gated = GatedNetwork(network, channels)
    out = gated(Call((x,)), observe=lambda read, tensor: seen.append((read, tensor)))
    assert [read for read, _ in seen] == list(channels.reads)
    with torch.no_grad():
        stem = torch.relu(network.stem(x))
        inner = torch.relu(network.norm(network.inner(stem)))
        pooled = torch.relu(stem + network.out(inner)).mean((2, 3))
    for (_, tensor), wanted in zip(seen, (stem, inner, pooled), strict=True):
        torch.testing.assert_close(tensor, wanted)
    torch.testing.assert_close(out, network(x))


def test_a_network_that_goes_another_way_is_refused():
    class Switch(Residual):
        way = 0

        def forward(self, x: Tensor) -> Tensor:
            y = super().forward(x)
            return y if self.way == 0 else y.tanh()

    network = seeded(Switch)
    x = torch.randn(2, 2, 6, 6)
    gated = GatedNetwork(network, find_channels(network, x))
    network.way = 1
    with pytest.raises(NetworkError, match="goes another way on these inputs"):
        gated.masked(Call((x,)), np.ones(8, dtype=bool))


class Normed(nn.Module):
    """A norm over channels, which is taken over those that are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.norm(self.first(x))))


@pytest.mark.parametrize(
    ("build", "shape", "how"),
    [
        (Normed, (3, 4), {"norm_over": "kept"}),
        (Residual, (3, 2, 6, 6), {"tied": False}),
        (Residual, (3, 2, 6, 6), {}),
    ],
)
def test_gates_with_a_mask_are_the_mask_and_have_derivatives(build, shape, how):
    network = seeded(build).double()
    inputs = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    channels = find_channels(network, inputs, **how)
    gated, call = GatedNetwork(network, channels), Call((inputs,))
    keep = np.random.default_rng(0).random(len(channels)) < 0.6
    for group in channels.groups:
        keep[group.start] = True
    gates = torch.as_tensor(keep).double().expand(3, -1).clone().requires_grad_()
    out = gated(call, gates, keep=keep)
    torch.testing.assert_close(out, gated.masked(call, keep))
    (slope,) = torch.autograd.grad(out.square().sum(), gates)
    assert bool((slope[:, torch.as_tensor(keep)].abs().sum(0) > 0).any())
    step = 1e-6
    with torch.no_grad():
        for number in range(len(channels)):
            ends = []
            for sign in (-1.0, 0.0, 1.0):
                moved = gates.clone()
                moved[1, number] += sign * step
                ends.append(float(gated(call, moved, keep=keep).square().sum()))
            # a closed gate in front of a ReLU is at its corner: the slope is that of one side
            sides = np.diff(ends) / step
            assert sides.min() - 1e-5 <= float(slope[1, number]) <= sides.max() + 1e-5
