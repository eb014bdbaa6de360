"""Measuring without leaving a trace: what a pass may disturb, and how it comes back."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import numpy as np
import torch
from torch import nn

from secateur.errors import OptionError

P = ParamSpec("P")
R = TypeVar("R")


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


def undisturbed(function: Callable[P, R]) -> Callable[P, R]:
    """A function of a ``seed`` during which ``preserved_rng`` holds."""

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        seed = kwargs.get("seed", 0)
        if not isinstance(seed, int) or seed < 0:
            raise OptionError(f"the seed is {seed!r}", remedy="use a whole number of at least 0")
        with preserved_rng(seed):
            return function(*args, **kwargs)

    return inside


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
