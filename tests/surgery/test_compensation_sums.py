"""Sums, norms, attention, shared weights; one pass against a run from the input for each layer."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from secateur.errors import DataError, NetworkError
from secateur.network import Call, GatedNetwork, find_channels
from secateur.network.cut import cut
from secateur.surgery.compensation import fit, units
from tests.surgery.contractions import refit
from tests.surgery.residual import Encoder, Grouped, Recurrent, Shortcut, Stream, Twice, stirred

RIDGE = 0.05


def images(count: int = 18, size: int = 6, channels: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(count, channels, size, size, generator=generator, dtype=torch.float64)


def words(count: int = 18) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(count, 7, 5, generator=generator, dtype=torch.float64)


def batches(inputs: Tensor, size: int = 7) -> list[Call]:
    return [Call((part,)) for part in inputs.split(size)]


def some(channels, share=0.4, seed=0):
    generator = np.random.default_rng(seed)
    keep = np.ones(len(channels), dtype=bool)
    for group in channels.groups:
        count = max(1, int(share * group.size))
        keep[group.start + generator.choice(group.size, count, replace=False)] = False
    return keep


def watched(network: nn.Module, paths: list[str], run) -> dict[str, tuple[Tensor, Tensor]]:
    """The first input and the output of some modules; copies, for what is written over later."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    handles = []
    for path in paths:

        def before(_, given, path=path):
            with _disable_current_modes():  # a copy is no operation of the network's
                seen[path] = (given[0].clone(), given[0])

        def after(_, given, out, path=path):
            with _disable_current_modes():
                seen[path] = (seen[path][0], out.clone() if isinstance(out, Tensor) else out)

        module = network.get_submodule(path)
        handles.append(module.register_forward_pre_hook(before))
        handles.append(module.register_forward_hook(after))
    with torch.no_grad():
        run()
    for handle in handles:
        handle.remove()
    return seen


def both(network, fitted, channels, keep, inputs, paths):
    """What modules see in the dense and in the pruned, fitted network."""
    dense = watched(network, paths, lambda: network(inputs))
    gated = GatedNetwork(fitted, channels)
    pruned = watched(fitted, paths, lambda: gated.masked(Call((inputs,)), keep))
    return dense, pruned


def same_where_kept(channels, keep, name, new, expected):
    gone = channels.extended(~keep)
    stays = np.ones(expected.shape, dtype=bool)
    for d, index in channels.index.get(name, {}).items():
        stays &= ~gone[index].reshape([-1 if k == d else 1 for k in range(expected.ndim)])
    assert stays.any()
    np.testing.assert_allclose(new[stays], expected[stays], rtol=1e-5, atol=1e-8)


def stays_of(channels, keep, name, dim):
    index = channels.index[name][dim]
    return torch.as_tensor(~channels.extended(~keep)[index])


@pytest.mark.parametrize("scale", [False, True])
def test_the_last_layer_of_a_branch_is_fitted_to_the_sum_less_the_skip(scale):
    network, inputs = stirred(Stream(scale=scale)), images()
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    done = fit(network, channels, keep, batches(inputs), ridge=RIDGE)
    assert [x.path for x in done.layers if x.to_sum] == ["blocks.1.two", "blocks.2.two"]
    fitted = done.network
    for k in (1, 2):
        path = f"blocks.{k}.two"
        block = network.blocks[k]
        dense, pruned = both(network, fitted, channels, keep, inputs, [path, f"blocks.{k}"])
        mask = stays_of(channels, keep, f"{path}.weight", 1).reshape(1, -1, 1, 1)
        shape = (1, -1, 1, 1)
        with torch.no_grad():
            norm = block.norm2
            factor = (norm.weight / (norm.running_var + norm.eps).sqrt()).reshape(shape)
            if scale:
                factor = factor * block.scale
            missing = dense[f"blocks.{k}"][0] - pruned[f"blocks.{k}"][0]
            wanted = dense[path][1] + missing / factor
        expected = refit(network.get_submodule(path), pruned[path][0] * mask, wanted, RIDGE, 1)
        for name, value in expected.items():
            new = dict(fitted.named_parameters())[f"{path}.{name}"].detach().numpy()
            same_where_kept(channels, keep, f"{path}.{name}", new, value)


