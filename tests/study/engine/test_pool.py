"""Processes: as many as are asked for, one numerical thread each; none takes others with it."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from secateur.errors import OptionError
from secateur.study import State, engine
from secateur.study.engine import DIED, Pool
from secateur.study.running import run_study
from secateur.study.store import open_store
from tests.study.engine.studies import HERE, instance, method, plain, study, told, told_reads


def ran(one, path, workers=1, **more):
    with open_store(path) as store, Pool(workers) as pool:
        ended = run_study(one, store, pool, **more)
        rows = store.rows(one.title)
        return ended, rows, told_reads(store, rows)


def test_one_process_and_four_give_the_same_rows(tmp_path):
    one = plain(tmp_path)
    ended, rows, reads = ran(one, tmp_path / "one.db")
    assert len(rows) == len(one.cells) == ended.new == 24
    assert ended.states == {"done": 14, "failed": 8, "cannot": 2}
    assert [row.key for row in rows] == [cell.key for cell in one.cells]
    again, other, other_reads = ran(one, tmp_path / "four.db", 4)
    assert told(other) == told(rows)
    assert other_reads == reads
    assert again.states == ended.states
    assert ran(one, tmp_path / "four.db")[0].new == 0


def test_a_process_that_dies_costs_its_cell_alone(tmp_path):
    instances = [instance(tmp_path, 6)]
    dies = method(f"{HERE}:dies", "dies")
    others = [method("annealing", reads=3), method("greedy"), method("steepest-descent")]
    ended, rows, _ = ran(study(instances, [dies, *others]), tmp_path / "study.db", 2)
    assert ended.states == {"done": 6, "failed": 2, "cannot": 0}
    assert {row.reason for row in rows if row.method == "dies"} == {DIED}
    clean = ran(study(instances, others), tmp_path / "clean.db", 1)[1]
    assert told(clean).items() <= told(rows).items()


def test_a_process_that_dies_once_is_tried_once_more(tmp_path):
    file = tmp_path / "told"
    how = method(f"{HERE}:dies_once", "dies once", file=str(file))
    one = study([instance(tmp_path, 6)], [how], seeds=[0])
    assert ran(one, tmp_path / "study.db")[0].states["done"] == 1
    assert len(file.read_text().splitlines()) == 2


def test_one_numerical_thread_each(tmp_path):
    one = study([instance(tmp_path, 6)], [method(f"{HERE}:threads", "threads")], seeds=[0])
    before = dict(os.environ)
    with open_store(tmp_path / "study.db") as store, Pool(1) as pool:
        run_study(one, store, pool)
        [row] = store.rows()
        assert store.reads(row.key).bits[0, 0] == 1
    assert dict(os.environ) == before


def test_one_that_never_ends_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "LATE_SECONDS", 0.5)
    file = tmp_path / "told"
    slow = method(f"{HERE}:sleeps", "sleeps", file=str(file), seconds=300.0)
    one = study([instance(tmp_path, 6)], [slow, method("greedy")], seeds=[0], time_limit=0.4)
    ended, rows, _ = ran(one, tmp_path / "study.db")
    assert ended.states == {"done": 1, "failed": 1, "cannot": 0}
    assert "did not end" in rows[0].reason
    assert not alive(int(file.read_text()))


def test_interrupted_it_keeps_what_ended_and_ends_its_children(tmp_path):
    file = tmp_path / "told"
    slow = method(f"{HERE}:sleeps", "sleeps", file=str(file), seconds=300.0)
    one = study([instance(tmp_path, 6)], [method("greedy"), slow], seeds=[0])
    with open_store(tmp_path / "study.db") as store:

        def interrupt():
            while not (file.exists() and file.read_text()):
                time.sleep(0.05)
            signal.raise_signal(signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt) as caught, Pool(1) as pool:
            run_study(one, store, pool)
        thread.join()
        assert "1 of 2 cells of 'Small' are in" in caught.value.__notes__[-1]
        assert [row.method for row in store.rows()] == ["greedy"]
    assert not alive(int(file.read_text()))


def test_failed_cells_are_run_again_where_that_is_asked(tmp_path):
    one = study([instance(tmp_path, 6)], [method(f"{HERE}:raises", "r"), method("greedy")])
    first = ran(one, tmp_path / "study.db")[1]
    ended, rows, _ = ran(one, tmp_path / "study.db", again=[State.FAILED])
    assert ended.new == 2
    assert {row.method for row in rows if row.started not in {r.started for r in first}} == {"r"}


def test_a_number_of_processes():
    with pytest.raises(OptionError):
        Pool(0)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
