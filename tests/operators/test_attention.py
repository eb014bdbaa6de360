"""Attention with fewer heads against torch's own, whose missing heads come to nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.network import GatedNetwork, as_call, find_channels
from secateur.operators.attention import SlimAttention
from secateur.surgery import cut

WIDTH, HEADS, BATCH, QUERIES, KEYS = 12, 4, 3, 5, 6
KEEP = np.array([True, False, True, True])


class Net(nn.Module):
    def __init__(self, **options) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, **options)
        self.need_weights = True
        self.average = True

    def forward(self, q: Tensor, k: Tensor, v: Tensor, **masks) -> Tensor | tuple[Tensor, Tensor]:
        out, shares = self.attention(
            q, k, v, need_weights=self.need_weights, average_attn_weights=self.average, **masks
        )
        return out if shares is None else (out, shares)


def pair(**options) -> tuple[Net, Net]:
    """The dense network whose second head is multiplied by nothing, and the cut one."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        dense = Net(**options).double().eval()
        for name, parameter in dense.named_parameters():
            if "bias" in name:
                nn.init.normal_(parameter)
    dense.need_weights = False  # their mean over heads would change
    channels = find_channels(dense, as_call(inputs(dense)))
    (group,) = channels.groups
    assert group.size == HEADS
    slim = cut(dense, channels, KEEP)
    head = WIDTH // HEADS
    with torch.no_grad():
        dense.attention.out_proj.weight[:, head : 2 * head] = 0.0
    assert isinstance(slim.attention, SlimAttention)
    assert slim.attention.num_heads == 3
    dense.need_weights = slim.need_weights = True
    return dense, slim


def inputs(network: Net, single: bool = False) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    attention = network.attention
    sizes = {"q": (QUERIES, WIDTH), "k": (KEYS, attention.kdim), "v": (KEYS, attention.vdim)}
    found = {}
    for name, (length, width) in sizes.items():
        tensor = torch.randn(BATCH, length, width, generator=generator, dtype=torch.double)
        if single:
            tensor = tensor[0]
        elif not attention.batch_first:
            tensor = tensor.transpose(0, 1)
        found[name] = tensor
    return found


def same(dense: Net, slim: Net, **call: Tensor) -> None:
    with torch.no_grad():
        wanted, found = dense(**call), slim(**call)
    if not dense.need_weights:
        assert isinstance(found, Tensor)
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
        return
    torch.testing.assert_close(found[0], wanted[0], rtol=1e-10, atol=1e-12)
    if dense.average:  # over the heads that there are
        return
    heads = -3
    kept = wanted[1].index_select(heads, torch.as_tensor(np.flatnonzero(KEEP)))
    torch.testing.assert_close(found[1], kept, rtol=1e-10, atol=1e-12)


OPTIONS = [
    dict(zip(("batch_first", "bias", "add_bias_kv", "add_zero_attn"), values, strict=True))
    for values in itertools.product([True, False], repeat=4)
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: ",".join(k for k, v in o.items() if v))
def test_fewer_heads_are_the_others_times_nothing(options):
    dense, slim = pair(**options)
    generator = torch.Generator().manual_seed(2)
    dropped = torch.rand(BATCH, KEYS, generator=generator) < 0.3
    dropped[:, 0] = False
    added = torch.randn(QUERIES, KEYS, generator=generator, dtype=torch.double)
    hidden = torch.rand(QUERIES, KEYS, generator=generator) < 0.3
    hidden[:, 1] = False
    for masks in (
        {},
        {"key_padding_mask": dropped},
        {"key_padding_mask": torch.randn(BATCH, KEYS, generator=generator).double()},
        {"attn_mask": added},
        {"attn_mask": hidden},
        {"attn_mask": hidden, "key_padding_mask": dropped & ~hidden.any(0)},
    ):
        for single in (False, True):
            call = inputs(dense, single)
            if single and "key_padding_mask" in masks:
                masks = {**masks, "key_padding_mask": masks["key_padding_mask"][0]}
            for dense.need_weights in (True, False):
                slim.need_weights = dense.need_weights
                same(dense, slim, **call, **masks)


