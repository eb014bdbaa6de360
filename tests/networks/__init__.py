"""Small networks, one for each idiom that a user may bring: what the pruning is held against."""

from __future__ import annotations

import importlib
import pkgutil

from tests.networks.registry import CASES, Case

NOT_FAMILIES = {"registry", "parts", "checks", "blocks", "random_networks"}


def all_cases() -> list[Case]:
    """Every registered network, family by family."""
    for module in pkgutil.iter_modules(__path__):
        if module.name not in NOT_FAMILIES:
            importlib.import_module(f"{__name__}.{module.name}")
    return list(CASES.values())
