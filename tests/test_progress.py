"""Progress in a log: lines while something advances, and while nothing does."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from secateur import progress
from tests.clocks import FOREVER


@pytest.fixture
def lines(caplog, monkeypatch):
    monkeypatch.setattr(progress, "BEAT", 0.05)
    caplog.set_level(logging.INFO, logger="secateur")
    progress.show("lines")
    return caplog


def test_a_stage_that_does_not_advance_says_that_it_goes_on(lines):
    with progress.track("solving"):
        time.sleep(0.3)
    said = [r.message for r in lines.records]
    assert said
    assert all("solving" in line and "so far" in line for line in said)
    after = len(lines.records)
    time.sleep(0.2)
    assert len(lines.records) == after


def test_it_is_silent_after_an_error_and_leaves_no_thread(lines):
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), progress.track("solving"):
        raise KeyboardInterrupt
    deadline = time.monotonic() + FOREVER
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert not lines.records


@pytest.mark.parametrize("level", [logging.WARNING, logging.INFO])
def test_nothing_is_said_where_nobody_asked(lines, level):
    lines.set_level(level, logger="secateur")
    progress.show("none" if level == logging.INFO else "lines")
    with progress.track("solving"):
        time.sleep(0.15)
    assert not lines.records
