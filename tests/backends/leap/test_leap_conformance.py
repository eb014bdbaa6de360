"""Leap keeps the contract of every backend, over the loopback service."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from dwave.system.testing import MockDWaveSampler

from secateur.testing import BackendConformance
from secateur_backends.leap import Leap, LeapBQM
from secateur_backends.leap_qpu import LeapQPU
from secateur_backends.leap_stride import LeapStride

from .server import TOKEN, LeapServer


class _OverTheWire(BackendConformance):
    time_limit = 5.0  # the service's own minimum is 3 s

    @pytest.fixture(autouse=True)
    def _connected(self, server: LeapServer, tmp_path: Path, monkeypatch: Any) -> None:
        options = {
            "token": TOKEN,
            "endpoint": server.endpoint,
            "journal": str(tmp_path / "journal"),
            "backoff": 0.01,
            "wait": 20.0,
        }
        monkeypatch.setattr(type(self), "options", options)


class TestLeap(_OverTheWire):
    @pytest.fixture
    def backend(self) -> type[Leap]:
        return Leap


class TestLeapBQM(_OverTheWire):
    @pytest.fixture
    def backend(self) -> type[LeapBQM]:
        return LeapBQM


class TestLeapStride(_OverTheWire):
    @pytest.fixture
    def backend(self) -> type[LeapStride]:
        return LeapStride


@pytest.fixture(scope="module")
def chip() -> Any:
    return MockDWaveSampler(topology_type="pegasus", topology_shape=[3])


class TestLeapQPU(BackendConformance):
    """On Ocean's stand-in for a quantum computer: embedding and chains are the real ones."""

    options: ClassVar[dict[str, Any]] = {"num_reads": 50}
    large = 12

    @pytest.fixture
    def backend(self, chip: Any) -> LeapQPU:
        return LeapQPU(chip)


del _OverTheWire
