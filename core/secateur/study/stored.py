"""What a store holds besides rows: what studies call their cells, and what was paid."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """A cell as a study calls it.

    Arguments:
        key: of the cell.
        instance: its name.
        family: of the instance.
        method: its name.
        tuned: the trials that the method's options were chosen by.
        best_known: an energy that the study's file says.
        known_optimal: it is proven to be the lowest.
        seed: of the cell.
        repetition: of the cell.
    """

    key: str
    instance: str
    method: str
    family: str = ""
    tuned: int = 0
    best_known: float | None = None
    known_optimal: bool | None = None
    seed: int | None = None
    repetition: int | None = None


@dataclass(frozen=True)
class StoredStudy:
    """A study that was run.

    Arguments:
        title: of it.
        sha256: of its file, as it was last run.
        toml: the file.
        created: UTC, ISO 8601: when it was first run.
        cells: that it has.
        ended: of these, how many have a row.
    """

    title: str
    sha256: str
    toml: str
    created: str
    cells: int
    ended: int


@dataclass(frozen=True)
class Payment:
    """What is known of a metered cell's charge.

    Arguments:
        key: of the cell.
        expected: seconds charged at most, as it was quoted; None: not known.
        charged: seconds charged, all tries together; None: not known yet, or not told.
        ended: the try that was begun has ended.
    """

    key: str
    expected: float | None
    charged: float | None
    ended: bool

    @property
    def spent(self) -> float | None:
        """What counts against a budget: what was charged, else what may have been."""
        return self.expected if self.charged is None else self.charged
