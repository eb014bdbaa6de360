"""Blocks of a problem on a quantum computer: which they are, and what their reads say together.

Access time is charged by submission, not by variable. Blocks that no coupling joins are annealed
side by side, and a read of one says nothing about a read of another: they are put together by rank,
the best with the best, and each read is used exactly as often as it was read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import BackendFailed
from secateur.problem import Problem
from secateur_backends.leap_jobs import unwritable, write_whole

Positions = NDArray[np.intp]


def components(problem: Problem) -> list[Positions]:
    """The blocks that couplings hold together, each by its positions; the largest first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    row, col, _ = problem.quadratic
    graph = coo_array((np.ones(len(row), np.int8), (row, col)), shape=(problem.n, problem.n))
    _, owner = connected_components(graph, directed=False)
    order = np.argsort(owner, kind="stable")
    blocks = np.split(order, np.flatnonzero(np.diff(owner[order])) + 1)
    return sorted((np.asarray(b, np.intp) for b in blocks), key=lambda b: (-len(b), int(b[0])))


def by_rank(
    problem: Problem,
    blocks: Sequence[Positions],
    bits: NDArray[np.int8],
    occurrences: NDArray[np.intp],
) -> tuple[NDArray[np.int8], NDArray[np.intp]]:
    """The reads of each block in the order of its own energy, put side by side.

    Arguments:
        problem: whose blocks they are.
        blocks: the positions of each; together all variables.
        bits: reads, shape ``(rows, n)``.
        occurrences: of each row.

    Returns:
        Different rows, and how often each came about; as many in all as there were reads.
    """
    if len(blocks) <= 1:
        return bits, occurrences
    reads = np.repeat(bits, occurrences, axis=0)
    together = np.empty_like(reads)
    row, col, bias = problem.quadratic
    for block in blocks:
        local = np.full(problem.n, -1, np.intp)
        local[block] = np.arange(len(block))
        inside = local[row] >= 0
        couplings = np.zeros((len(block), len(block)))
        np.add.at(couplings, (local[row[inside]], local[col[inside]]), bias[inside])
        mine = reads[:, block]
        z = mine.astype(np.float64)
        energies = z @ problem.linear[block] + ((z @ couplings) * z).sum(axis=1)
        together[:, block] = mine[np.argsort(energies, kind="stable")]
    rows, first, often = np.unique(together, axis=0, return_index=True, return_counts=True)
    order = np.argsort(first)
    return rows[order], often[order].astype(np.intp)


@dataclass(frozen=True, eq=False)
class Sharing:
    """How blocks are shared.

    Arguments:
        groups: positions of each submission.
        began: when the run that shares them so began, in seconds since 1970.
        done: all submissions were answered.
    """

    groups: list[Positions]
    began: float
    done: bool = False


class Shared:
    """The journal's note of how the blocks of a problem are shared among submissions.

    A run that is taken up again has to share them as the first one did, or it would not find the
    jobs that were paid for.

    Arguments:
        folder: the journal's folder.
        key: of the whole problem, as of a job.
        backend: the backend's name.
    """

    def __init__(self, folder: Path, key: str, backend: str) -> None:
        self._path = folder / f"{key[:20]}.blocks"
        self._key = key
        self._backend = backend

    def read(self) -> Sharing | None:
        """How they are shared; None if they are not.

        Raises:
            BackendFailed: it cannot be read; paid jobs may hang on it.
        """
        if not self._path.exists():
            return None
        try:
            data: Any = json.loads(self._path.read_text(encoding="utf-8"))
            groups = [np.array(group, np.intp) for group in data["groups"]]
            found = Sharing(groups, float(data.get("began", 0.0)), bool(data["done"]))
            key = data["key"]
        except (OSError, ValueError, KeyError, TypeError):
            raise BackendFailed(
                f"backend {self._backend!r} cannot read {self._path}, which says how blocks were "
                "shared among jobs that may have been paid for",
                backend=self._backend,
                remedy="move the file away; blocks are then shared anew, and charged",
            ) from None
        return found if key == self._key else None

    def write(self, sharing: Sharing, sent: str = "nothing") -> None:
        """Keep it; returns once it is on the disk.

        Arguments:
            sharing: to be kept.
            sent: what was sent already, for the error.

        Raises:
            Unwritable: the folder cannot be written.
        """
        data = {
            "key": self._key,
            "groups": [group.tolist() for group in sharing.groups],
            "began": sharing.began,
            "done": sharing.done,
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self._path, json.dumps(data))
        except OSError as error:
            raise unwritable(self._backend, self._path.parent, error, sent) from error
