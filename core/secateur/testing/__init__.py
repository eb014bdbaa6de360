"""The test kits: subclass the one of your kind of stage, and give it fixtures.

::

    from secateur.testing import BackendConformance

    class TestMine(BackendConformance):
        @pytest.fixture
        def backend(self):
            return "mine"

Those for objectives and operator rules need PyTorch; those for backends and refiners do not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from secateur.errors import OptionError

try:
    import pytest
except ImportError as error:
    raise OptionError(
        "secateur.testing needs pytest, which is not installed", remedy="pip install pytest"
    ) from error

pytest.register_assert_rewrite(
    "secateur.testing.conformance",
    "secateur.testing.promises",
    "secateur.testing.stages",
    "secateur.testing.objectives",
    "secateur.testing.refiners",
    "secateur.testing.operators",
)

from secateur.testing.conformance import BackendConformance  # noqa: E402
from secateur.testing.problems import balanced_problem, brute_force, random_problem  # noqa: E402

if TYPE_CHECKING:
    from secateur.testing.objectives import ObjectiveConformance
    from secateur.testing.operators import OperatorCase, OperatorConformance
    from secateur.testing.refiners import PlantedMetric, RefinerConformance

_HOME = {
    "ObjectiveConformance": "objectives",
    "OperatorCase": "operators",
    "OperatorConformance": "operators",
    "PlantedMetric": "refiners",
    "RefinerConformance": "refiners",
}

__all__ = [
    "BackendConformance",
    "ObjectiveConformance",
    "OperatorCase",
    "OperatorConformance",
    "PlantedMetric",
    "RefinerConformance",
    "balanced_problem",
    "brute_force",
    "random_problem",
]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module 'secateur.testing' has no attribute {name!r}")
        from secateur.extras import needed_by

        with needed_by(f"`secateur.testing.{name}`"):
            return getattr(importlib.import_module(f"secateur.testing.{_HOME[name]}"), name)
