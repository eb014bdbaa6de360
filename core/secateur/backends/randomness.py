"""The global random states, kept from vendors that draw from them."""

from __future__ import annotations

import random
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from secateur.seeds import LARGEST_SEED


@contextmanager
def preserved_global_rng(seed: int | None = None) -> Iterator[int]:
    """Python's and NumPy's global random states, and PyTorch's if it is loaded, come back after.

    Many solvers draw from these whatever seed they are given. Inside, the states are seeded, so
    that such a solver repeats its answer too; import it before, for what draws may come with it.

    Arguments:
        seed: of the states inside; None: a new one, for an old state that comes back each time
            would make all calls alike.

    Returns:
        the seed inside.
    """
    used = secrets.randbelow(LARGEST_SEED) if seed is None else int(seed)
    torch: Any = getattr(sys.modules.get("torch"), "random", None)
    python_state, numpy_state = random.getstate(), np.random.get_state()
    torch_state = torch.get_rng_state() if torch is not None else None
    try:
        random.seed(used)
        np.random.seed(used % 2**32)
        if torch_state is not None:
            torch.default_generator.manual_seed(used)
        yield used
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        if torch_state is not None:
            torch.set_rng_state(torch_state)
