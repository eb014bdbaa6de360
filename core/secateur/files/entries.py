"""Models from rows ``i j q``, and rows from models."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import dimod
import numpy as np

from secateur.files.content import number_of, truncated, wrong

Entry = tuple[int, int, int, float]
"""Line (0 where there are none), row, column and value."""

_INDEX = re.compile(r"[+-]?[0-9]{1,9}")  # int() takes more, such as 1_0, and numpy less


def entry(path: Path, number: int, line: str) -> Entry:
    """A line ``i j q``."""
    words = line.split()
    if len(words) != 3 or not all(_INDEX.fullmatch(word) for word in words[:2]):
        raise wrong(path, number, f"{line[:40]!r} is not 'row column value'")
    return number, int(words[0]), int(words[1]), number_of(path, number, words[2])


def check_count(
    path: Path, entries: Sequence[Entry], stated: int, size: int, what: str = "entries"
) -> tuple[str, ...]:
    """The header's count of entries; a warning where it differs by zeros alone.

    Some count what is not zero and list zeros too; others count a whole diagonal and leave its
    zeros out.

    Raises:
        FileError: it differs by more.
    """
    found = len(entries)
    if found == stated:
        return ()
    zeros = sum(1 for *_, q in entries if q == 0.0)
    missing = size - len({i for _, i, j, _ in entries if i == j})
    whole = len({v for _, i, j, _ in entries for v in (i, j)}) == size  # else it may be cut off
    said = f"its header says {stated} {what}, and it has {found}"
    if found - zeros <= stated < found:
        return (f"{said}: zeros are listed that were not counted",)
    if stated == found + missing and whole:
        return (f"{said}: a diagonal was counted whose zeros are not listed",)
    raise truncated(path, said)


def model(
    path: Path,
    entries: Sequence[Entry],
    names: Sequence[Hashable],
    *,
    first: int,
    factor: float,
    offset: float,
) -> dimod.BinaryQuadraticModel:
    """A model over all names; ``first`` is the number of the first variable in the file."""
    index = np.array([(i, j) for _, i, j, _ in entries], dtype=np.intp).reshape(-1, 2) - first
    values = np.array([q for *_, q in entries], dtype=np.float64)
    n = len(names)
    outside = ((index < 0) | (index >= n)).any(axis=1)
    if outside.any():
        number, i, j, _ = entries[int(outside.argmax())]
        what = f"the entry {i} {j} is outside of {first} to {n - 1 + first}"
        raise wrong(path, number, what, "check the header's number of variables")
    low, high = index.min(axis=1, initial=n), index.max(axis=1, initial=-1)
    _, place = np.unique(low * n + high, return_index=True)
    if len(place) < len(entries):
        again = np.setdiff1d(np.arange(len(entries)), place)[0]
        number, i, j, _ = entries[int(again)]
        raise wrong(
            path,
            number,
            f"the pair {i} {j} is listed twice",
            "list one triangle only; the readers of this format disagree about sums",
        )
    diagonal = low == high
    linear = np.zeros(n)
    linear[low[diagonal]] = values[diagonal]
    pairs = ~diagonal
    with np.errstate(over="ignore"):  # read_file refuses what is infinite
        couplings = factor * values[pairs]
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear,
        (low[pairs], high[pairs], couplings),
        offset,
        dimod.BINARY,
        variable_order=list(names),
    )


def triples(
    bqm: dimod.BinaryQuadraticModel,
) -> tuple[list[float], list[tuple[int, int, float]]]:
    """The linear biases and the couplings ``i < j`` by position, in order."""
    vectors = bqm.to_numpy_vectors(variable_order=list(bqm.variables), sort_indices=True)
    row, col, bias = vectors.quadratic
    pairs = sorted(
        (min(i, j), max(i, j), q)
        for i, j, q in zip(row.tolist(), col.tolist(), bias.tolist(), strict=True)
    )
    return vectors.linear_biases.tolist(), pairs


def rows(
    bqm: dimod.BinaryQuadraticModel, *, first: int = 0, factor: float = 1.0, zeros: bool = True
) -> tuple[list[str], list[str]]:
    """The lines ``i i q`` and ``i j q`` of a model.

    Arguments:
        bqm: binary.
        first: the number of the first variable.
        factor: of the couplings.
        zeros: the diagonal's are listed too.
    """
    linear, pairs = triples(bqm)
    diagonal = [f"{i} {i} {text(q)}" for i, q in enumerate(linear, first) if zeros or q]
    return diagonal, [f"{i + first} {j + first} {text(factor * q)}" for i, j, q in pairs]


def text(value: Any) -> str:
    """The shortest decimal that reads back the same; without an exponent, which dimod skips."""
    return np.format_float_positional(float(value), unique=True, trim="0")


def label_lines(start: str, bqm: dimod.BinaryQuadraticModel) -> list[str]:
    """A line that gives the labels, where they are no mere numbers."""
    labels = list(bqm.variables)
    numbered = labels == list(range(len(labels)))
    return [] if numbered and labels else [start + json.dumps(labels)]


def joined(lines: Sequence[str]) -> bytes:
    """Lines as a file."""
    return ("\n".join(lines) + "\n").encode()
