"""Settings for all tests."""

from __future__ import annotations

import pytest
import torch

from secateur import progress

# small tensors: a second thread costs more than it brings, and rounding depends on the number
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_progress():
    progress.show("none")
