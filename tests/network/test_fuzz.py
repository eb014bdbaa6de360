"""Random networks: each cut exactly, or refused for a reason that its blocks explain.

``SECATEUR_FUZZ=1000:5000`` takes other seeds, by hand.
"""

from __future__ import annotations

import os
import re
from functools import cache
from typing import Literal

import numpy as np
import pytest
from torch import nn

from secateur.errors import NetworkError
from secateur.network import Channels, GatedNetwork, find_channels
from tests.networks.checks import (
    Keep,
    check_class,
    gap,
    plainly,
    random_masks,
    smaller,
    unchanged,
    zeroed_columns,
)
from tests.networks.random_networks import BOUND, SIDE, random_call, random_network

FIRST, LAST = map(int, os.environ.get("SECATEUR_FUZZ", "0:320").split(":"))
ALWAYS = "output of the network|one channel only|single channel is left|fixed size"
"""Nothing can be said against these: what is added to the input stays, for one."""
EXPLAINED = {
    "layer norm": "norm over channels|mean over channels",
    "literal": "written in its code",
    "turn": "roll moves channels",
    "mean": "not that of the mask",
    "soft": "softmax",
    "shortcut": "written in its code",  # how many zeros are padded
    "first": "not that of the mask|written in its code",  # channels on both sides of a bound
}


@cache
def found_in(seed: int, over: Literal["all", "kept"]) -> tuple[nn.Module, Channels | NetworkError]:
    """The random network of a seed, and its channels, or why it has none."""
    network = random_network(seed)
    with unchanged(network):
        try:
            return network, find_channels(network, random_call(seed), norm_over=over)
        except NetworkError as error:
            return network, error.with_traceback(None)


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_a_random_network_is_cut_exactly(seed):
    over: Literal["all", "kept"] = "kept" if seed % 3 == 0 else "all"
    network, channels = found_in(seed, over)
    why = "|".join([ALWAYS, *(EXPLAINED[k] for k in sorted(set(network.kinds) & set(EXPLAINED)))])
    if isinstance(channels, NetworkError):
        assert re.search(why, str(channels))
        return
    for _, reason in channels.stands:
        assert re.search(why, reason), (reason, network.kinds)
    masked = GatedNetwork(network, channels)
    for number, keep in enumerate(random_masks(channels, seed)):
        side = SIDE + 2 * (number % 2) * network.any_size
        call = random_call(seed + number + 1, batch=2 + number % 2, side=side)
        slim = smaller(network, channels, keep)
        check_class(slim, network)
        with unchanged(network):
            wanted = masked.masked(call, keep)
        found = plainly(slim, call)
        assert gap(found, wanted) < 2e-5
        if over == "all" and read_by_weights(network, channels, keep):
            assert gap(found, plainly(zeroed_columns(network, channels, keep), call)) < 2e-5


def read_by_weights(network: nn.Module, channels: Channels, keep: Keep) -> bool:
    """Whether whatever reads the channels that go is a layer with columns for them."""
    modules = dict(network.named_modules())
    layers = (nn.modules.conv._ConvNd, nn.Linear, nn.RNNBase)
    for read in channels.reads:
        gone = read.channel[read.channel >= 0]
        if not keep[gone].all() and not isinstance(modules[read.path], layers):
            return False
    return True


def test_the_seeds_reach_every_block_and_most_networks_have_channels():
    kinds: set[str] = set()
    found = weights = 0
    for seed in range(60):
        network, channels = found_in(seed, "all")
        kinds |= set(network.kinds)
        if isinstance(channels, NetworkError):
            continue
        found += len(channels) > 2
        weights += read_by_weights(network, channels, np.zeros(len(channels), dtype=bool))
    assert kinds >= set(BOUND) - {"soft"}
    assert len(kinds) > 30
    assert found > 50
    assert weights > 15
