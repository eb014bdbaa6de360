"""Money: nothing without leave, nothing twice, one budget for all cells of a study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from secateur.backends import option, wrap
from secateur.study import State
from secateur.study.cell import StudyMethod
from secateur.study.engine import Pool
from secateur.study.paying import CUT_OFF, Purse
from secateur.study.running import NOT_ALLOWED, run_study
from tests.backends.leap.server import TOKEN, LeapServer
from tests.study.engine.solvers import _some
from tests.study.engine.studies import instance, method, study


@pytest.fixture
def server():
    with LeapServer() as running:
        yield running


@pytest.fixture
def leap(server, tmp_path, monkeypatch):
    """A method of 4 s a cell."""
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    monkeypatch.setenv("HOME", str(tmp_path))
    given = {
        "endpoint": server.endpoint,
        "journal": str(tmp_path / "journal"),
        "backoff": 0.01,
        "max_charge_s": None,
    }
    return replace(method("leap", **given), metered=True)


def run(one, store, **more):
    with Pool(1) as pool:
        return run_study(one, store, pool, **more)


def of(folder, *methods, seeds=(0, 1, 2), **more):
    return study([instance(folder, 6)], methods, seeds=seeds, time_limit=4.0, **more)


def test_nothing_is_charged_without_leave(tmp_path, store, server, leap):
    one = of(tmp_path, method("greedy"), leap)
    ran = run(one, store)
    assert [w.reason for w in ran.waiting] == [NOT_ALLOWED] * 3
    assert (ran.states["done"], server.steps) == (3, [])
    ran = run(one, store, charge=True)
    assert ran.waiting == []
    assert ran.states["done"] == 6
    assert (ran.charged, server.charged, len(server.accepted)) == (12.0, 12.0, 3)
    rows = [row for row in store.rows() if row.metered]
    assert all((row.access, row.charged) == (4.0, 4.0) for row in rows)
    assert all(row.wall >= row.queue + row.access for row in rows)
    assert run(one, store, charge=True).charged == 12.0
    assert len(server.accepted) == 3


def test_a_journal_of_the_same_cells_is_not_paid_again(tmp_path, store, server, leap):
    """As after a run that was killed between an answer and its row."""
    one = of(tmp_path, leap)
    first = run(one, store, charge=True)
    rows = store.rows(one.title)
    store.forget(row.key for row in rows)
    again = run(one, store, charge=True)
    assert len(server.accepted) == 3
    assert again.charged == first.charged == 12.0
    for row, before in zip(store.rows(one.title), rows, strict=True):
        assert (row.charged, row.access, row.queue) == (4.0, 4.0, before.queue)
        assert row.seconds >= 4.0  # it is not faster for being resumed
        assert row.energy == before.energy


def test_one_budget_for_all_cells(tmp_path, store, server, leap):
    one = of(tmp_path, leap, budget_s=9.0)
    ran = run(one, store, charge=True)
    assert (ran.states["done"], len(ran.waiting), ran.charged) == (2, 1, 8.0)
    assert ran.waiting[0].reason == "4 s would be charged, and 1 s are left"
    assert server.charged == 8.0
    # what was forgotten was charged all the same; its answer is in the journal
    store.forget([store.rows()[0].key])
    ran = run(one, store, charge=True)
    assert (ran.states["done"], len(ran.waiting), server.charged) == (2, 1, 8.0)
    ran = run(replace(one, budget_s=12.0), store, charge=True)
    assert (ran.states["done"], ran.waiting, server.charged) == (3, [], 12.0)


def test_a_failed_job_counts(tmp_path, store, server, leap):
    server.ending = "FAILED"
    one = of(tmp_path, leap, budget_s=9.0)
    ran = run(one, store, charge=True)
    assert (ran.states["failed"], len(ran.waiting), ran.charged) == (2, 1, 8.0)
    assert {row.charged for row in store.rows()} == {4.0}
    server.ending = "COMPLETED"
    ran = run(one, store, charge=True, again=[State.FAILED])  # no money is left for it
    assert (ran.states["failed"], len(ran.waiting), ran.charged) == (0, 3, 8.0)
    assert len(server.accepted) == 2


def _paid(problem, options):
    with Path(options.file).open("a") as handle:
        handle.write("called\n")
    return _some(problem, options)


paid = wrap(_paid, name="paid", metered=True, options={"file": option("", "where it is told")})


def test_without_a_journal_a_cut_off_call_is_not_made_again(tmp_path, store):
    file = tmp_path / "calls"
    given = {"file": str(file)}
    how = StudyMethod("paid", f"{__name__}:paid", given, public=given, metered=True)
    one = of(tmp_path, how)
    store.pay(one.cells[1].key, one.title, None)  # an earlier run was killed in the call
    ran = run(one, store, charge=True)
    assert ran.states == {"done": 2, "failed": 1, "cannot": 0}
    assert store.rows(one.title)[1].reason == CUT_OFF
    assert len(file.read_text().splitlines()) == 2
    assert ran.charged is None  # it does not say
    assert run(one, store, charge=True).new == 0
    ran = run(one, store, charge=True, again=[State.FAILED])
    assert ran.states["done"] == 3
    assert len(file.read_text().splitlines()) == 3


def test_what_costs_nobody_knows_is_not_run_within_a_budget(tmp_path, store):
    file = tmp_path / "calls"
    given = {"file": str(file)}
    how = StudyMethod("paid", f"{__name__}:paid", given, public=given, metered=True)
    ran = run(of(tmp_path, how, budget_s=9.0), store, charge=True)
    assert len(ran.waiting) == 3
    assert "is not known" in ran.waiting[0].reason
    assert not file.exists()


def test_a_kill_between_the_row_and_the_books(tmp_path, store, server, leap):
    one = of(tmp_path, leap, budget_s=12.0)
    run(one, store, charge=True)
    key = one.cells[0].key
    store.pay(key, one.title, 9.0)  # as it is before the row is settled
    store.forget([one.cells[2].key])
    purse = Purse(one, store)
    purse.catch_up()
    assert store.payments([key])[key].ended
    assert purse.spent() == 12.0
