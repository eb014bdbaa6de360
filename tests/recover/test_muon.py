"""Steps of matrices: orthogonal, of the right size, and of the right parameters."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

from secateur.errors import OptionError
from secateur.network.call import Call
from secateur.operators.attention import SlimAttention
from secateur.recover import Distil, recover, resolve_recovery
from secateur.recover.muon import Muon, matrices, optimisers, orthogonal
from secateur.recover.training import RATES, Schedule, Training
from secateur.recover.work import Work
from secateur.tasks import Task


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def polar(blocks: torch.Tensor) -> torch.Tensor:
    """With singular values of one, by the decomposition itself."""
    u, _, v = torch.linalg.svd(blocks, full_matrices=False)
    return u @ v


@pytest.mark.parametrize("shape", [(1, 5, 9), (3, 9, 5), (2, 4, 4), (1, 1, 7)])
def test_singular_values_are_made_equal_and_vectors_stay(shape):
    blocks = drawn(*shape)
    made = orthogonal(blocks)
    u, before, v = torch.linalg.svd(blocks, full_matrices=False)
    inner = u.mT @ made @ v.mT
    values = inner.diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(inner, torch.diag_embed(values), atol=1e-4, rtol=0)
    told = before / before.square().sum(1, keepdim=True).sqrt() > 0.02
    assert told.float().mean() > 0.8
    assert 0.65 < float(values[told].min()) <= float(values[told].max()) < 1.25
    assert float((made - polar(blocks)).norm() / polar(blocks).norm()) < 0.4


def test_the_size_of_a_gradient_is_nothing_and_zeros_stay():
    blocks = drawn(2, 6, 8)
    for factor in (1e-12, 1e10):
        torch.testing.assert_close(orthogonal(factor * blocks), orthogonal(blocks))
    for factor in (1e-17, 1e-25, 1e-44):  # squares underflow
        assert torch.equal(orthogonal(factor * blocks), torch.zeros(2, 6, 8))
    assert torch.equal(orthogonal(torch.zeros(1, 3, 4)), torch.zeros(1, 3, 4))
    blocks[0] = 0
    torch.testing.assert_close(orthogonal(blocks)[1], orthogonal(blocks[1:])[0])


class Many(nn.Module):
    """One of each kind of parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 6, 3)
        self.grouped = nn.Conv1d(6, 6, 3, groups=2)
        self.depthwise = nn.Conv2d(4, 4, 3, groups=4)
        self.up = nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2)
        self.linear = nn.Linear(6, 8)
        self.row = nn.Linear(8, 1)
        self.attention = nn.MultiheadAttention(8, 2)
        self.other = nn.MultiheadAttention(8, 2, kdim=6, vdim=6)
        self.table = nn.Embedding(7, 8)
        self.tied = nn.Linear(8, 7, bias=False)
        self.tied.weight = self.table.weight
        self.norm = nn.BatchNorm2d(4)
        self.positions = nn.Parameter(torch.zeros(9, 8))
        self.unused = nn.Linear(8, 8)
        self.bags = nn.EmbeddingBag(7, 8)
        self.bagged = nn.Linear(8, 7)
        self.bagged.weight = self.bags.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.up(self.norm(self.depthwise(x))) + self.up(x)[..., 4:, 4:]
        rows = self.grouped((x + self.conv(x[:, :4]).mean()).flatten(2)).mT
        made = self.linear(rows)
        made = self.attention(made, made, made)[0] + self.other(made, rows, rows)[0]
        return self.row(made).sum() + self.tied(made).sum() + self.bagged(made).sum()


CALL = Call((drawn(2, 4, 8, 8),))


