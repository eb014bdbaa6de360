from __future__ import annotations

import pytest

from secateur.study.store import open_store
from tests.study.servers import postgres

__all__ = ["postgres"]


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "study.db") as opened:
        yield opened
