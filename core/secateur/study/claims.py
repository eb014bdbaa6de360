"""Which process runs a cell, so that two runs of one study share the work and do nothing twice.

A claim is a lock that the system, or the server, drops when its holder dies, however it dies: a
byte of a file beside an SQLite store, an advisory lock of PostgreSQL. Nothing has to be cleaned up
after a ``kill -9``.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from secateur.errors import StoreError

_BITS = 62
"""Of a claim's number: a place in a file, and a number of PostgreSQL, have a sign."""


class Claims(Protocol):
    """What a run holds."""

    def take(self, name: str) -> bool:
        """Hold it from now on; False where another process does."""
        ...

    def release(self, name: str) -> None:
        """Let it go."""
        ...

    def close(self) -> None:
        """Let all go."""
        ...


def number_of(name: str) -> int:
    """A claim's number; two names have one number by less than a chance in 10**18."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> (64 - _BITS)


class FileClaims:
    """Claims beside an SQLite store.

    Arguments:
        path: of the file whose bytes are locked; it stays empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self, name: str) -> bool:
        """Hold it from now on; False where another process does.

        Raises:
            StoreError: the file system has no locks, or no file can be made there.
        """
        try:
            import fcntl
        except ImportError:  # Windows: two runs may do one cell each; the first row stays
            return True
        try:
            if self._handle is None:
                self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.lockf(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number_of(name))
        except (BlockingIOError, PermissionError) as error:
            if self._handle is not None:
                return False
            raise self._without(error) from error
        except OSError as error:
            raise self._without(error) from error
        return True

    def _without(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._path} cannot be locked ({error.strerror or error}), and two runs could do the "
            "same twice",
            remedy="keep the store in a folder that can be written, on a file system with locks; "
            "or use PostgreSQL",
        )

    def release(self, name: str) -> None:
        """Let it go."""
        if self._handle is not None:
            import fcntl

            fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, number_of(name))

    def close(self) -> None:
        """Let all go."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class ServerClaims:
    """Claims on a PostgreSQL server, for as long as one connection of ours lives.

    Arguments:
        engine: of the store.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: Any = None

    def take(self, name: str) -> bool:
        """Hold it from now on; False where another process does."""
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            )
        return bool(self._asked("pg_try_advisory_lock", name))

    def release(self, name: str) -> None:
        """Let it go."""
        if self._connection is not None:
            self._asked("pg_advisory_unlock", name)

    def _asked(self, function: str, name: str) -> Any:
        return self._connection.execute(
            sa.text(f"SELECT {function}(:number)"), {"number": number_of(name)}
        ).scalar()

    def close(self) -> None:
        """Let all go."""
        if self._connection is not None:
            # not back into the pool: the locks are the connection's
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
