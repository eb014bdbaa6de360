"""Compensation against independent computations, for every kind of contraction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.errors import DataError, NetworkError, OptionError
from secateur.network import Call, GatedNetwork, find_channels
from secateur.network.cut import cut
from secateur.surgery import compensate
from secateur.surgery.compensation import fit
from tests.surgery.contractions import KINDS, Behind, Stack, build, refit


def batches(inputs: Tensor, size: int = 6) -> list[Call]:
    return [Call((part,)) for part in inputs.split(size)]


def half(channels, seed=0):
    keep = np.random.default_rng(seed).random(len(channels)) > 0.4
    for group in channels.groups:
        keep[group.start] = True
        keep[group.start + 1] = False
    return keep


def seen_by(network, channels, keep, inputs):
    """What the second layer of a masked network is given."""
    seen = []
    handle = network.second.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    GatedNetwork(network, channels).masked(Call((inputs,)), keep)
    handle.remove()
    return seen[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_fit_is_ridge_regression_by_lstsq(kind):
    network, inputs = build(kind)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    channels = find_channels(network, inputs[:2])
    keep = half(channels)
    done = fit(network, channels, keep, batches(inputs), ridge=0.05)
    gone = channels.extended(~keep)
    last = "first.2.weight" if "wise" in kind else "first.weight"
    rows = gone[channels.index[last][0]]
    dim = 1 if "conv" in kind or "grouped" in kind or "wise" in kind or "trans" in kind else 2
    with torch.no_grad():
        dense = network.middle(inputs)
        shape = [-1 if d == dim else 1 for d in range(dense.ndim)]
        pruned = seen_by(done.network, channels, keep, inputs)
        masked = pruned * torch.as_tensor(~rows).reshape(shape)
        wanted = network.second(dense)
    expected = refit(network.second, masked, wanted, 0.05, dim)
    assert any(layer.path.startswith("second") for layer in done.layers)
    for name, value in expected.items():
        new = dict(done.network.second.named_parameters())[name].detach().numpy()
        old = dict(network.second.named_parameters())[name].detach().numpy()
        stays = np.ones(value.shape, dtype=bool)
        for d, index in channels.index[f"second.{name}"].items():
            stays &= ~gone[index].reshape([-1 if k == d else 1 for k in range(value.ndim)])
        np.testing.assert_allclose(new[stays], value[stays], rtol=1e-6, atol=1e-9)
        np.testing.assert_array_equal(new[~stays], old[~stays])
        assert np.abs(new - old).max() > 1e-4
    # the dense network is as it was, the copy has the same names
    assert list(done.network.state_dict()) == list(before)
    assert all(torch.equal(v, before[name]) for name, v in network.state_dict().items())
    # masked or cut, it is the same network
    small = cut(done.network, channels, keep)
    with torch.no_grad():
        gated = GatedNetwork(done.network, channels).masked(Call((inputs,)), keep)
        torch.testing.assert_close(small(inputs), gated, rtol=0, atol=1e-10)
    assert all(layer.after <= layer.before * (1 + 1e-9) for layer in done.layers)


@pytest.mark.parametrize("sweeps", [1, 3])
def test_a_stack_of_matrices_is_fitted_one_by_one(sweeps):
    torch.manual_seed(0)
    network = Behind(nn.Linear(5, 6), Stack(), nn.Linear(4, 2)).double()
    inputs = torch.randn(20, 7, 5, dtype=torch.float64)
    channels = find_channels(network, inputs[:2])
    keep = np.ones(len(channels), dtype=bool)
    first = next(g for g in channels.groups if ("first.weight", 0) in g.members)
    keep[[first.start, first.start + 3]] = False
    made = None
    for _ in range(sweeps):  # each is pulled towards the weights of the one before
        made = fit(network, channels, keep, batches(inputs), ridge=0.05, start=made).network
    with torch.no_grad():
        x = network.middle(inputs).flatten(0, 1).numpy()
    stays = np.array([1, 2, 4, 5])
    for k in range(3):
        old = network.second.w[k].detach().numpy()
        design = x[:, stays]
        pull = np.sqrt(0.05 * np.square(design).sum(0).mean())
        left = np.vstack([design, pull * np.eye(4)])
        found = old[stays]
        for _ in range(sweeps):
            found = np.linalg.lstsq(left, np.vstack([x @ old, pull * found]), rcond=None)[0]
        np.testing.assert_allclose(
            made.second.w[k].detach().numpy()[stays], found, rtol=1e-6, atol=1e-9
        )


@pytest.mark.parametrize("kind", ["conv1d", "conv2d", "transposed", "linear", "conv3d"])
def test_a_redundant_channel_costs_nothing(kind):
    network, inputs = build(kind)
    with torch.no_grad():
        for twin, of, factor in ((4, 0, 0.5), (5, 1, 2.0), (3, 2, 1.5)):
            network.first.weight[twin] = factor * network.first.weight[of]
            network.first.bias[twin] = factor * network.first.bias[of]
    channels = find_channels(network, inputs[:2])
    keep = np.ones(len(channels), dtype=bool)
    index = channels.index["first.weight"][0]
    keep[index[[3, 4, 5]]] = False
    fitted = compensate(network, channels, keep, batches(inputs), ridge=1e-10)
    small = cut(fitted, channels, keep)
    x = torch.randn_like(inputs[:3])
    with torch.no_grad():
        torch.testing.assert_close(small(x), network(x), rtol=0, atol=1e-6)
        plain = cut(network, channels, keep)
        assert (plain(x) - network(x)).abs().max() > 1e-2


def test_nothing_pruned_changes_nothing():
    network, inputs = build("conv2d")
    channels = find_channels(network, inputs[:2])
    done = fit(network, channels, np.ones(len(channels), dtype=bool), batches(inputs))
    assert done.layers == ()
    assert all(
        torch.equal(v, network.state_dict()[k]) for k, v in done.network.state_dict().items()
    )


def test_options_and_inputs_out_of_range_are_named():
    network, inputs = build("conv2d")
    channels = find_channels(network, inputs[:2])
    keep = half(channels)
    with pytest.raises(OptionError, match="ridge is 0"):
        compensate(network, channels, keep, batches(inputs), ridge=0.0)
    with pytest.raises(OptionError, match="fit_batches is 0"):
        compensate(network, channels, keep, batches(inputs), fit_batches=0)
    with pytest.raises(DataError, match="no batch"):
        compensate(network, channels, keep, [])
    wrong = [Call((inputs[:2],)), Call((torch.ones(1, 5, 4, 4).double(),))]
    with pytest.raises(DataError, match=r"\(1, 5, 4, 4\)"):
        compensate(network, channels, keep, wrong)
    with pytest.raises(NetworkError, match="not finite"):
        compensate(network, channels, keep, [Call((inputs * float("inf"),))])


def test_fewer_batches_may_be_used():
    network, inputs = build("conv2d")
    channels = find_channels(network, inputs[:2])
    keep = half(channels)
    some = fit(network, channels, keep, batches(inputs), fit_batches=2)
    same = fit(network, channels, keep, batches(inputs[:12]))
    assert some.batches == same.batches == 2
    for name, value in some.network.state_dict().items():
        assert torch.equal(value, same.network.state_dict()[name])
