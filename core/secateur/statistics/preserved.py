"""Measuring without leaving a trace: what a pass may disturb, and how it comes back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def preserved_rng(seed: int) -> Iterator[None]:
    """The global random states of torch, numpy and Python come back after.

    A shuffling ``DataLoader`` draws from the global state even if the pass itself does not, and so
    do augmentations; inside, they draw the same whenever the seed is.

    Arguments:
        seed: of the global states inside.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed % 2**32)
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


@contextmanager
def frozen_parameters(network: nn.Module) -> Iterator[None]:
    """No parameter requires a gradient inside: the pass differentiates for gates only."""
    wanted = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)
