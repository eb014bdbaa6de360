"""The global random states, kept from vendors that draw from them."""

from __future__ import annotations

import random
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from secateur.seeds import LARGEST_SEED

_active: list[dict[str, Any]] = []
"""The states to come back, of those that are inside; the latest last."""
_lock = threading.Lock()


@contextmanager
def preserved_global_rng(seed: int | None = None) -> Iterator[int]:
    """Python's and NumPy's global random states, and PyTorch's if it is loaded, come back after.

    Many solvers draw from these whatever seed they are given. Inside, the states are seeded, so
    that such a solver repeats its answer too; import it before, for PyTorch may come with it.
    Of two threads that are inside at once both draw from the same states, and the last to leave
    brings back those that the first found.

    Arguments:
        seed: of the states inside; None: a new one, for an old state that comes back each time
            would make all calls alike.

    Returns:
        the seed inside.
    """
    used = secrets.randbelow(LARGEST_SEED) if seed is None else int(seed)
    with _lock:
        found = _states()
        _active.append(found)
    try:
        _seed(used)
        yield used
    finally:
        with _lock:
            place = next(k for k, one in enumerate(_active) if one is found)
            if place == len(_active) - 1:
                _restore(found)
            else:  # somebody came later and is still inside
                later = _active[place + 1]
                later |= found
            del _active[place]


def _torch() -> Any:
    return getattr(sys.modules.get("torch"), "random", None)


def _states() -> dict[str, Any]:
    found: dict[str, Any] = {"python": random.getstate(), "numpy": np.random.get_state()}
    torch = _torch()
    return found | ({} if torch is None else {"torch": torch.get_rng_state()})


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch = _torch()
    if torch is not None:  # manual_seed of torch itself is of all devices
        torch.default_generator.manual_seed(seed)


def _restore(states: dict[str, Any]) -> None:
    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    if "torch" in states:
        _torch().set_rng_state(states["torch"])
