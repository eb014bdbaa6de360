"""SQLite, PostgreSQL, a Dask cluster, several runs at once: the same rows but for times."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from secateur.errors import SecateurError
from secateur.study import engine_dask
from secateur.study.engine import DIED, Pool
from secateur.study.engine_dask import Cluster
from secateur.study.running import run_study
from secateur.study.store import open_store
from tests.study.engine.command import ROOT, ended, start, until, write_instance
from tests.study.engine.studies import HERE, instance, method, plain, study, told, told_reads


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def expected(folder):
    """What one process leaves in a file."""
    one = plain(folder)
    with open_store(folder / "expected.db") as store, Pool(1) as pool:
        run_study(one, store, pool)
        rows = store.rows(one.title)
        return one, told(rows), told_reads(store, rows)


def test_postgresql_gives_the_same_rows(expected, postgres):
    one, rows, reads = expected
    with open_store(postgres) as store, Pool(2) as pool:
        run_study(one, store, pool)
        found = store.rows(one.title)
        assert told(found) == rows
        assert told_reads(store, found) == reads


@contextmanager
def cluster(workers=2, threads=1):
    """A scheduler and workers as people start them, each a process of its own."""
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)])
    script = (
        "import sys\n"
        "from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        f"    how = dict(n_workers={workers}, threads_per_worker={threads})\n"
        "    with LocalCluster(processes=True, dashboard_address=None, **how) as made:\n"
        "        print(made.scheduler_address, flush=True)\n"
        "        sys.stdin.read()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore:.*event loop:DeprecationWarning")
def test_a_cluster_gives_the_same_rows_and_a_lost_worker_loses_nothing(expected, tmp_path):
    one, rows, reads = expected
    file = tmp_path / "told"
    slow = method(f"{HERE}:sleeps", "sleeps", file=str(file), seconds=1.0)
    waits = study([instance(tmp_path, 6)], [slow], seeds=range(4), title="Slow")
    with (
        cluster() as address,
        open_store(tmp_path / "study.db") as store,
        Cluster(address) as engine,
    ):
        assert engine.workers == 2
        run_study(one, store, engine)
        found = store.rows(one.title)
        assert told(found) == rows
        assert told_reads(store, found) == reads
        # the worker of the first cell is killed in the middle of it
        done = run_study_and(waits, store, engine, lambda: kill_the_first(file))
        assert done.states == {"done": 4, "failed": 0, "cannot": 0}
        assert len(file.read_text().split()) > 4
        dies = study([instance(tmp_path, 6)], [method(f"{HERE}:dies", "dies")], seeds=[0])
        run_study(dies, store, engine)
        [row] = store.rows("Small")
        assert row.reason == DIED


def run_study_and(one, store, engine, then):
    thread = threading.Thread(target=then)
    thread.start()
    try:
        return run_study(one, store, engine)
    finally:
        thread.join()


def kill_the_first(file: Path):
    until(lambda: file.exists() and file.read_text().split())
    os.kill(int(file.read_text().split()[0]), signal.SIGKILL)


def test_a_cluster_whose_workers_share_a_process_is_refused():
    with cluster(1, 2) as address, pytest.raises(SecateurError, match="2 cells at a time"):
        Cluster(address)


def test_no_cluster(monkeypatch):
    monkeypatch.setattr(engine_dask, "REACHED", "1s")
    with pytest.raises(SecateurError, match="there is no Dask scheduler"):
        Cluster("tcp://127.0.0.1:9")


def test_two_runs_at_once_share_the_work(tmp_path):
    write_instance(tmp_path, 6)
    (tmp_path / "study.toml").write_text(
        f"""
[study]
title = "Shared"
seeds = {list(range(16))}
time_limit = 5
store = "study.db"

[[instances]]
files = "*.coo"

[[methods]]
backend = "{HERE}:sleeps"
options = {{ file = "told.txt", seconds = 0.3 }}
"""
    )
    both = [start(tmp_path, "--workers", "1", "--json") for _ in range(2)]
    said = [json.loads(ended(process)) for process in both]
    assert [one["done"] for one in said] == [16, 16]
    assert sum(one["new"] for one in said) == 16
    assert len((tmp_path / "told.txt").read_text().split()) == 16  # none was run twice
