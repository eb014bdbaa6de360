"""Compensation of the zoo: cut it is the masked one, and no layer is worse for being fitted.

``SECATEUR_ZOO=all`` takes every network; the tests alone take a sample.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from secateur.network import Call, GatedNetwork, as_call, find_channels
from secateur.network.cut import cut
from secateur.network.door import unwrap
from secateur.network.run import evaluation
from secateur.network.trial import difference
from secateur.surgery.compensation import fit
from tests.networks import all_cases

CASES = {case.name: case for case in all_cases() if case.expect != "refused"}
NAMES = list(CASES) if os.environ.get("SECATEUR_ZOO") == "all" else list(CASES)[::4]
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")


def drawn(call: Call, count: int) -> list[Call]:
    """The call, and some with noise on it."""
    found = [call]
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)

        def stirred(t: torch.Tensor, generator: torch.Generator = generator) -> torch.Tensor:
            if not t.is_floating_point():
                return t
            return t + 0.7 * torch.randn(t.shape, generator=generator, dtype=t.dtype)

        found.append(call.map(stirred))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_any_network_can_be_compensated(name):
    network = unwrap(CASES[name].build())[0]
    call = as_call(CASES[name].inputs())
    channels = find_channels(network, call)
    generator = np.random.default_rng(0)
    keep = np.ones(len(channels), dtype=bool)
    for group in channels.groups:
        gone = generator.choice(group.size, max(1, group.size // 3), replace=False)
        keep[group.start + gone] = False
    before = {n: v.clone() for n, v in network.state_dict().items()}
    calls = drawn(call, 3)
    done = fit(network, channels, keep, calls)
    assert all(torch.equal(v, before[n]) for n, v in network.state_dict().items())
    assert list(done.network.state_dict()) == list(before)
    assert all(x.after <= x.before * 1.00001 + 1e-9 for x in done.layers)
    small, gated = cut(done.network, channels, keep), GatedNetwork(done.network, channels)
    for one in calls:
        with evaluation(small), torch.no_grad():
            out = small(*one.args, **one.kwargs)
        assert difference(out, gated.masked(one, keep)) < 1e-4
