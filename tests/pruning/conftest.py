"""A small network that is measured, and prunings that take no time to be timed."""

from __future__ import annotations

import numpy as np
import pytest

import secateur
from secateur.pruning import running
from secateur.surgery.speed import Speed
from secateur.surgery.timing import Times
from tests.end_to_end.own import deep, task


@pytest.fixture(scope="module")
def measured():
    return secateur.measure(deep(), task(), probes=3, seed=2)


@pytest.fixture
def untimed(monkeypatch):
    def measure_speed(networks, call, *, where, seconds):
        return Speed({"eager": Times({name: np.ones(3) for name in networks})}, {})

    monkeypatch.setattr(running, "measure_speed", measure_speed)
