"""Training starts from a seed, and leaves the program's random generators as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def seeded(network: nn.Module, seed: int) -> Iterator[None]:
    """Everything random starts from the seed; the generators of the program come back."""
    devices = {p.device for p in network.parameters() if p.device.type != "cpu"}
    python, numpy = random.getstate(), np.random.get_state()
    kind = next((device.type for device in devices), "cuda")
    with torch.random.fork_rng(devices=[d.index or 0 for d in devices], device_type=kind):
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
