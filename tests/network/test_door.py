"""The door: wrappers taken off, parametrizations baked, the rest refused by name."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune
from torch.optim.swa_utils import AveragedModel

from secateur.errors import DataError, NetworkError
from secateur.network.call import Call
from secateur.network.door import (
    bare_network,
    check_call,
    check_weights,
    copied,
    differentiable,
    unwrap,
)
from tests.doors.nets import Holding
from tests.nets import Chain, seeded

X = torch.randn(2, 2, 6, 6, generator=torch.Generator().manual_seed(0))


def outputs(network: nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return network.eval()(X)


def compiled(network: nn.Module) -> nn.Module:
    return torch.compile(network, backend="eager")  # the other needs a compiler, and warns


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (nn.DataParallel, "DataParallel"),
        (AveragedModel, "AveragedModel"),
        (compiled, "torch.compile"),
    ],
)
def test_wrappers_are_taken_off_with_a_word(wrap, name):
    network = seeded(Chain)
    bare, notes = unwrap(wrap(network))
    assert type(bare) is Chain
    assert notes == (f"the network is wrapped by {name}: what it wraps is pruned",)
    assert bare is network or name == "AveragedModel"  # which copies what it is given
    assert bare_network(wrap(network)).first.weight.shape == network.first.weight.shape


def test_wrappers_around_wrappers_and_inside():
    network = seeded(Chain)
    bare, notes = unwrap(nn.DataParallel(compiled(network)))
    assert bare is network
    assert len(notes) == 2
    network.second = nn.DataParallel(compiled(network.second))
    wanted = outputs(seeded(Chain))
    bare, notes = unwrap(network)
    assert notes[0] == "second is wrapped by DataParallel: what it wraps is pruned"
    assert isinstance(network.second, nn.DataParallel)
    assert type(bare.second) is nn.Conv2d
    torch.testing.assert_close(outputs(bare), wanted)


def test_distributed_data_parallel(tmp_path):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    try:
        network = seeded(Chain)
        bare, notes = unwrap(nn.parallel.DistributedDataParallel(network))
    finally:
        torch.distributed.destroy_process_group()
    assert bare is network
    assert "DistributedDataParallel" in notes[0]


def test_a_plain_network_comes_back_itself():
    network = seeded(Chain).train()
    bare, notes = unwrap(network)
    assert bare is network
    assert notes == ()
    assert network.training


def old_weight_norm(module: nn.Module) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        nn.utils.weight_norm(module)


KINDS = {
    "weight norm": parametrizations.weight_norm,
    "weight norm, old": old_weight_norm,
    "spectral norm": parametrizations.spectral_norm,
    "spectral norm, old": nn.utils.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "torch.nn.utils.prune": lambda m: prune.random_unstructured(m, "weight", 0.5),
}


@pytest.mark.parametrize("kind", KINDS)
def test_parametrizations_are_baked_on_a_copy(kind):
    network = seeded(Chain)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        KINDS[kind](network.first)
        KINDS[kind](network.second)
    # as trained: a pass in training mode and an optimiser's step, so that nothing is as it was made
    network.train()
    for _ in range(2):
        network(X).square().mean().backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= 0.05 * parameter.grad
    wanted = outputs(network)
    network.train()
    state = {k: v.clone() for k, v in network.state_dict().items()}
    bare, notes = unwrap(network)
    assert notes == (
        f"{kind.removesuffix(', old').replace('orthogonal', 'orthogonal')} baked into plain "
        "weights: first.weight, second.weight",
    )
    assert type(bare.first) is nn.Conv2d
    assert set(bare.state_dict()) == set(seeded(Chain).state_dict())
    assert isinstance(bare.first.weight, nn.Parameter)
    assert bare.first.weight.requires_grad
    assert bare.training
    torch.testing.assert_close(outputs(bare), wanted)
    # the user's own is as it was: values, keys, and still parametrized and trainable
    assert network.state_dict().keys() == state.keys()
    assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())
    network.train()
    network.zero_grad()
    network(X).square().mean().backward()
    assert all(p.grad is not None for p in network.parameters())
    torch.testing.assert_close(outputs(unwrap(network)[0]), outputs(network))


def test_own_parametrizations_frozen_ones_and_chains():
    class Symmetric(nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    parametrizations.weight_norm(network[0], "weight")
    parametrize.register_parametrization(network[0], "weight", Symmetric())
    parametrize.register_parametrization(network[0], "bias", nn.Identity())
    network[0].parametrizations.weight.original0.requires_grad_(False)
    network[0].parametrizations.weight.original1.requires_grad_(False)
    wanted = network[0].weight.detach().clone()
    bare, notes = unwrap(network)
    assert torch.equal(bare[0].weight, wanted)
    assert list(dict(bare.named_parameters())) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert not bare[0].weight.requires_grad
    assert bare[0].bias.requires_grad
    assert notes == (
        "identity and weight norm and symmetric baked into plain weights: 0.weight, 0.bias",
    )
    assert parametrize.is_parametrized(network[0])


def test_a_weight_norm_of_nothing_is_named():
    network = seeded(Chain)
    parametrizations.weight_norm(network.first)
    with torch.no_grad():
        network.first.parametrizations.weight.original1[0] = 0.0
    with pytest.raises(NetworkError, match=r"first\.weight has 18 values that are NaN"):
        unwrap(network)


def test_a_network_that_holds_on_to_activations_can_be_copied():
    network = Holding()
    network(torch.ones(1, 4))
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(network)
    twin = copied(network)
    assert torch.equal(twin.last, network.last)
    assert twin.seen[0] is twin.last
    assert network.last.requires_grad
    assert twin.inner.weight is not network.inner.weight
    assert twin.inner.weight.requires_grad


def test_weights_made_under_inference_mode():
    with torch.inference_mode():
        network = seeded(Chain)
    bare, _ = unwrap(network)
    assert not any(p.is_inference() for p in [*bare.parameters(), *bare.buffers()])
    assert all(p.requires_grad for p in bare.parameters())
    torch.testing.assert_close(outputs(bare), outputs(network))
    with torch.inference_mode():
        again, _ = unwrap(network)
    again(X).sum().backward()
    assert again.first.weight.grad is not None


def test_gradients_can_be_had_inside_no_grad_and_inference_mode():
    @differentiable
    def slope(x: float) -> float:
        point = torch.tensor(x, requires_grad=True)
        return float(torch.autograd.grad(point.square(), point)[0])

    for around in (torch.no_grad, torch.inference_mode):
        with around():
            assert slope(3.0) == 6.0
            assert not torch.is_grad_enabled()
    assert slope.__name__ == "slope"


def nan() -> nn.Module:
    network = seeded(Chain)
    with torch.no_grad():
        network.second.weight[0, 0, 0, :2] = float("inf")
    return network


def lazy() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.Sequential(nn.LazyConv2d(3, 3), nn.Conv2d(3, 2, 1))


def meta() -> nn.Module:
    with torch.device("meta"):
        return Chain()


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.trace(seeded(Chain), X)


class Elsewhere(nn.Module):
    """Reports its second layer on a device that this machine may not have."""

    def __init__(self) -> None:
        super().__init__()
        self.here = nn.Linear(2, 2)
        with torch._subclasses.FakeTensorMode(allow_non_fake_inputs=True):
            there = nn.Parameter(torch.empty(2, 2, device="cuda"))
        self.there = there


@pytest.mark.parametrize(
    ("build", "said", "remedy"),
    [
        (lambda: Chain, "the network is a class", r"pass an instance: Chain\(…\)"),
        (lambda: lambda x: x, "the network is a function", "torch.nn.Module"),
        (lambda: {"weight": X}, "the network is a dict", "torch.nn.Module"),
        (nan, "second.weight has 2 values that are NaN or infinite", "diverged"),
        (lazy, "0.weight has no shape yet: its module is lazy", "run the network once"),
        (meta, "first.weight is on the meta device", "load_state_dict"),
        (scripted, "torch.jit", "scripted from"),
        (lambda: nn.DataParallel(meta()), "first.weight is on the meta device", "load_state"),
        (
            lambda: torch.export.export(seeded(Chain), (X,)),
            "a ExportedProgram",
            "the torch.nn.Module that it was made from",
        ),
        (Elsewhere, r"here.weight is on cpu|there is on cuda", "to one device"),
    ],
)
def test_what_cannot_be_pruned_is_refused_with_what_to_do(build, said, remedy):
    with pytest.raises(NetworkError, match=said) as caught:
        unwrap(build())
    with pytest.raises(NetworkError, match=remedy):
        raise caught.value


def test_a_mask_of_infinities_is_no_broken_weight():
    network = seeded(Chain)
    network.register_buffer("mask", torch.full((2, 2), float("-inf")).triu(1))
    assert unwrap(network)[0] is network
    network.mask[0, 0] = float("nan")
    with pytest.raises(NetworkError, match="mask has 1 value that is NaN "):
        unwrap(network)


def test_inputs_that_forward_does_not_take_are_told_before_it_is_run():
    class Named(nn.Module):
        def forward(self, image, mask=None, *, scale=1.0):
            raise AssertionError("it is not run")

    check_call(Named(), Call((X,), {"scale": 2.0}))
    with pytest.raises(DataError, match=r"Named.forward\(image.*'labels'; given: image, labels"):
        check_call(Named(), Call((), {"image": X, "labels": X}))
    with pytest.raises(DataError, match=r"missing a required argument: 'image'.*given: nothing"):
        check_call(Named(), Call())
    with pytest.raises(DataError, match="too many positional arguments; given: 3 by position"):
        check_call(Named(), Call((X, X, X)))


def test_weights_of_any_precision_are_looked_at_as_they_are():
    eighth = nn.Module()
    eighth.register_buffer("table", torch.tensor([0.5, 1.0]).to(torch.float8_e4m3fn))
    check_weights(eighth)
    eighth.table = torch.tensor([0.5, float("nan")]).to(torch.float8_e4m3fn)
    with pytest.raises(NetworkError, match=r"table has 1 value that is NaN \(of 2\)"):
        check_weights(eighth)
    large = nn.Linear(2, 2, dtype=torch.double)
    with torch.no_grad():
        large.weight.fill_(1e300)  # more than a float can hold
    check_weights(large)
    with torch.no_grad():
        large.weight[0, 0] = float("-inf")
    with pytest.raises(NetworkError, match=r"weight has 1 value that is NaN or infinite \(of 4"):
        check_weights(large)
    turned = nn.Module()
    turned.register_buffer("phase", torch.tensor([1 + 1j, complex(float("nan"), 0.0)]))
    turned.register_buffer("mask", torch.tensor([float("-inf"), 0.0]))
    turned.register_buffer("count", torch.tensor(3))
    with pytest.raises(NetworkError, match=r"phase has 1 value that is NaN \(of 2\)"):
        check_weights(turned)
