"""What a pass may disturb, and how it comes back."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from secateur.statistics.preserved import frozen_parameters, preserved_rng
from secateur.surgery.seeded import seeded

NETWORK = nn.Linear(1, 1)


def tuning(seed: int):
    """As training does it."""
    return seeded(NETWORK, seed)


def drawn() -> tuple[float, float, float]:
    return float(torch.rand(())), random.random(), float(np.random.random())


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32, 2**32 + 5, 2**33 + 6])
@pytest.mark.parametrize("inside", [preserved_rng, tuning])
def test_everything_random_starts_from_the_seed_whatever_it_is(inside, seed):
    """NumPy's global generator takes 32 bits of it."""
    with inside(seed):
        found = drawn()
    generator = torch.Generator().manual_seed(seed)
    assert found == (
        float(torch.rand((), generator=generator)),
        random.Random(seed).random(),
        float(np.random.RandomState(seed % 2**32).random_sample()),
    )


@pytest.mark.parametrize("inside", [preserved_rng, tuning])
def test_what_the_program_draws_is_not_changed(inside):
    def states():
        return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[2]

    before = states()
    with inside(3):
        drawn()
    assert states() == before

    def interrupted():
        with inside(3):
            drawn()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert states() == before


def test_only_what_was_wanted_is_wanted_again():
    network = nn.Linear(2, 2)
    network.bias.requires_grad_(False)

    def failing():
        with frozen_parameters(network):
            assert not any(p.requires_grad for p in network.parameters())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert (network.weight.requires_grad, network.bias.requires_grad) == (True, False)
