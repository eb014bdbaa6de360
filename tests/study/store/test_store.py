"""What is stored comes back bit for bit, once, on both databases."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from dataclasses import replace

import dimod
import numpy as np
import pytest

from secateur.errors import StoreError
from secateur.study import Row, State
from secateur.study.reads import Reads
from secateur.study.store import open_store
from secateur.study.stored import Member
from tests.study.rows import made_rows


def members(rows):
    return [Member(r.key, r.instance, r.method, r.family, r.tuned, r.best_known) for r in rows]


def some_reads(variables=11, rows=4):
    rng = np.random.default_rng(0)
    samples = dimod.SampleSet.from_samples(
        rng.integers(0, 2, (rows, variables)),
        vartype="BINARY",
        energy=rng.normal(size=rows),
        num_occurrences=np.arange(rows),
        is_feasible=np.arange(rows) % 2 == 0,
    )
    return samples, Reads.of(samples)


def test_rows_come_back_as_they_were(address):
    rows = made_rows(3, 2, network=True)
    with open_store(address) as store:
        store.begin("Made up", sha256="0" * 64, toml="[study]", cells=members(rows))
        for row in reversed(rows):
            assert store.add(row)
    with open_store(address) as again:
        assert again.rows("Made up") == rows
        assert sorted(again.rows(), key=lambda r: r.key) == sorted(rows, key=lambda r: r.key)
        assert again.keys() == {row.key for row in rows}
        assert again.keys([rows[0].key, "none"]) == {rows[0].key}
        assert again.rows("another") == []


@pytest.mark.parametrize(
    "number",
    [5e-324, 1.7976931348623157e308, 0.1 + 0.2, -1 / 3, 2.0**53 + 2, 1e22, np.nextafter(1, 2), -7],
)
def test_numbers_come_back_bit_for_bit(address, number):
    number = float(number)
    row = replace(
        made_rows(1, 1)[0],
        energy=np.float64(number),
        incumbents=((number, number),),
        options={"temperature": number},
        seed=2**31 - 1,
        couplings=np.int64(2**40),
    )
    with open_store(address) as store:
        store.add(row)
        [found] = store.rows()
    assert found.energy == number
    assert found.incumbents == ((number, number),)
    assert found.options == {"temperature": number}
    assert (found.seed, found.couplings) == (2**31 - 1, 2**40)


def test_reads_come_back_as_they_were(address):
    samples, reads = some_reads()
    row = replace(made_rows(1, 1)[0], variables=11)
    with open_store(address) as store:
        store.add(row, reads)
        found = store.reads(row.key)
        assert len(store.reads("unknown")) == 0
    record = samples.record
    expected = sorted(
        (float(e), int(o), bool(k), tuple(b.tolist()))
        for b, e, o, k in zip(
            record.sample, record.energy, record.num_occurrences, record.is_feasible, strict=True
        )
        if o
    )
    assert len(expected) == 3  # the answer that no read was is left out
    told = zip(found.energies, found.occurrences, found.kept, found.bits.tolist(), strict=True)
    assert [(float(e), int(o), bool(k), tuple(b)) for e, o, k, b in told] == expected


def test_a_problem_without_variables_has_reads_without_bits(address):
    reads = Reads(
        0, np.zeros(1), np.ones(1, np.int64), np.ones(1, bool), np.zeros((1, 0), np.uint8)
    )
    row = replace(made_rows(1, 1)[0], variables=0)
    with open_store(address) as store:
        store.add(row, reads)
        assert store.reads(row.key).bits.shape == (1, 0)


def test_what_is_there_stays(address):
    _, reads = some_reads()
    row = replace(made_rows(1, 1)[0], variables=11)
    with open_store(address) as store:
        assert store.add(row, reads)
        assert not store.add(replace(row, energy=7.0), reads)
        assert store.rows() == [row]
        assert len(store.reads(row.key)) == len(reads)


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("where", ["energy", "incumbents", "options"])
def test_what_is_not_finite_is_never_stored(address, number, where):
    values = {
        "energy": number,
        "incumbents": ((0.0, number),),
        "options": {"deep": [{"down": number}]},
    }
    row = replace(made_rows(1, 1)[0], **{where: values[where]})
    with open_store(address) as store:
        with pytest.raises(StoreError, match=where):
            store.add(row)
        assert store.rows() == []


def test_reads_that_cannot_be_written_take_their_row_with_them(address):
    _, reads = some_reads()
    broken = replace(reads, energies=np.full(len(reads), np.nan))
    row = replace(made_rows(1, 1)[0], variables=11)
    with open_store(address) as store:
        with pytest.raises(StoreError):
            store.add(row, broken)
        assert store.rows() == []
        assert len(store.reads(row.key)) == 0


def test_any_text_can_be_stored(address):
    row = replace(
        made_rows(1, 1)[0],
        state=State.FAILED,
        reason="nul \0, half \ud800, line\nend, ünï 🌲",
        options={"name": "nul \0 ünï"},
    )
    with open_store(address) as store:
        store.add(row)
        [found] = store.rows()
    assert found.reason == "nul \\x00, half \\ud800, line\nend, ünï 🌲"
    assert found.options == {"name": "nul \0 ünï"}


def test_two_studies_share_cells_under_their_own_names(address):
    rows = made_rows(1, 2)
    first = members(rows)
    second = [
        replace(one, instance="other", family="own", method="mine", tuned=9, best_known=-1.5)
        for one in first[:3]
    ]
    with open_store(address) as store:
        store.begin("Made up", sha256="1" * 64, toml="a", cells=first)
        for row in rows[:2]:
            store.add(row)
        store.begin("Another", sha256="2" * 64, toml="b", cells=reversed(second))
        assert [s.title for s in store.studies()] == ["Made up", "Another"]
        assert [(s.cells, s.ended) for s in store.studies()] == [(len(rows), 2), (3, 2)]
        assert store.rows("Made up") == rows[:2]
        found = store.rows("Another")
        named = {(r.study, r.instance, r.family, r.method, r.tuned, r.best_known) for r in found}
        assert named == {("Another", "other", "own", "mine", 9, -1.5)}
        assert [r.key for r in found] == [rows[1].key, rows[0].key]
        # of an edited file the cells of the new one are its cells
        store.begin("Made up", sha256="3" * 64, toml="c", cells=first[1:])
        assert store.rows("Made up") == rows[1:2]
        edited = store.studies()[0]
        assert (edited.sha256, edited.toml, edited.cells) == ("3" * 64, "c", len(rows) - 1)


def test_forgetting_is_of_reads_too(address):
    _, reads = some_reads()
    rows = [replace(row, variables=11) for row in made_rows(1, 2)[:2]]
    with open_store(address) as store:
        for row in rows:
            store.add(row, reads)
        assert store.forget([rows[0].key, "unknown"]) == 1
        assert store.rows() == rows[1:]
        assert len(store.reads(rows[0].key)) == 0
        assert store.add(rows[0], reads)


def test_many_keys_at_once(address):
    row = made_rows(1, 1)[0]
    with open_store(address) as store:
        store.add(row)
        assert store.keys([row.key, *(f"{k:064}" for k in range(2000))]) == {row.key}


def test_payments(address):
    with open_store(address) as store:
        store.pay("k", "Made up", 3.0)
        assert store.payments(["k", "other"])["k"].spent == 3.0
        assert not store.payments(["k"])["k"].ended
        store.paid("k", 2.5)
        assert store.payments(["k"])["k"].spent == 2.5
        assert store.payments(["k"])["k"].ended
        store.pay("k", "Made up", 4.0)  # tried again: what it was charged is not forgotten
        again = store.payments(["k"])["k"]
        assert (again.charged, again.expected, again.ended) == (2.5, 4.0, False)


def test_claims_are_of_one_process(address):
    with open_store(address) as store:
        assert store.claims.take("cell")
        assert _asked(address, "take") == (False, True)
        store.claims.release("cell")
        assert _asked(address, "take") == (True, True)
        assert store.claims.take("cell")
        _asked(address, "die")
        assert store.claims.take("cell of another that died")


def _asked(address, what):
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_claims, args=(address, theirs, what))
    process.start()
    answer = ours.recv()
    process.join(30)
    return answer


def _claims(address, pipe, what):
    import os
    import signal

    with open_store(address) as store:
        if what == "die":
            pipe.send(store.claims.take("cell of another that died"))
            os.kill(os.getpid(), signal.SIGKILL)
        pipe.send((store.claims.take("cell"), store.claims.take("other")))


def test_many_processes_write_at_once(address):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(address, k)) for k in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with open_store(address) as store:
        rows = made_rows(3, 2)
        assert store.keys() == {row.key for row in rows}
        assert all(len(store.reads(row.key)) == 3 for row in rows)


def _write(address, k):
    _, reads = some_reads()
    with open_store(address) as store:
        rows = made_rows(3, 2)
        for row in rows[k:] + rows[:k]:
            store.add(replace(row, variables=11), reads)


def test_a_busy_database_waits(tmp_path):
    path = tmp_path / "study.db"
    with open_store(path) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.5, lambda: other.execute("COMMIT"))
        timer.start()
        assert store.add(made_rows(1, 1)[0])
        timer.join()
        other.close()


def test_rows_are_plain_data_for_other_programs(tmp_path):
    path = tmp_path / "study.db"
    row = made_rows(1, 1)[0]
    with open_store(path) as store:
        store.add(row)
    with sqlite3.connect(path) as other:
        found = other.execute("SELECT instance, energy, state, ones FROM cells").fetchone()
    other.close()
    assert found == (row.instance, row.energy, "done", str(list(row.ones)))


def test_a_row_knows_its_optional_fields(address):
    row = Row("k" * 64, "s", "i", "0" * 64, 1, 0, "m", "b", 0, State.CANNOT, reason="no")
    with open_store(address) as store:
        store.add(row)
        assert store.rows() == [row]


def test_a_store_of_the_first_form_is_opened_and_kept(address):
    """As it was made before the columns were there."""
    import sqlalchemy as sa

    from secateur.study.opening import url_of
    from secateur.study.tables import ADDED

    rows = made_rows(2, 2)
    with open_store(address) as store:
        store.begin("Made up", sha256="0" * 64, toml="[study]", cells=members(rows))
        for row in rows:
            store.add(row)
        before = store.rows("Made up")
    engine = sa.create_engine(url_of(address))
    with engine.begin() as connection:
        for column in ADDED:
            connection.exec_driver_sql(f"ALTER TABLE {column.table.name} DROP COLUMN {column.name}")
        connection.exec_driver_sql("UPDATE schema_version SET version = 1")
    engine.dispose()
    for _ in range(2):
        with open_store(address) as store:
            assert store.rows("Made up") == before
            assert store.expected("Made up") == []
            cells = [
                replace(one, seed=3, repetition=1, known_optimal=True) for one in members(rows)
            ]
            store.begin("New", sha256="0" * 64, toml="[study]", cells=cells)
            assert store.expected("New") == [(r.method, r.instance, 3, 1) for r in rows]
            assert {row.known_optimal for row in store.rows("New")} == {True}
