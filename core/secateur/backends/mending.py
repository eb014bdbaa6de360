"""A paid answer that misses a demand: repaired by the library's own moves, and marked.

What was paid for is not thrown away. A row that keeps every demand stays as it is; the best of the
others are brought to the demands, and ``Solution.raw["repaired"]`` says how many bits moved.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.backends.base import Solution, Status
from secateur.backends.metering import NOTES, notes_of
from secateur.problem.model import Bits, Problem

if TYPE_CHECKING:
    from secateur.problem.moves import Moves

logger = logging.getLogger("secateur")

ROWS = 4
"""So many of the best rows that break a demand are repaired; more rarely helped."""


def repair_rows(problem: Problem, bits: Bits) -> tuple[Bits, list[int], list[int]]:
    """Rows that keep every demand: those that do, and the best of the others repaired.

    Arguments:
        problem: with its demands.
        bits: shape ``(rows, n)``.

    Returns:
        The rows, the row of ``bits`` that each was made from, and how many bits moved in each.
    """
    from secateur.problem.moves import Moves

    good = np.asarray(problem.feasible(bits), bool)
    bad = np.flatnonzero(~good)
    bad = bad[np.argsort(problem.energies(bits[bad]), kind="stable")][:ROWS]
    moves: Moves | None = Moves(problem) if len(bad) else None
    rows, source, moved = list(bits[good]), np.flatnonzero(good).tolist(), [0] * int(good.sum())
    for number in bad.tolist():
        closed = None if moves is None else moves.repair(bits[number])
        if closed is not None:
            rows.append(closed)
            source.append(number)
            moved.append(int((closed != bits[number]).sum()))
    made = np.array(rows, np.int8).reshape(-1, problem.n)
    return made, source, moved


def told(moved: Sequence[int], said: str) -> dict[str, Any]:
    """What ``Solution.raw`` says of a repair.

    Arguments:
        moved: bits of each row that was repaired.
        said: what was broken in the first of them.
    """
    most = max(moved, default=0)
    rows = "1 row" if len(moved) == 1 else f"{len(moved)} rows"
    note = (
        f"repaired: the paid answer had {said}; {rows} brought to the demands by moving at most "
        f"{most} bits"
        if moved
        else f"the paid answer had {said}, and no repair was found"
    )
    return {"repaired": {"rows": len(moved), "most_bits": most, "broken": said}, NOTES: [note]}


def mended(problem: Problem, solution: Solution, bits: Bits, said: str) -> Solution:
    """The solution with the rows that break a demand repaired; no sample if none could be.

    Arguments:
        problem: with its demands.
        solution: of which labels, values and energies were found to be true.
        bits: its distinct rows, in the problem's order.
        said: what is broken in the first of them.
    """
    rows, source, moved = repair_rows(problem, bits)
    about = told([m for m in moved if m], said)
    notes = [*notes_of(solution), *about[NOTES]]
    logger.info(about[NOTES][0])
    samples = dimod.SampleSet.from_samples(
        (rows, list(problem.variables)),
        vartype=dimod.BINARY,
        energy=problem.energies(rows),
        num_occurrences=_occurrences(solution, problem, bits, source),
        info=dict(solution.samples.info),
        sort_labels=False,
    )
    some = len(rows) > 0
    return replace(
        solution,
        samples=samples,
        status=Status.FEASIBLE if some else Status.NONE,
        bound=None,  # of an answer that is not to this problem
        raw={**solution.raw, **about, NOTES: notes},
    )


def _occurrences(
    solution: Solution, problem: Problem, bits: Bits, source: list[int]
) -> NDArray[np.intp]:
    """How often each row that is left was seen."""
    record = solution.samples.record
    place = {label: k for k, label in enumerate(solution.samples.variables)}
    order = [place[label] for label in problem.variables]
    seen = np.asarray(record.sample, np.int8)[:, order]
    often: dict[bytes, int] = {}
    for row, number in zip(seen, record.num_occurrences, strict=True):
        often[row.tobytes()] = often.get(row.tobytes(), 0) + int(number)
    return np.array([often[bits[k].tobytes()] for k in source], np.intp)
