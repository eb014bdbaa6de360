"""An upper curve: for every number of ones the best known choice in a block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bits = NDArray[np.int8]


class Curve:
    """What a block is known to cost with exactly k ones, and a choice that costs it.

    Choices are kept small: as prefixes of an order of the variables (all counts of a greedy path
    or of a sorted block share one order), or packed, eight variables a byte.

    Arguments:
        energy: of the block's own terms, shape ``(w + 1,)``; infinity where no choice is known or
            allowed.
        bits: a choice that has it and keeps every demand within the block, shape ``(w + 1, w)``;
            None only where no energy is finite.

    Attributes:
        size: the number of variables, w.
        energy: as given, then changed by ``offer`` and ``offer_order`` only.
    """

    def __init__(self, energy: Floats, bits: NDArray[np.generic] | None = None) -> None:
        self.size = len(energy) - 1
        self.energy: Floats = np.array(energy, dtype=np.float64)
        self._orders: list[NDArray[np.int32]] = []
        self._order_of = np.full(self.size + 1, -1, np.int8)
        self._own: dict[int, NDArray[np.uint8]] = {}
        for ones in np.flatnonzero(np.isfinite(self.energy)).tolist():
            if bits is None:
                raise ValueError("energies without choices")
            self._own[ones] = np.packbits(bits[ones].astype(np.bool_))

    @classmethod
    def empty(cls, size: int) -> Curve:
        """A curve of ``size`` variables of which nothing is known."""
        return cls(np.full(size + 1, np.inf))

    def scaled(self, factor: float) -> Curve:
        """A curve of its own with the same choices and ``factor`` times the energies."""
        made = Curve.empty(self.size)
        made.energy = self.energy * factor
        made._orders = list(self._orders)
        made._order_of = self._order_of.copy()
        made._own = dict(self._own)
        return made

    def choice(self, ones: int) -> Bits:
        """The choice with this number of ones, shape ``(w,)``.

        Raises:
            LookupError: none is known.
        """
        if not np.isfinite(self.energy[ones]):
            raise LookupError(f"no choice with {ones} ones is known")
        if ones in self._own:
            return np.unpackbits(self._own[ones], count=self.size).view(np.int8)
        bits = np.zeros(self.size, np.int8)
        bits[self._orders[self._order_of[ones]][:ones]] = 1
        return bits

    @property
    def bits(self) -> Bits:
        """All choices, made anew and read-only, shape ``(w + 1, w)``; zeros where none is known."""
        known = np.zeros((self.size + 1, self.size), np.int8)
        for ones in np.flatnonzero(np.isfinite(self.energy)).tolist():
            known[ones] = self.choice(ones)
        known.flags.writeable = False
        return known

    def offer(self, bits: NDArray[np.generic], energy: float) -> bool:
        """Enter a choice if it is better than the one known with as many ones.

        Arguments:
            bits: zeros and ones that keep every demand within the block, shape ``(w,)``.
            energy: of the choice.

        Returns:
            It was entered.
        """
        ones = int(np.count_nonzero(bits))
        if not energy < self.energy[ones]:
            return False
        self.energy[ones] = energy
        self._own[ones] = np.packbits(bits.astype(np.bool_))
        return True

    def offer_order(self, order: NDArray[np.intp], energy: Floats) -> None:
        """Enter the choices of a nested path where they are better.

        Arguments:
            order: all variables, the choice with k ones is the first k, shape ``(w,)``.
            energy: of each prefix, shape ``(w + 1,)``; infinity where it is not allowed.
        """
        better = energy < self.energy
        if not better.any():
            return
        self._orders.append(order.astype(np.int32))
        self._order_of[better] = len(self._orders) - 1
        self.energy[better] = energy[better]
        for ones in [ones for ones in self._own if better[ones]]:
            del self._own[ones]
