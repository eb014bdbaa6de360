"""Stores that cannot be used: in words, with what to do, and without a password."""

from __future__ import annotations

import sqlite3
import traceback

import pytest
import sqlalchemy as sa

from secateur.errors import StoreError
from secateur.study import opening
from secateur.study.store import open_store
from tests.study.rows import made_rows


def refused(address, match):
    with pytest.raises(StoreError, match=match) as caught:
        open_store(address)
    assert caught.value.remedy
    return str(caught.value)


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("mysql://me@host/db", "database of mysql"),
        ("sqlite://", "without a file"),
        ("sqlite:///:memory:", "without a file"),
        ("postgresql://me:s3cret@host:port:x/db", "cannot be read"),
        ("duckdb://", "database of duckdb"),
    ],
)
def test_other_databases(address, match):
    assert "s3cret" not in refused(address, match)


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"not a database, and long enough to be looked at" * 50)
    refused(path, "not a database")
    assert path.read_bytes().startswith(b"not a database")


def test_a_database_of_another_program(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    other.close()
    refused(path, "of another program")
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]
    other.close()


def test_tables_of_another_program_on_a_server(postgres):
    engine = sa.create_engine(postgres)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE cells (phone TEXT)")
    engine.dispose()
    assert sa.make_url(postgres).password not in refused(postgres, "of another program: cells")


@pytest.mark.parametrize(("version", "remedy"), [(2, "update secateur"), (0, "another store")])
def test_a_store_of_another_form(address, version, remedy):
    open_store(address).close()
    engine = sa.create_engine(opening.url_of(address))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE schema_version SET version = {version}")
    engine.dispose()
    assert remedy in refused(address, f"has the form {version}")


def test_a_folder_that_is_not_there(tmp_path):
    refused(tmp_path / "none" / "study.db", "unable to open")


def test_a_locked_database(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "BUSY", 0.2)
    path = tmp_path / "study.db"
    with open_store(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process has been writing"):
            store.add(made_rows(1, 1)[0])
        other.execute("COMMIT")
        other.close()
        assert store.rows() == []
        assert store.add(made_rows(1, 1)[0])


def fill(store, rows):
    for row in rows:
        store.add(row)


def test_a_full_disk(tmp_path):
    path = tmp_path / "study.db"
    with open_store(path) as store:
        rows = made_rows(3, 5)
        store.add(rows[0])
        with store._engine.connect() as connection:  # full is full, for SQLite itself
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="full") as caught:
            fill(store, rows)
        assert "make room" in str(caught.value)
        assert rows[0] in store.rows()


def test_a_server_that_is_not_there_is_told_without_the_password():
    address = "postgresql://me:s3cret@127.0.0.1:1/db?sslpassword=h1dden"
    with pytest.raises(
        StoreError, match=r"postgresql\+psycopg://me:\*\*\*@127.0.0.1:1/db"
    ) as caught:
        open_store(address)
    told = "".join(traceback.format_exception(caught.value))
    assert "s3cret" not in told
    assert "h1dden" not in told


def test_a_wrong_password_is_told_without_it(postgres):
    url = sa.make_url(postgres).set(password="wr0ngpass")
    with pytest.raises(StoreError, match="password") as caught:
        open_store(url.render_as_string(hide_password=False))
    assert "wr0ngpass" not in "".join(traceback.format_exception(caught.value))


def test_a_store_never_shows_its_password(postgres):
    password = sa.make_url(postgres).password
    with open_store(postgres) as store:
        assert password not in f"{store} {store!r} {vars(store)}"
        assert store.secrets == [password]


def test_a_relative_path_is_relative_to_the_study(tmp_path):
    with open_store("study.db", folder=tmp_path) as store:
        assert str(store) == str(tmp_path / "study.db")
    assert (tmp_path / "study.db").is_file()