def test_shares_of_each_head():
    dense, slim = pair(batch_first=True)
    dense.average = slim.average = False
    same(dense, slim, **inputs(dense))
    same(dense, slim, **inputs(dense, single=True))
    with torch.no_grad():
        each = slim(**inputs(dense))[1]
        slim.average = True
        mean = slim(**inputs(dense))[1]
    torch.testing.assert_close(mean, each.mean(1))


def test_a_mask_for_each_sample_and_head_needs_a_network_that_is_told():
    """3-dimensional masks are (batch · heads, …): forward has the number of heads in its hands."""
    dense, slim = pair(batch_first=True)
    generator = torch.Generator().manual_seed(3)
    each = torch.randn(BATCH, HEADS, QUERIES, KEYS, generator=generator).double()
    with torch.no_grad():
        wanted = dense(**inputs(dense), attn_mask=each.flatten(0, 1))[0]
        kept = each[:, torch.as_tensor(KEEP)].flatten(0, 1)
        found = slim(**inputs(dense), attn_mask=kept)[0]
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


def test_a_mask_for_each_head_of_fewer_keys_than_heads():
    """What is added to the keys gets no mask, however few they are."""
    dense, slim = pair(batch_first=True, add_zero_attn=True, add_bias_kv=True)
    call = {name: tensor[:, :1] for name, tensor in inputs(dense).items()}
    each = torch.randn(BATCH, HEADS, 1, 1, generator=torch.Generator().manual_seed(3)).double()
    with torch.no_grad():
        wanted = dense(**call, attn_mask=each.flatten(0, 1))[0]
        kept = each[:, torch.as_tensor(KEEP)].flatten(0, 1)
        found = slim(**call, attn_mask=kept)[0]
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


def test_causal_masks_are_a_hint_only():
    dense, slim = pair(batch_first=True)
    q = inputs(dense)["q"]
    mask = nn.Transformer.generate_square_subsequent_mask(QUERIES).double()
    for dense.need_weights in (True, False):
        slim.need_weights = dense.need_weights
        same(dense, slim, q=q, k=q, v=q, attn_mask=mask, is_causal=True)
    # torch refuses the hint without the mask
    for network in (dense, slim):
        network.need_weights = False
        with pytest.raises(RuntimeError, match="Need attn_mask"):
            network(q, q, q, is_causal=True)


@pytest.mark.parametrize("kdim", [None, 7])
def test_keys_and_values_of_other_widths(kdim):
    dense, slim = pair(batch_first=True, kdim=kdim, vdim=9)
    same(dense, slim, **inputs(dense))
    assert slim.attention.q_proj_weight.shape == (9, WIDTH)
    assert slim.attention.k_proj_weight.shape == (9, kdim or WIDTH)


def test_dropout_works_in_training_only():
    dense, slim = pair(batch_first=True, dropout=0.9)
    same(dense, slim, **inputs(dense))
    slim.train()
    one, two = (slim(**inputs(dense))[0] for _ in range(2))
    assert not torch.equal(one, two)


def test_it_is_saved_loaded_and_trained_like_torch_s():
    dense, slim = pair(batch_first=True)
    assert slim.state_dict().keys() == dense.state_dict().keys()
    slim.attention(*inputs(dense).values())[0].sum().backward()
    assert slim.attention.in_proj_weight.grad.abs().sum() > 0
    slim.need_weights = False
    channels = find_channels(slim, as_call(inputs(dense)))
    assert len(channels) == 3
    keep = np.array([False, True, True])
    masked = GatedNetwork(slim, channels).masked(as_call(inputs(dense)), keep)
    again = cut(slim, channels, keep)
    with torch.no_grad():
        torch.testing.assert_close(again(**inputs(dense)), masked, rtol=1e-10, atol=1e-12)
    assert again.attention.num_heads == 2
