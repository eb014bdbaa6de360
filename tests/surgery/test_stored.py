"""The quick compensation beside the true one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from secateur.errors import DataError, NetworkError, OptionError
from secateur.metric import evaluate
from secateur.network import Call, find_channels
from secateur.network.cut import cut
from secateur.surgery import compensate
from secateur.surgery.compensation import stored
from secateur.surgery.compensation.stored import Stored
from secateur.tasks.denoising import denoising_task
from secateur.zoo import pretrained_halfunet
from tests.nets import Chain, seeded
from tests.surgery.contractions import KINDS, build


def batches(inputs, size=6):
    return [Call((part,)) for part in inputs.split(size)]


def only(channels, number, seed=0):
    """Some channels of one group go, all others stay."""
    keep = np.ones(len(channels), dtype=bool)
    group = channels.groups[number]
    keep[group.slice] = np.random.default_rng(seed).random(len(keep[group.slice])) > 0.4
    keep[group.start], keep[group.start + 1] = True, False
    return keep


@pytest.mark.parametrize("kind", KINDS)
def test_of_the_first_layer_behind_it_is_the_compensation_itself(kind):
    """The channels that the second layer reads go; nothing that it reads has changed besides."""
    network, inputs = build(kind)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    channels = find_channels(network, inputs[:2])
    quick = Stored(network, channels, batches(inputs), ridge=0.05)
    last = "first.2.weight" if "wise" in kind else "first.weight"
    read = int(max(channels.index[last][0]))
    number = next(k for k, group in enumerate(channels.groups) if group.slice.stop > read)
    keep = only(channels, number)
    true = compensate(network, channels, keep, batches(inputs), ridge=0.05)
    made = quick.compensated(keep)
    wanted = cut(true, channels, keep).state_dict()
    own = cut(made, channels, keep).state_dict()
    fitted = [name for name in quick.values(keep) if name.startswith("second")]
    assert fitted or "wise" in kind
    for name in fitted:
        torch.testing.assert_close(own[name], wanted[name], rtol=2e-4, atol=2e-5)
        assert not torch.allclose(made.state_dict()[name], before[name])
    once = quick.cut(keep).state_dict()
    assert all(torch.equal(value, once[name]) for name, value in own.items())
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_a_batch_norm_takes_the_shift():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(2, 5, 3),
        nn.ReLU(),
        nn.Conv2d(5, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.Flatten(),
        nn.Linear(64, 2),
    ).eval()
    inputs = torch.randn(9, 2, 8, 8)
    channels = find_channels(network, inputs[:2])
    keep = only(channels, 0)
    true = compensate(network, channels, keep, batches(inputs))
    made = Stored(network, channels, batches(inputs)).compensated(keep)
    slim = [cut(one, channels, keep).state_dict() for one in (true, made)]
    for name in ("2.weight", "3.running_mean"):
        torch.testing.assert_close(slim[0][name], slim[1][name], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(made[3].running_mean, network[3].running_mean)
    behind = only(channels, 1)  # columns of a linear layer behind a flatten
    one = compensate(network, channels, behind, batches(inputs))
    two = Stored(network, channels, batches(inputs)).compensated(behind)
    torch.testing.assert_close(
        cut(one, channels, behind)[5].weight,
        cut(two, channels, behind)[5].weight,
        rtol=1e-3,
        atol=1e-4,
    )


def test_the_memory_changes_no_value(monkeypatch):
    network = seeded(Chain, 6)
    inputs = torch.randn(6, 2, 7, 7, generator=torch.Generator().manual_seed(0))
    channels = find_channels(network, inputs[:2])
    masks = [only(channels, k % len(channels.groups), k) for k in range(6)]
    quick = Stored(network, channels, batches(inputs))
    first = [quick.values(keep) for keep in masks]
    solved = quick.solved
    again = [quick.values(keep) for keep in reversed(masks)][::-1]
    assert quick.solved == solved > 0
    monkeypatch.setattr(stored, "MEMO", 0)
    forgetful = Stored(network, channels, batches(inputs))
    third = [forgetful.values(keep) for keep in masks]
    for one, two, three in zip(first, again, third, strict=True):
        assert one.keys() == two.keys() == three.keys()
        assert all(torch.equal(one[n], two[n]) and torch.equal(one[n], three[n]) for n in one)


def test_nothing_gone_changes_nothing():
    network, inputs = build(KINDS[0])
    channels = find_channels(network, inputs[:2])
    quick = Stored(network, channels, batches(inputs))
    assert quick.values(np.ones(len(channels), dtype=bool)) == {}
    with pytest.raises(NetworkError, match="would be empty"):
        quick.values(np.zeros(len(channels), dtype=bool))


def test_what_it_cannot_do_is_left_and_told():
    """A depthwise layer reads what changes further up; its inputs leave with its outputs."""
    network, inputs = build("depthwise")
    channels = find_channels(network, inputs[:2])
    quick = Stored(network, channels, batches(inputs))
    assert quick.layers == ("first.2", "head")
    assert quick.left == (("second", "nothing that it reads leaves by itself"),)


def test_layers_too_wide_for_the_memory_are_left(monkeypatch):
    from secateur.surgery.compensation import gathered

    network = seeded(Chain, 6)
    inputs = torch.randn(4, 2, 5, 5)
    channels = find_channels(network, inputs[:2])
    monkeypatch.setattr(gathered, "WIDE", 54)
    quick = Stored(network, channels, batches(inputs))
    assert quick.layers == ("second",)
    assert quick.left == (("head", "its 63 unknowns an output are too many"),)


@pytest.mark.parametrize(
    ("calls", "options", "error", "words"),
    [
        ([], {}, DataError, "no batch"),
        (None, {"ridge": 0.0}, OptionError, "ridge"),
        (None, {"fit_batches": 0}, OptionError, "fit_batches"),
        ([Call((torch.full((2, 2, 5, 5), torch.nan),))], {}, NetworkError, "not finite"),
    ],
)
def test_errors_are_named(calls, options, error, words):
    network = seeded(Chain, 4)
    inputs = torch.randn(4, 2, 5, 5)
    channels = find_channels(network, inputs[:2])
    with pytest.raises(error, match=words):
        Stored(network, channels, batches(inputs) if calls is None else calls, **options)


def test_it_orders_masks_nearly_as_the_true_one_does():
    """A trained network, masks that differ in all layers: far nearer than the masked metric."""
    network = pretrained_halfunet()
    task = denoising_task(seed=0, patches=8, patch=32, selection_patches=8, test_patches=1)
    calls = [batch.call for batch in task.batches("calibration")]
    channels = find_channels(network, calls[0].take(0))
    quick = Stored(network, channels, calls, ridge=0.01)
    rng = np.random.default_rng(0)
    values = []
    for _ in range(10):
        keep = np.ones(len(channels), dtype=bool)
        for group in channels.groups:
            size = group.slice.stop - group.slice.start
            keep[group.slice] = rng.permutation(size) >= int(size * rng.uniform(0.3, 0.8))
        true = cut(compensate(network, channels, keep, calls, ridge=0.01), channels, keep)
        made = (true, quick.cut(keep), cut(network, channels, keep))
        values.append([evaluate(one, task, "selection") for one in made])
    true, own, masked = np.array(values).T
    assert spearmanr(true, own)[0] > 0.8 > 0.6 > spearmanr(true, masked)[0]
    assert np.abs(own - true).mean() < 0.5 * np.abs(masked - true).mean()