def test_the_side_that_runs_last_makes_up_for_the_other_one():
    network, inputs = stirred(Shortcut()), images()
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    done = fit(network, channels, keep, batches(inputs), ridge=RIDGE)
    assert {x.path: x.to_sum for x in done.layers} == {
        "branch.0": False,
        "branch.2": False,
        "short": True,
        "head": False,
    }
    dense, pruned = both(network, done.network, channels, keep, inputs, ["branch", "short"])
    mask = stays_of(channels, keep, "short.weight", 1).reshape(1, -1, 1, 1)
    # branch - 2 short: what the branch lacks is subtracted, halved
    wanted = dense["short"][1] - (dense["branch"][1] - pruned["branch"][1]) / 2
    expected = refit(network.short, pruned["short"][0] * mask, wanted, RIDGE, 1)
    for name, value in expected.items():
        new = dict(done.network.short.named_parameters())[name].detach().numpy()
        same_where_kept(channels, keep, f"short.{name}", new, value)


def test_a_sum_is_nearer_to_the_dense_one_than_by_own_outputs():
    network, inputs = stirred(Stream(scale=False)), images(60)
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    done = fit(network, channels, keep, batches(inputs))
    path = "blocks.2"
    dense, pruned = both(network, done.network, channels, keep, inputs, [path])
    stays = stays_of(channels, keep, "head.weight", 1)

    def gap(one: Tensor, two: Tensor) -> float:
        return float((one - two)[:, stays].square().mean())

    # the block's own output is further from its dense one than the sum is
    with torch.no_grad():
        plain = watched(
            network, [path], lambda: GatedNetwork(network, channels).masked(Call((inputs,)), keep)
        )
    assert gap(dense[path][1], pruned[path][1]) < 0.6 * gap(dense[path][1], plain[path][1])


def test_a_batch_norm_behind_takes_the_shift():
    network, inputs = stirred(Stream(bias=False)), images()
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    done = fit(network, channels, keep, batches(inputs), ridge=RIDGE)
    shifted = {x.path: x.shifted for x in done.layers}
    assert shifted["blocks.0.one"] == shifted["blocks.2.two"] == "batch norm"
    assert shifted["head"] == "bias"
    path, own = "blocks.0.one", network.blocks[0]
    dense, pruned = both(network, done.network, channels, keep, inputs, [path])
    mask = stays_of(channels, keep, f"{path}.weight", 1).reshape(1, -1, 1, 1)
    biased = nn.Conv2d(8, 8, 3, padding=1).double()
    with torch.no_grad():
        biased.weight.copy_(own.one.weight)
    expected = refit(biased, pruned[path][0] * mask, dense[path][1], RIDGE, 1)
    new = done.network.blocks[0]
    same_where_kept(
        channels, keep, f"{path}.weight", new.one.weight.detach().numpy(), expected["weight"]
    )
    rows = stays_of(channels, keep, f"{path}.weight", 0).numpy()
    mean = own.norm1.running_mean.numpy() - expected["bias"]
    np.testing.assert_allclose(new.norm1.running_mean.numpy()[rows], mean[rows], rtol=1e-6)
    assert list(done.network.state_dict()) == list(network.state_dict())


