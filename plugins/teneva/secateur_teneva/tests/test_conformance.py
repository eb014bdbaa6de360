"""The backend and the refiner keep their contracts."""

import pytest
from secateur.testing import BackendConformance, RefinerConformance


class TestTeneva(BackendConformance):
    options = {"reads": 2, "trains": 3, "evaluations": 2000}

    @pytest.fixture
    def backend(self):
        return "teneva"


class TestTenevaRefiner(RefinerConformance):
    options = {"evaluations": 40}

    @pytest.fixture
    def refiner(self):
        return "teneva"