def test_what_is_a_matrix():
    network = Many().eval()
    found = matrices(network, CALL)
    names = {name: found[p] for name, p in network.named_parameters() if p in found}
    assert names == {
        "conv.weight": 1,
        "grouped.weight": 2,
        "up.weight": 2,
        "linear.weight": 1,
        "attention.in_proj_weight": 3,
        "attention.out_proj.weight": 1,
        "other.q_proj_weight": 1,
        "other.k_proj_weight": 1,
        "other.v_proj_weight": 1,
        "other.out_proj.weight": 1,
    }
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(
    ("layer", "shape", "positions"),
    [
        (nn.Linear(24, 16), (24,), 1),
        (nn.Linear(16, 24), (5, 16), 5),
        (nn.Conv2d(8, 16, 3, stride=2), (8, 9, 9), 16),
        (nn.Conv1d(48, 32, 1, groups=2), (48, 4), 4),
        (nn.ConvTranspose1d(16, 8, 3, stride=3), (16, 4), 4),
    ],
)
def test_a_matrix_that_few_vectors_pass_is_not_worth_it(layer, shape, positions):
    """Five turns of three products beside one forwards and two backwards for each vector."""
    rows, columns = layer.weight.flatten(1).shape
    small, large = sorted((rows // getattr(layer, "groups", 1), columns))
    turned = 5 * (small * large * small + small * small * small + small * small * large)
    enough = math.ceil(turned / (3 * small * large) / positions)
    assert enough > 1
    for count in (enough - 1, enough):
        found = matrices(nn.Sequential(layer), Call((torch.zeros(count, *shape),)))
        assert bool(found) == (count == enough)


class Twice(nn.Module):
    """A module that is called twice, and a weight of two modules; by name."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = (nn.Linear(16, 16) for _ in range(3))
        self.three.weight = self.two.weight

    def forward(self, *, x: torch.Tensor) -> torch.Tensor:
        return self.three(self.two(self.one(self.one(x))))


def test_every_call_counts():
    """80 vectors pay for 16 × 16, so that 40 do where they pass twice."""
    network = Twice()
    for count, pays in ((39, False), (40, True)):
        found = matrices(network, Call((), {"x": torch.zeros(count, 16)}))
        assert set(found) == ({network.one.weight, network.two.weight} if pays else set())


def test_attention_counts_its_last_map_once():
    """Ours calls it, PyTorch's does not."""
    whole = nn.MultiheadAttention(8, 2, batch_first=True)
    slim = copy.deepcopy(whole)
    slim.__class__ = SlimAttention
    for count in (10, 20, 30, 40):
        x = drawn(1, count, 8)
        names = [
            {name for name, p in one.named_parameters() if p in matrices(one, Call((x, x, x)))}
            for one in (whole, slim)
        ]
        assert names[0] == names[1]


class Own(nn.Linear):
    """Gives what it likes."""

    def __init__(self, gives) -> None:
        super().__init__(4, 4)
        self.gives = gives

    def forward(self, x):
        return self.gives(super().forward(x))


@pytest.mark.parametrize(
    "gives",
    [
        lambda y: {"y": y},
        lambda y: [y],
        lambda y: (),
        lambda y: None,
        lambda y: y.sum(),
        lambda y: y[:0],
    ],
)
def test_a_layer_that_gives_something_of_its_own_is_left_to_adam(gives):
    layer = Own(gives)
    assert matrices(layer, Call((torch.zeros(90, 4),))) == {}
    assert not layer._forward_hooks
    assert matrices(Own(lambda y: (y, 1)), Call((torch.zeros(90, 4),)))


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_a_layer_of_no_width_is_none():
    network = nn.Sequential(nn.Linear(4, 0), nn.Linear(0, 4))
    assert matrices(network, Call((torch.zeros(90, 4),))) == {}


def test_rates_are_of_what_moves_most_of_the_weights():
    def rates(width: int, batch: int, **options) -> tuple:
        network = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3)).eval()
        task = Task([drawn(batch, 4)], lambda o, t: o.square().mean(1))
        how = Schedule(10, None, 1, 1, **options)
        work = Work(network, copy.deepcopy(network), task)
        return Training(work, lambda own, aim: own.sum(), how, 0, None).rates

    assert rates(8, 64) == RATES["muon"]
    assert rates(8, 64, optimiser="adam") == RATES["adam"]
    assert rates(64, 2) == RATES["adam"]


def test_every_parameter_is_moved_by_one_of_them():
    network = Many().eval()
    trained, mapped = list(network.parameters()), matrices(network, CALL)
    muon, adam = optimisers(trained, mapped, 0.1)
    held = [p for one in (muon, adam) for group in one.param_groups for p in group["params"]]
    assert sorted(map(id, held)) == sorted(map(id, trained))
    assert isinstance(muon, Muon)
    (alone,) = optimisers(trained, {}, 0.1)
    assert [p for group in alone.param_groups for p in group["params"]] == trained
    (only,) = optimisers([network.norm.weight], mapped, 0.1)
    assert isinstance(only, torch.optim.Adam)
    (only,) = optimisers([network.conv.weight], mapped, 0.1)
    assert isinstance(only, Muon)