@pytest.mark.parametrize("norm_first", [True, False])
def test_attention_projections_are_fitted(norm_first):
    network, inputs = stirred(Encoder(norm_first)), words()
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    done = fit(network, channels, keep, batches(inputs), ridge=RIDGE)
    fits = {x.path: x for x in done.layers if x.kind == "linear"}
    assert fits["layers.1.self_attn"].columns in (16, 12, 8)
    path = "layers.1.self_attn"
    dense, pruned = both(network, done.network, channels, keep, inputs, [path])
    linear = nn.Linear(16, 48).double()
    with torch.no_grad():
        linear.weight.copy_(network.layers[1].self_attn.in_proj_weight)
        linear.bias.copy_(network.layers[1].self_attn.in_proj_bias)
        wanted = linear(dense[path][0])
    expected = refit(linear, pruned[path][0], wanted, RIDGE, 2)
    new = done.network.layers[1].self_attn
    same_where_kept(
        channels,
        keep,
        f"{path}.in_proj_weight",
        new.in_proj_weight.detach().numpy(),
        expected["weight"],
    )
    same_where_kept(
        channels, keep, f"{path}.in_proj_bias", new.in_proj_bias.detach().numpy(), expected["bias"]
    )
    small = cut(done.network, channels, keep)
    with torch.no_grad():
        gated = GatedNetwork(done.network, channels).masked(Call((inputs,)), keep)
        torch.testing.assert_close(small(inputs), gated, rtol=0, atol=1e-9)


def test_the_factors_behind_a_group_norm_are_fitted_channel_by_channel():
    network, inputs = stirred(Grouped(inputs=2)), images()
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    done = fit(network, channels, keep, batches(inputs), ridge=RIDGE)
    dense, pruned = both(network, done.network, channels, keep, inputs, ["norms.0"])
    assert "norms.0" in [x.path for x in done.layers if x.kind == "norm"]
    plain = nn.functional.group_norm(pruned["norms.0"][0], 4)
    rows = stays_of(channels, keep, "norms.0.weight", 0)
    old, new = network.norms[0].weight.tolist(), done.network.norms[0].requires_grad_(False)
    for c in rows.nonzero().flatten().tolist():
        x, y = plain[:, c].flatten().numpy(), dense["norms.0"][1][:, c].flatten().numpy()
        pull = np.sqrt(RIDGE * np.square(x).sum())
        left = np.vstack([np.stack([x, np.ones_like(x)], 1), [[pull, 0.0]]])
        right = np.concatenate([y, [pull * old[c]]])
        found = np.linalg.lstsq(left, right, rcond=None)[0]
        assert float(new.weight[c]) == pytest.approx(found[0], rel=1e-6)
        assert float(new.bias[c]) == pytest.approx(found[1], rel=1e-5, abs=1e-8)


CASES = {
    "sums in place": (Stream, images),
    "batch norm takes shifts": (lambda: Stream(bias=False), images),
    "shortcut": (Shortcut, images),
    "attention": (Encoder, words),
    "post-norm attention": (lambda: Encoder(False), words),
    "recurrent": (Recurrent, lambda: images(18, 4)[:, :, 0]),
    "group norm": (lambda: Grouped(inputs=2), images),
}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_one_pass_is_a_run_from_the_input_for_every_layer(case, tied):
    build, inputs = CASES[case]
    torch.manual_seed(0)
    network, inputs = stirred(build()), inputs()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    threads = threading.active_count()
    channels = find_channels(network, inputs[:2], tied=tied)
    keep = some(channels)
    done = fit(network, channels, keep, batches(inputs))
    assert done.held == done.batches == 3
    assert torch._C._get_mkldnn_enabled()
    again = fit(network, channels, keep, batches(inputs), memory=0)
    assert again.held == 0
    for name, value in done.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name])
    assert all(x.after <= x.before * (1 + 1e-9) for x in done.layers)
    assert threading.active_count() == threads
    assert all(module.training for module in network.modules())
    assert all(torch.equal(v, before[name]) for name, v in network.state_dict().items())
    # cut it is the masked one; and nearer to the dense one than without
    network.eval()
    small, plain = cut(done.network.eval(), channels, keep), cut(network, channels, keep)
    with torch.no_grad():
        wanted, gated = network(inputs), GatedNetwork(done.network, channels)
        outputs = [small(inputs), gated.masked(Call((inputs,)), keep), plain(inputs), wanted]
        outs = [o["scores"] if isinstance(o, dict) else o for o in outputs]
    torch.testing.assert_close(outs[0], outs[1], rtol=0, atol=1e-9)
    near, far = ((o - outs[3]).square().mean() for o in (outs[0], outs[2]))
    assert near < 0.5 * far


