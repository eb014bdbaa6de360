"""The test kits: subclass ``BackendConformance`` or ``OperatorConformance``, and give it fixtures.

::

    from secateur.testing import BackendConformance

    class TestMine(BackendConformance):
        @pytest.fixture
        def backend(self):
            return "mine"

The kit for operator rules needs PyTorch; that for backends does not.
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
    "secateur.testing.conformance", "secateur.testing.promises", "secateur.testing.operators"
)

from secateur.testing.conformance import BackendConformance  # noqa: E402
from secateur.testing.problems import balanced_problem, brute_force, random_problem  # noqa: E402

if TYPE_CHECKING:
    from secateur.testing.operators import OperatorCase, OperatorConformance

__all__ = [
    "BackendConformance",
    "OperatorCase",
    "OperatorConformance",
    "balanced_problem",
    "brute_force",
    "random_problem",
]


def __getattr__(name: str) -> Any:
    if name not in ("OperatorCase", "OperatorConformance"):
        raise AttributeError(f"module 'secateur.testing' has no attribute {name!r}")
    from secateur.extras import needed_by

    with needed_by(f"`secateur.testing.{name}`"):
        return getattr(importlib.import_module("secateur.testing.operators"), name)
