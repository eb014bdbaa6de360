"""From what a user types to a database that is ready: SQLite by a path, PostgreSQL by a URL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from secateur.errors import StoreError
from secateur.extras import needed_by
from secateur.study.claims import Claims, FileClaims, ServerClaims
from secateur.study.tables import OWN, VERSION, metadata, schema

BUSY = 60.0
"""Seconds to wait for a database that another process writes."""
CREATING = 7_310_579
"""The advisory lock under which the tables are made."""
WRITES = "secateur_writes"
"""The execution option of a transaction that writes."""


def url_of(address: str | Path, folder: Path | None = None) -> sa.URL:
    """The URL of a store.

    Arguments:
        address: a path, ``sqlite:///path``, or ``postgresql://…``.
        folder: that a relative path is in; None: the current one.

    Raises:
        StoreError: it is neither of the two databases, or SQLite in memory.
    """
    text = str(address)
    made = _read(text) if "://" in text else sa.URL.create("sqlite", database=text)
    kind = made.get_backend_name()
    if kind in ("postgresql", "postgres"):
        if made.drivername in ("postgresql", "postgres"):
            made = made.set(drivername="postgresql+psycopg")
        return made
    if kind != "sqlite":
        raise StoreError(
            f"the store is a database of {kind}",
            remedy="use SQLite (a path) or PostgreSQL (postgresql://…)",
        )
    if made.database in (None, "", ":memory:") or str(made.database).startswith("file:"):
        raise StoreError(
            "the store is SQLite without a file, which would be gone at the end",
            remedy="give a path: study.db",
        )
    path = Path(str(made.database)).expanduser()
    path = path if path.is_absolute() or folder is None else folder / path
    return made.set(database=str(path))


def _read(text: str) -> sa.URL:
    with contextlib.suppress(sa.exc.ArgumentError, ValueError):  # they show the URL, password too
        return sa.make_url(text)
    raise StoreError(
        "the store's URL cannot be read (not shown: it may hold a password)",
        remedy="write postgresql://user@host:port/database, or a path for SQLite; special letters "
        "of a password are written as %40 and so on",
    )


def open_engine(url: sa.URL) -> sa.Engine:
    """A database with the tables of a store, made where there are none.

    Raises:
        StoreError: it cannot be reached, is none of ours, or is newer than this program.
    """
    sqlite = url.get_backend_name() == "sqlite"
    with told(url), needed_by("a store on PostgreSQL"):
        if sqlite:
            engine = sa.create_engine(url, connect_args={"timeout": BUSY})
            sa.event.listen(engine, "connect", _connected)
            sa.event.listen(engine, "begin", _begun)
        else:
            # what the server says of a connection names the user, and never the password
            engine = sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
        try:
            _ready(engine, url)
        except BaseException:
            engine.dispose()
            raise
    return engine


def claims_of(engine: sa.Engine) -> Claims:
    """What a run of this store holds the cells by that it works on."""
    if engine.dialect.name == "sqlite":
        return FileClaims(Path(f"{engine.url.database}-claims"))
    return ServerClaims(engine)


def _connected(connection: Any, record: Any) -> None:
    # the driver begins transactions when it likes; `_begun` does when they begin
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(1000 * BUSY)}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA synchronous = FULL")  # a row that was told as stored is
    with contextlib.suppress(Exception):  # read-only, or a file system without shared memory
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.close()


def _begun(connection: sa.Connection) -> None:
    # a transaction that first reads and then writes cannot wait for another writer
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _ready(engine: sa.Engine, url: sa.URL) -> None:
    """The tables, as this program knows them."""
    with engine.connect() as connection:
        found = set(sa.inspect(connection).get_table_names())
    if schema.name not in found:
        if found & OWN:
            raise StoreError(
                f"the database {shown(url)} has tables of another program: "
                + ", ".join(sorted(found & OWN)),
                remedy="give the store a database (or a schema) of its own",
            )
        if engine.dialect.name == "sqlite" and found:
            raise StoreError(
                f"{url.database} is a database of another program",
                remedy="name another file for the store",
            )
        writing = engine.connect().execution_options(**{WRITES: True})
        with writing as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                # two runs that begin at once; the other one then finds the tables
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(CREATING)))
            metadata.create_all(connection)
            if connection.execute(sa.select(schema.c.version)).scalar() is None:
                connection.execute(schema.insert().values(version=VERSION))
    with engine.connect() as connection:
        version = connection.execute(sa.select(schema.c.version)).scalar()
    if version != VERSION:
        newer = version is None or version > VERSION
        raise StoreError(
            f"the store {shown(url)} has the form {version}, and this program knows {VERSION}",
            remedy="update secateur" if newer else "use another store, or the secateur of that one",
        )


def shown(url: sa.URL) -> str:
    """A store as people read it: a path, or the URL without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    query = {name: value for name, value in url.query.items() if "pass" not in name.lower()}
    return url.set(query=query).render_as_string(hide_password=True)


@contextlib.contextmanager
def told(url: sa.URL) -> Iterator[None]:
    """What a database raises, in words, and without the URL's password.

    Raises:
        StoreError: instead of an error of SQLAlchemy or the driver.
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError) as error:
        failure = _in_words(url, error)
    else:
        return
    # not from the error: it holds the statement, and may hold the URL
    raise failure from None


def _in_words(url: sa.URL, error: Exception) -> StoreError:
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines() or [type(original).__name__]
    said = " ".join(line.strip() for line in lines[:3])
    for secret in secrets_of(url):
        said = said.replace(secret, "…")
    low, where = said.lower(), shown(url)
    sqlite = url.get_backend_name() == "sqlite"
    remedy = "look at what it says; what was stored before is there, and the same run goes on"
    if "locked" in low or "busy" in low:
        said = f"another process has been writing it for {BUSY:g} s ({said})"
        remedy = "wait for the other process, or end it; then run the same again"
    elif "disk is full" in low or "no space" in low or "could not extend" in low:
        remedy = "make room; what was stored before is there, and the same run goes on"
    elif "not a database" in low or "malformed" in low:
        remedy = "it is no SQLite file, or a damaged one: name another file, or restore a copy"
    elif "unable to open" in low:
        remedy = "is its folder there, and may you write in it?"
    elif "readonly" in low or "read-only" in low:
        remedy = "give yourself the right to write the file and its folder"
    elif not sqlite and isinstance(error, sa.exc.OperationalError):
        remedy = "does the server run, and are host, port, user, password and database right?"
    return StoreError(f"the store {where}: {said}", remedy=remedy)


def secrets_of(url: sa.URL) -> list[str]:
    """What of a URL is never shown."""
    found = [] if url.password is None else [str(url.password)]
    for name, value in url.query.items():
        if "pass" in name.lower():
            found += [value] if isinstance(value, str) else list(value)
    return [secret for secret in found if secret]