def test_sequences_of_several_lengths_are_fitted_together():
    network, inputs = stirred(Recurrent()), images(18, 8)[:, :, 0]
    calls = [Call((inputs[:7],)), Call((inputs[7:12, :, :5],)), Call((inputs[12:, :, :3],))]
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    done = fit(network, channels, keep, calls, ridge=RIDGE)
    again = fit(network, channels, keep, calls, ridge=RIDGE, memory=0)
    for name, value in done.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name])
    # the head reads the last state, of the short sequences too
    assert [x.path for x in done.layers] == ["lstm", "head"]
    states, wanted = [], []
    gated = GatedNetwork(done.network, channels)
    for call in calls:
        dense = watched(network, ["head"], lambda call=call: network(*call.args))
        pruned = watched(done.network, ["head"], lambda call=call: gated.masked(call, keep))
        states.append(pruned["head"][0])
        wanted.append(dense["head"][1])
    mask = stays_of(channels, keep, "head.weight", 1)
    expected = refit(network.head, torch.cat(states) * mask, torch.cat(wanted), RIDGE, 1)
    for name, value in expected.items():
        new = dict(done.network.head.named_parameters())[name].detach().numpy()
        same_where_kept(channels, keep, f"head.{name}", new, value)


def test_weights_used_twice_are_left_alone_with_the_reason():
    network, inputs = stirred(Twice()), images()
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    done = fit(network, channels, keep, batches(inputs))
    assert done.stands == (("shared", "its weights are used by several operations"),)
    assert torch.equal(done.network.shared.weight, network.shared.weight)
    assert [x.path for x in done.layers] == ["head"]


def test_a_wide_layer_is_fitted_in_blocks(monkeypatch):
    network, inputs = stirred(Stream()), images(40)
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    whole = fit(network, channels, keep, batches(inputs))
    monkeypatch.setattr(units, "WIDE", 20)
    parts = fit(network, channels, keep, batches(inputs))
    assert {x.blocks for x in whole.layers} == {1}
    assert max(x.blocks for x in parts.layers) == 3
    assert all(x.after <= x.before for x in parts.layers)
    first, second = whole.layers[0], parts.layers[0]
    assert first.before == pytest.approx(second.before)
    # two rounds over blocks come near what all unknowns at once reach
    gained = (first.before - second.after) / (first.before - first.after)
    assert 0.9 < gained <= 1.0 + 1e-6


def test_inputs_that_change_are_refused():
    network, inputs = stirred(Stream()), images()
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    with pytest.raises(DataError, match="were 1 batches and now are 0"):
        fit(network, channels, keep, iter(batches(inputs, 18)))

    class Shuffled:
        turn = 0

        def __iter__(self):
            self.turn += 1
            return iter(batches(inputs.roll(self.turn, 0)))

    with pytest.raises(DataError, match="batch 0 is another one"):
        fit(network, channels, keep, Shuffled())


class Fussy(nn.Module):
    """Fails on some values, or goes another way."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.first, self.head = nn.Conv2d(2, 6, 1), nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        if self.how == "raises" and x.shape[0] == 5:
            raise ValueError("five is too many")
        if self.how == "turns" and x.shape[0] == 5:
            return x[:, :2]
        return self.head(x)


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [("raises", DataError, "five is too many"), ("turns", NetworkError, "another way")],
)
def test_what_happens_in_a_paused_forward_is_told_and_its_threads_end(how, error, words):
    network, inputs = stirred(Fussy(how)), images()
    channels = find_channels(network, inputs[:2])
    keep = some(channels)
    threads = threading.active_count()
    with pytest.raises(error, match=words):
        fit(network, channels, keep, [Call((inputs[:4],)), Call((inputs[4:9],))])
    assert threading.active_count() == threads
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
