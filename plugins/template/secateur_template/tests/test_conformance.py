"""The backend template keeps the contract."""

import pytest
from secateur.testing import BackendConformance


class TestTemplate(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "template"
