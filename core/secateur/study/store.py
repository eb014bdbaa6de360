"""The store of studies: a row as each cell ends, and all reads beside it.

SQLite by a path, PostgreSQL by a URL. A cell is stored under its key, once: what is written a
second time is left out, and what was written first stays. What a study calls its cells is kept
apart, so two studies share the cells that they have in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from secateur.errors import StoreError
from secateur.study.opening import (
    WRITES,
    claims_of,
    open_engine,
    secrets_of,
    shown,
    told,
    url_of,
)
from secateur.study.reads import Reads
from secateur.study.row import Row
from secateur.study.stored import Member, Payment, StoredStudy
from secateur.study.tables import (
    cells,
    members,
    payments,
    reads,
    studies,
    to_row,
    to_values,
    writable,
)

_MANY = 500
"""Keys in one statement; SQLite takes a limited number of values."""


class Store:
    """An open store; ``open_store`` makes it. Used in a ``with`` statement, which closes it.

    Arguments:
        url: of the database.
    """

    def __init__(self, url: sa.URL) -> None:
        self._url = url
        self._engine = open_engine(url)
        self.claims = claims_of(self._engine)

    def __repr__(self) -> str:
        return f"Store({shown(self._url)!r})"

    def __str__(self) -> str:
        return shown(self._url)

    @property
    def secrets(self) -> list[str]:
        """What of its URL is never shown."""
        return secrets_of(self._url)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of claims and connections."""
        self.claims.close()
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with told(self._url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with told(self._url), self._engine.connect() as connection:
            connection = connection.execution_options(**{WRITES: True})
            with connection.begin():
                yield connection

    def _insert(self, table: sa.Table) -> Any:
        """An insertion that leaves what is there."""
        made = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        inserted = made.insert(table).on_conflict_do_nothing()
        return inserted.execution_options(preserve_rowcount=True)

    def begin(self, title: str, *, sha256: str, toml: str, cells: Iterable[Member]) -> None:
        """Write down a study that is about to run: its file, and what it calls its cells.

        A study of the same title is the same study; its cells are those of this file from now on.

        Arguments:
            title: of the study.
            sha256: of its file.
            toml: the file, without secrets.
            cells: in the study's order.
        """
        title = writable(title)
        rows = [
            {
                "study": title,
                "key": cell.key,
                "number": number,
                "instance": writable(cell.instance),
                "family": writable(cell.family),
                "method": writable(cell.method),
                "tuned": cell.tuned,
                "best_known": cell.best_known,
                "known_optimal": cell.known_optimal,
                "seed": cell.seed,
                "repetition": cell.repetition,
            }
            for number, cell in enumerate({cell.key: cell for cell in cells}.values())
        ]
        now = datetime.now(UTC).isoformat()
        about = {"sha256": sha256, "toml": writable(toml)}
        with self._writing() as connection:
            connection.execute(self._insert(studies).values(title=title, created=now, **about))
            same = studies.c.title == title
            connection.execute(studies.update().where(same).values(**about))
            connection.execute(members.delete().where(members.c.study == title))
            if rows:
                connection.execute(self._insert(members), rows)

    def studies(self) -> list[StoredStudy]:
        """Every study, in the order in which they were first run."""
        ended = (
            sa.select(
                members.c.study,
                sa.func.count().label("cells"),
                sa.func.count(cells.c.key).label("ended"),
            )
            .select_from(members.outerjoin(cells, cells.c.key == members.c.key))
            .group_by(members.c.study)
            .subquery()
        )
        asked = (
            sa.select(studies, ended.c.cells, ended.c.ended)
            .select_from(studies.outerjoin(ended, ended.c.study == studies.c.title))
            .order_by(studies.c.created, studies.c.title)
        )
        with self._reading() as connection:
            found = connection.execute(asked).mappings().all()
        return [
            StoredStudy(**{**one, "cells": one["cells"] or 0, "ended": one["ended"] or 0})
            for one in found
        ]

    def add(self, row: Row, answers: Reads | None = None) -> bool:
        """Store a cell that ended, and its reads, in one transaction.

        Arguments:
            row: of the cell.
            answers: of its backend; None: there are none.

        Returns:
            False where the cell is there already; it is left as it is.

        Raises:
            StoreError: it cannot be written; nothing of it was.
        """
        values = to_values(row)
        if answers is not None and not np.isfinite(answers.energies).all():
            raise StoreError("a read's energy is not finite", remedy="leave such reads out")
        with self._writing() as connection:
            added = connection.execute(self._insert(cells).values(**values)).rowcount
            if added == 1 and answers is not None and len(answers):
                connection.execute(reads.insert(), list(_read_values(row.key, answers)))
        return added == 1

    def rows(self, study: str | None = None) -> list[Row]:
        """Every cell that ended.

        Arguments:
            study: only those of this study, as it calls them, in its order; None: every cell once,
                as the study called it that ran it, in the order of their beginning.
        """
        if study is None:
            asked = sa.select(cells).order_by(cells.c.started, cells.c.key)
            with self._reading() as connection:
                return [to_row(dict(one)) for one in connection.execute(asked).mappings()]
        names = [members.c[name] for name in _NAMED]
        asked = (
            sa.select(cells, *(name.label(f"as_{name.name}") for name in names))
            .join_from(members, cells, cells.c.key == members.c.key)
            .where(members.c.study == writable(study))
            .order_by(members.c.number)
        )
        with self._reading() as connection:
            found = connection.execute(asked).mappings().all()
        return [
            replace(to_row(dict(one)), study=study, **{name: one[f"as_{name}"] for name in _NAMED})
            for one in found
        ]

    def expected(self, study: str) -> list[tuple[str, str, int, int]]:
        """Method, instance, seed and repetition of every cell that a study has, run or not.

        Empty where a store of the form 1 did not say them.
        """
        names = ("method", "instance", "seed", "repetition")
        asked = (
            sa.select(*(members.c[name] for name in names))
            .where(members.c.study == writable(study))
            .order_by(members.c.number)
        )
        with self._reading() as connection:
            found = [(one[0], one[1], one[2], one[3]) for one in connection.execute(asked)]
        return [] if any(None in one for one in found) else found

    def keys(self, among: Iterable[str] | None = None) -> set[str]:
        """The keys of cells that ended.

        Arguments:
            among: only these; None: all.
        """
        with self._reading() as connection:
            if among is None:
                return set(connection.execute(sa.select(cells.c.key)).scalars())
            found: set[str] = set()
            for some in _parts(among):
                asked = sa.select(cells.c.key).where(cells.c.key.in_(some))
                found |= set(connection.execute(asked).scalars())
            return found

    def reads(self, key: str) -> Reads:
        """All answers of a cell's backend; none where it gave none, or did not end."""
        about = sa.select(cells.c.variables).where(cells.c.key == key)
        asked = sa.select(reads).where(reads.c.key == key).order_by(reads.c.number)
        with self._reading() as connection:
            variables = connection.execute(about).scalar() or 0
            found = connection.execute(asked).mappings().all()
        if not found:
            return Reads.none(variables)
        packed = b"".join(bytes(one["bits"]) for one in found)
        return Reads(
            variables,
            np.array([one["energy"] for one in found], np.float64),
            np.array([one["occurrences"] for one in found], np.int64),
            np.array([one["kept"] for one in found], bool),
            np.frombuffer(packed, np.uint8).reshape(len(found), -1),
        )

    def forget(self, keys: Iterable[str]) -> int:
        """Remove cells and their reads, so that they are run again; how many were there.

        What they were charged is not forgotten.
        """
        gone = 0
        with self._writing() as connection:
            for some in _parts(keys):
                connection.execute(reads.delete().where(reads.c.key.in_(some)))
                gone += connection.execute(cells.delete().where(cells.c.key.in_(some))).rowcount
        return gone

    def pay(self, key: str, study: str, expected: float | None) -> None:
        """Write down that a metered cell is about to be run."""
        begun = {
            "study": writable(study),
            "expected": expected,
            "state": "begun",
            "begun": datetime.now(UTC).isoformat(),
        }
        with self._writing() as connection:
            added = connection.execute(self._insert(payments).values(key=key, **begun)).rowcount
            if not added:
                connection.execute(payments.update().where(payments.c.key == key).values(**begun))

    def paid(self, key: str, charged: float | None) -> None:
        """Write down what a metered cell was charged, all its tries together; None: not told."""
        with self._writing() as connection:
            connection.execute(
                payments.update()
                .where(payments.c.key == key)
                .values(charged=charged, state="ended")
            )

    def payments(self, keys: Iterable[str]) -> dict[str, Payment]:
        """What is known of the charges of these cells."""
        asked = (sa.select(payments).where(payments.c.key.in_(some)) for some in _parts(keys))
        return self._payments(asked)

    def paid_by(self, titles: Iterable[str]) -> dict[str, Payment]:
        """What is known of the charges of all cells that these studies paid for, of then or now."""
        named = map(writable, titles)
        return self._payments(sa.select(payments).where(payments.c.study == one) for one in named)

    def _payments(self, asked: Iterable[sa.Select[Any]]) -> dict[str, Payment]:
        found: dict[str, Payment] = {}
        with self._reading() as connection:
            for one in (one for each in asked for one in connection.execute(each).mappings()):
                ended = one["state"] == "ended"
                key = one["key"]
                found[key] = Payment(key, one["expected"], one["charged"], ended)
        return found


_NAMED = ("instance", "family", "method", "tuned", "best_known", "known_optimal")
"""What a study says of a cell; the cell is the same whatever it is called."""


def open_store(address: str | Path, *, folder: Path | None = None) -> Store:
    """Open a store, made where there is none.

    Arguments:
        address: a path or ``sqlite:///path``; or ``postgresql://user@host/database``.
        folder: that a relative path is in; None: the current one.

    Raises:
        StoreError: it cannot be reached, is none of ours, or is newer than this program.
        MissingExtra: its driver is not installed.
    """
    return Store(url_of(address, folder))


def _read_values(key: str, answers: Reads) -> Iterator[Mapping[str, Any]]:
    for number in range(len(answers)):
        yield {
            "key": key,
            "number": number,
            "energy": float(answers.energies[number]),
            "occurrences": int(answers.occurrences[number]),
            "kept": bool(answers.kept[number]),
            "bits": answers.packed[number].tobytes(),
        }


def _parts(keys: Iterable[str]) -> Iterator[list[str]]:
    every = sorted(set(keys))
    for first in range(0, len(every), _MANY):
        yield every[first : first + _MANY]
