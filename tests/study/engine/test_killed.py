"""``kill -9`` at 20 random moments: nothing is lost, done twice, or paid twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time

import pytest

from secateur.study.store import open_store
from tests.backends.leap.server import TOKEN, LeapServer
from tests.study.engine.command import ended, kill, start, until, write_instance
from tests.study.engine.studies import HERE, told, told_reads

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

FREE = f"""
[study]
title = "Killed"
seeds = {list(range(14))}
time_limit = 5
store = "study.db"

[[instances]]
files = "*.coo"

[[methods]]
backend = "annealing"
options = {{ reads = 3, sweeps = 10 }}

[[methods]]
backend = "{HERE}:sleeps"
options = {{ file = "told.txt", seconds = 0.05 }}

[[methods]]
backend = "{HERE}:raises"
"""


def stored(path):
    """Rows that a store has, read while another process writes it."""
    try:
        with sqlite3.connect(path, timeout=30) as connection:
            found = connection.execute("SELECT key, started, state FROM cells").fetchall()
    except sqlite3.OperationalError:  # no table yet
        return set()
    finally:
        if "connection" in locals():
            connection.close()
    return set(found)


def contents(path, title="Killed"):
    with open_store(path) as store:
        rows = store.rows(title)
        assert len({row.key for row in rows}) == len(rows) == len(store.rows())
        [study] = store.studies()
        assert study.ended == study.cells
        charged = {k: p.charged for k, p in store.payments(row.key for row in rows).items()}
        return told(rows), told_reads(store, rows), charged


@pytest.mark.timeout(600)
def test_killed_at_14_random_moments(tmp_path):
    for n, seed in ((6, 0), (9, 1)):
        write_instance(tmp_path, n, seed)
    (tmp_path / "study.toml").write_text(FREE)
    ended(start(tmp_path, "--workers", "2", "--store", "whole.db"))
    random_ = random.Random(12)
    before, killed = set(), 0
    while killed < 14:
        process = start(tmp_path, "--workers", "2")
        if random_.random() < 0.7:  # else while it begins
            known = stored(tmp_path / "study.db")
            until(lambda known=known: stored(tmp_path / "study.db") - known, process)
            time.sleep(random_.uniform(0.0, 0.25))
        else:
            time.sleep(random_.uniform(0.0, 2.0))
        assert process.poll() is None, "it ended before it was killed: give it more cells"
        kill(process)
        killed += 1
        after = stored(tmp_path / "study.db")
        assert before <= after  # what was stored stays as it was
        before = after
    ended(start(tmp_path, "--workers", "2"))
    assert before <= stored(tmp_path / "study.db")
    assert contents(tmp_path / "study.db") == contents(tmp_path / "whole.db")


PAID = """
[study]
title = "Killed"
seeds = [0, 1, 2, 3, 4]
time_limit = 4
budget_s = 100
store = "study.db"

[[instances]]
files = "*.coo"

[[methods]]
name = "hybrid"
backend = "leap"
options = {{ endpoint = "{endpoint}", journal = "{journal}", backoff = 0.01 }}
"""


@pytest.fixture
def server():
    with LeapServer() as running:
        yield running


@pytest.mark.timeout(600)
def test_killed_at_6_moments_it_pays_once(tmp_path, server):
    write_instance(tmp_path, 6)
    text = PAID.format(endpoint=server.endpoint, journal=tmp_path / "journal")
    (tmp_path / "study.toml").write_text(text)
    asked = {"DWAVE_API_TOKEN": TOKEN, "HOME": str(tmp_path)}
    waiting = ended(start(tmp_path, "--store", "whole.db", **asked))
    assert "5 metered cells wait" in waiting
    assert server.accepted == []
    other = text.replace(str(tmp_path / "journal"), str(tmp_path / "other"))
    (tmp_path / "study.toml").write_text(other)
    ended(start(tmp_path, "--charge", "--store", "whole.db", **asked))
    assert (len(server.accepted), server.charged) == (5, 20.0)
    server.accepted.clear()
    (tmp_path / "study.toml").write_text(text)
    random_ = random.Random(3)
    for number in range(6):
        process = start(tmp_path, "--charge", **asked)
        now = len(server.accepted)
        if number % 2 or now == 5:
            time.sleep(random_.uniform(0.5, 3.0))
        else:  # a job is on its way, or has just been answered
            until(lambda now=now: len(server.accepted) > now, process)
            time.sleep(random_.uniform(0.0, 0.1))
        if process.poll() is None:
            kill(process)
    ended(start(tmp_path, "--charge", **asked))
    assert (len(server.accepted), server.charged) == (5, 20.0)
    rows, reads, charged = contents(tmp_path / "study.db")
    whole, whole_reads, whole_charged = contents(tmp_path / "whole.db")
    assert list(charged.values()) == list(whole_charged.values()) == [4.0] * 5
    # the journal's folder and its address are no part of what is compared
    kept = [{k: v for k, v in one.items() if k not in ("key", "options")} for one in rows.values()]
    assert kept == [
        {k: v for k, v in one.items() if k not in ("key", "options")} for one in whole.values()
    ]
    assert list(reads.values()) == list(whole_reads.values())
    ended(start(tmp_path, "--charge", **asked))
    assert len(server.accepted) == 5


def test_ctrl_c_says_how_to_go_on(tmp_path):
    write_instance(tmp_path, 6)
    text = FREE.replace("seconds = 0.05", "seconds = 30")
    (tmp_path / "study.toml").write_text(text)
    process = start(tmp_path, "--workers", "1")
    until(lambda: (tmp_path / "told.txt").exists(), process)
    process.send_signal(signal.SIGINT)
    said = ended(process, 130)
    assert "of 42 cells of 'Killed' are in" in said
    assert "the same command goes on" in said
    assert stored(tmp_path / "study.db")
