"""Nodes in arrays: those under way, and those that wait."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.problem.parts import Floats
from secateur.solving.demands import Bits
from secateur.solving.node_bounds import Singles


@dataclass(eq=False)
class Batch:
    """Nodes under way: fixings, the state of the relaxation, bounds from above, numbers."""

    choices: Bits
    values: Singles
    dual: Singles
    lower: Floats
    ids: NDArray[np.intp]

    def take(self, rows: NDArray[np.bool_]) -> Batch:
        """Some of them."""
        return Batch(
            self.choices[rows], self.values[rows], self.dual[rows], self.lower[rows], self.ids[rows]
        )


class Pool:
    """Open nodes in arrays that grow; freed rows, of infinite bounds, are used again."""

    def __init__(self, size: int) -> None:
        self.choices = np.zeros((0, size), dtype=np.int8)
        self.values = np.zeros((0, size), dtype=np.float32)
        self.dual = np.zeros((0, size), dtype=np.float32)
        self.lower = np.zeros((0, size + 1))
        self.ids = np.zeros(0, dtype=np.intp)
        self._free = np.zeros(0, dtype=np.intp)

    def add(
        self, choices: Bits, values: Singles, dual: Singles, lower: Floats, ids: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Keep nodes; returns their rows."""
        count = len(choices)
        if len(self._free) < count:
            old = len(self.choices)
            more = max(64, old // 2, count)
            for name in ("choices", "values", "dual", "lower", "ids"):
                array = getattr(self, name)
                nothing = np.inf if name == "lower" else 0
                room = np.full((more, *array.shape[1:]), nothing, dtype=array.dtype)
                setattr(self, name, np.concatenate([array, room]))
            self._free = np.concatenate([np.arange(old, old + more), self._free])
        rows, self._free = self._free[-count:], self._free[:-count]
        self.choices[rows], self.values[rows], self.dual[rows] = choices, values, dual
        self.lower[rows], self.ids[rows] = lower, ids
        return rows

    @property
    def bytes(self) -> int:
        """Of memory."""
        arrays = (self.choices, self.values, self.dual, self.lower, self.ids)
        return sum(array.nbytes for array in arrays)

    def free(self, rows: NDArray[np.intp]) -> None:
        """Give rows back."""
        self.lower[rows] = np.inf
        self._free = np.concatenate([self._free, rows])
