"""Refinement on the true metric, from the QUBO's answer; gradient-free, exact in the count.

Names are loaded when they are first used: a refiner's options are told without PyTorch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secateur.refine.base import Refiner
    from secateur.refine.exchange import Exchange
    from secateur.refine.races import Metric, Races
    from secateur.refine.registry import RefinerLike, refiner_class, resolve_refiner
    from secateur.refine.run import Confirmed, Refined, refine
    from secateur.refine.search import Candidate, Search
    from secateur.refine.swaps import Reach, swap_proposals
    from secateur.refine.tensor_train import TensorTrain

_HOME = {
    "Candidate": "search",
    "Confirmed": "run",
    "Exchange": "exchange",
    "Metric": "races",
    "Races": "races",
    "Reach": "swaps",
    "Refined": "run",
    "Refiner": "base",
    "RefinerLike": "registry",
    "Search": "search",
    "TensorTrain": "tensor_train",
    "refine": "run",
    "refiner_class": "registry",
    "resolve_refiner": "registry",
    "swap_proposals": "swaps",
}

__all__ = [
    "Candidate",
    "Confirmed",
    "Exchange",
    "Metric",
    "Races",
    "Reach",
    "Refined",
    "Refiner",
    "RefinerLike",
    "Search",
    "TensorTrain",
    "refine",
    "refiner_class",
    "resolve_refiner",
    "swap_proposals",
]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
