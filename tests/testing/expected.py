"""A plugin of pytest for ``test_kit``: what breaks a contract gets the tests that should tell it.

A class of the kit with the attribute ``expected`` runs the tests whose names it matches; all
others run whole.
"""

from __future__ import annotations

import re

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    def wanted(item: pytest.Item) -> bool:
        return bool(re.search(getattr(getattr(item, "cls", None), "expected", ""), item.name))

    config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
    items[:] = [item for item in items if wanted(item)]
