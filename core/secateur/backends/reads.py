"""Reads as a backend returns them, many of them equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]

_OCCURRENCES = "num_occurrences"


def are_bits(values: NDArray[Any]) -> bool:
    """All are 0 or 1."""
    return bool(((values == 0) | (values == 1)).all())


def are_counts(values: NDArray[Any]) -> bool:
    """All are whole, none negative, and their sum is a number of 64 bits."""
    if values.dtype.kind not in "iu":
        return False
    return not len(values) or (values.min() >= 0 and float(values.sum(dtype=float)) < 2.0**62)


def distinct_rows(bits: NDArray[np.int8], fields: Mapping[str, NDArray[Any]]) -> tuple[Rows, Rows]:
    """Which reads differ, in their bits or in anything that is said of them.

    Arguments:
        bits: shape ``(rows, n)``.
        fields: more of each row; occurrences do not make a difference.

    Returns:
        the first row of each kind, in the order of the rows; and for each row, its kind.
    """
    rows = len(bits)
    told = [values for name, values in fields.items() if name != _OCCURRENCES]
    if rows < 2 or any(values.dtype.hasobject for values in told):
        return np.arange(rows), np.arange(rows)
    seen = [np.packbits(bits.astype(bool), axis=1)] if bits.shape[1] else []
    seen += [np.ascontiguousarray(v).view(np.uint8).reshape(rows, -1) for v in told if v.size]
    if not seen:
        return np.zeros(1, dtype=np.intp), np.zeros(rows, dtype=np.intp)
    together = np.ascontiguousarray(np.concatenate(seen, axis=1))
    keys = together.view(np.dtype((np.void, together.shape[1]))).ravel()
    _, first, kind = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    return first[order], place[kind.ravel()]


def gathered(
    fields: Mapping[str, NDArray[Any]], first: Rows, which: Rows
) -> dict[str, NDArray[Any]]:
    """What is said of each kind of row, with the occurrences of all its rows."""
    made = {name: values[first] for name, values in fields.items()}
    if _OCCURRENCES in fields:
        total = np.zeros(len(first), dtype=np.int64)
        np.add.at(total, which, np.asarray(fields[_OCCURRENCES], dtype=np.int64))
        made[_OCCURRENCES] = total
    return made
