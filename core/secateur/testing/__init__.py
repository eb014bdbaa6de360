"""The test kit for backends: subclass ``BackendConformance`` and give it one fixture.

::

    from secateur.testing import BackendConformance

    class TestMine(BackendConformance):
        @pytest.fixture
        def backend(self):
            return "mine"
"""

from secateur.errors import OptionError

try:
    import pytest
except ImportError as error:
    raise OptionError(
        "secateur.testing needs pytest, which is not installed", remedy="pip install pytest"
    ) from error

pytest.register_assert_rewrite("secateur.testing.conformance", "secateur.testing.promises")

from secateur.testing.conformance import BackendConformance  # noqa: E402
from secateur.testing.problems import balanced_problem, brute_force, random_problem  # noqa: E402

__all__ = ["BackendConformance", "balanced_problem", "brute_force", "random_problem"]
