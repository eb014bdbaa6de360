from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .ibm_server import IBM


@pytest.fixture
def ibm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IBM]:
    """IBM's service on the loopback, and an environment that points to it and to nothing else."""
    service = IBM()
    address = service.start()
    for name, value in service.environment(address).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    yield service
    service.stop()
