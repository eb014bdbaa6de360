"""All answers of a cell's backend, as they are stored beside its row."""

from __future__ import annotations

from dataclasses import dataclass

import dimod
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Reads:
    """Every different answer of a cell's backend, the lowest energy first.

    Arguments:
        variables: of the problem, n.
        energies: the core's own, shape ``(rows,)``.
        occurrences: how often each was read, shape ``(rows,)``.
        kept: it keeps every demand, shape ``(rows,)``.
        packed: ``numpy.packbits`` of the answers, shape ``(rows, ceil(n / 8))``.
    """

    variables: int
    energies: NDArray[np.float64]
    occurrences: NDArray[np.int64]
    kept: NDArray[np.bool_]
    packed: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.energies)

    @property
    def bits(self) -> NDArray[np.int8]:
        """The answers, shape ``(rows, n)``, in the problem's order of variables."""
        return np.unpackbits(self.packed, axis=1, count=self.variables).astype(np.int8)

    @classmethod
    def none(cls, variables: int) -> Reads:
        """Of a cell whose backend gave none."""
        return cls(
            variables,
            np.zeros(0),
            np.zeros(0, np.int64),
            np.zeros(0, bool),
            np.zeros((0, -(-variables // 8)), np.uint8),
        )

    @classmethod
    def of(cls, samples: dimod.SampleSet) -> Reads:
        """Those rows of a selection's samples that a backend gave."""
        record = samples.record
        often = np.asarray(record.num_occurrences, np.int64)
        bits = np.asarray(record.sample).astype(bool)
        kept = np.ones(len(bits), bool)
        if "is_feasible" in (record.dtype.names or ()):
            kept = np.asarray(record.is_feasible, bool)
        read = often > 0  # the answer is a row of its own where no read was the answer
        energies = np.asarray(record.energy, np.float64)
        # ties in the order of the bits, so that equal answers are stored in equal order
        packed = np.packbits(bits, axis=1)
        order = np.lexsort([*packed.T[::-1], energies]) if len(bits) else np.zeros(0, int)
        order = order[read[order]]
        return cls(bits.shape[1], energies[order], often[order], kept[order], packed[order])
