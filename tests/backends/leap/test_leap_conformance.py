"""Leap keeps the contract of every backend, over the loopback service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from secateur.testing import BackendConformance
from secateur_backends.leap import Leap, LeapBQM

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


del _OverTheWire
