"""The backends openjij and openjij-sqa keep the contract."""

import numpy as np
import pytest
from secateur.backends.call import run
from secateur.testing import BackendConformance, balanced_problem


class TestOpenJij(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "openjij"


class TestOpenJijSQA(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "openjij-sqa"


def test_the_reads_of_one_call_are_not_all_alike():
    from secateur_openjij import OpenJij

    rows = run(OpenJij(), balanced_problem(12), seed=1).samples.record.sample
    assert len(np.unique(rows, axis=0)) > 1