def by_hand(weight: torch.Tensor, gradients: list, blocks: int, rate: float) -> torch.Tensor:
    momentum, wanted = torch.zeros(weight.shape), weight.detach().float().clone()
    for gradient in gradients:
        momentum = 0.95 * momentum + 0.05 * gradient.float()
        ahead = (0.05 * gradient.float() + 0.95 * momentum).reshape(
            blocks, len(weight) // blocks, -1
        )
        size = 0.2 * max(ahead.shape[1], ahead.shape[2]) ** 0.5
        wanted -= rate * size * orthogonal(ahead).reshape(weight.shape)
    return wanted


@pytest.mark.parametrize("layer", [nn.Conv1d(6, 8, 3, groups=2), nn.Linear(3, 12)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_two_steps_against_the_formula(dtype, layer):
    layer = copy.deepcopy(layer).to(dtype)
    blocks = getattr(layer, "groups", 1)
    weight = layer.weight
    weight.data.zero_()  # so that what bfloat16 rounds is the step, and not the weight
    muon = Muon({weight: blocks}, lr=0.1)
    gradients = [drawn(*weight.shape, seed=seed).to(dtype) for seed in (1, 2)]
    wanted = by_hand(weight, gradients, blocks, 0.1)
    for gradient in gradients:
        weight.grad = gradient
        muon.step()
    near = 1e-3 if dtype is torch.bfloat16 else 1e-6
    torch.testing.assert_close(weight.detach().float(), wanted, atol=near, rtol=0)
    assert 0.02 < float(weight.detach().float().square().mean().sqrt()) < 0.05


def test_what_has_died_stays():
    """Momentum fades to nothing in 600 steps; each of them would be as long as the first."""
    layer = nn.Conv1d(4, 6, 3, groups=2)
    muon = Muon({layer.weight: 2}, lr=0.1)
    layer.weight.grad = drawn(6, 2, 3)
    muon.step()
    layer.weight.grad[3:] = 0
    before = layer.weight.detach().clone()
    for _ in range(2000):
        muon.step()
    assert torch.equal(layer.weight[3:], before[3:])
    assert not torch.isclose(layer.weight[:3], before[:3], atol=0.1).any()


def test_what_has_no_gradient_stays():
    layer = nn.Linear(3, 4)
    before = layer.weight.detach().clone()
    Muon({layer.weight: 1}, lr=1.0).step()
    assert torch.equal(layer.weight, before)


def test_channels_last_is_the_same_step():
    steps = []
    for layout in (torch.contiguous_format, torch.channels_last):
        layer = nn.Conv2d(4, 6, 3)
        layer.load_state_dict({"weight": drawn(6, 4, 3, 3), "bias": torch.zeros(6)})
        layer.to(memory_format=layout)
        layer.weight.grad = drawn(6, 4, 3, 3, seed=1).to(memory_format=layout)
        Muon({layer.weight: layer.groups}, lr=0.1).step()
        steps.append(layer.weight.detach())
    torch.testing.assert_close(*steps)


def pictures(count: int, seed: int) -> torch.Tensor:
    """Smooth: a gradient has few large singular values."""
    return 4 * nn.functional.avg_pool2d(drawn(count, 2, 18, 18, seed=seed), 7, 1)


def chain(seed: int) -> nn.Module:
    sizes = ((2, 12), (12, 12), (12, 2))
    convs = [nn.Conv2d(one, two, 3) for one, two in sizes]
    for number, conv in enumerate(convs):
        shape, fan = conv.weight.shape, conv.weight[0].numel()
        conv.weight.data = (2 / fan) ** 0.5 * drawn(*shape, seed=10 * seed + number)
        conv.bias.data.zero_()
    return nn.Sequential(convs[0], nn.ReLU(), convs[1], nn.ReLU(), convs[2]).eval()


def test_it_comes_further_than_adam():
    dense, other = chain(0), chain(5)

    def pairs(seed: int) -> list:
        with torch.no_grad():
            return [(x, dense(x)) for x in pictures(64, seed).split(16)]

    task = Task(pairs(1), lambda o, t: (o - t).square().mean((1, 2, 3)), selection=pairs(2))
    left = {
        kind: recover(other, dense, task, Distil(steps=300, optimiser=kind)).value
        for kind in ("adam", "muon")
    }
    assert 0.8 * left["adam"] < left["muon"] < 0.0


def test_the_choice_is_an_option():
    assert resolve_recovery("distil", {"optimiser": "adam"}) == Distil(optimiser="adam")
    assert Distil().optimiser == "muon"
    with pytest.raises(OptionError, match=r"muon.*adam"):
        resolve_recovery("distil", {"optimiser": "sgd"})
