"""A QUBO as coordinate lists in arrays that cannot be written to; nothing is ``n × n``."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import SecateurError
from secateur.lazy import dimod
from secateur.problem.frozen import frozen

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Label = Hashable
Bits = NDArray[np.int8]
Floats = NDArray[np.float64]
Pairs = tuple[NDArray[np.int32], NDArray[np.int32], Floats]

_CHUNK = 4_000_000
"""Numbers of a dense intermediate; more rows are taken a part at a time."""


class Qubo:
    """``offset + linear·z + Σ quadratic·z·z`` over binary vectors, in the order of ``variables``.

    The part of a ``Problem`` that knows no demands.
    """

    variables: tuple[Label, ...]
    linear: Floats
    quadratic: Pairs
    offset: float

    def _begin(
        self, variables: tuple[Label, ...], linear: Floats, quadratic: Pairs, offset: float
    ) -> None:
        self.variables = variables
        """The labels, in the order of every bit vector."""
        self.linear = frozen(linear)
        """Linear biases, shape ``(n,)``; cannot be written to."""
        self.quadratic = (frozen(quadratic[0]), frozen(quadratic[1]), frozen(quadratic[2]))
        """Couplings as ``(row, column, bias)``, each pair once, row < column, none zero."""
        self.offset = offset
        """Of the energy."""
        if not (
            np.isfinite(linear).all() and np.isfinite(quadratic[2]).all() and np.isfinite(offset)
        ):
            raise SecateurError(
                "the model has a bias that is NaN or infinite",
                remedy="look at the scores it was made from",
            )

    @cached_property
    def bqm(self) -> dimod.BinaryQuadraticModel:
        """The QUBO, made when it is first asked for."""
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            self.linear,
            self.quadratic,
            self.offset,
            dimod.BINARY,
            variable_order=list(self.variables),
        )

    @cached_property
    def index(self) -> Mapping[Label, int]:
        """Label to position."""
        return {label: i for i, label in enumerate(self.variables)}

    @property
    def n(self) -> int:
        """The number of variables."""
        return len(self.variables)

    @cached_property
    def couplings(self) -> csr_array:
        """Couplings as a sparse symmetric matrix with a zero diagonal, shape ``(n, n)``.

        ``energy = offset + linear·z + ½ z'·couplings·z``.
        """
        from scipy.sparse import coo_array, csr_array

        row, col, bias = self.quadratic
        matrix = coo_array(
            (
                np.concatenate([bias, bias]),
                (np.concatenate([row, col]), np.concatenate([col, row])),
            ),
            shape=(self.n, self.n),
        )
        made = csr_array(matrix)
        made.sort_indices()
        made.data = frozen(made.data)
        return made

    def as_matrix(self, *, upper: bool = False) -> Floats:
        """The Q of ``z'Qz`` with the linear biases on its diagonal, shape ``(n, n)``.

        What most solvers want: ``energy = offset + z'Qz`` for zeros and ones, either way; the
        offset is left out. For few variables only: it is dense.

        Arguments:
            upper: triangular, with each coupling once, above the diagonal; symmetric otherwise,
                with half of it on either side.
        """
        row, col, bias = self.quadratic
        matrix = np.zeros((self.n, self.n))
        if upper:
            np.add.at(matrix, (np.minimum(row, col), np.maximum(row, col)), bias)
        else:
            np.add.at(matrix, (row, col), 0.5 * bias)
            np.add.at(matrix, (col, row), 0.5 * bias)
        matrix[np.diag_indices(self.n)] = self.linear
        return matrix

    @cached_property
    def scale(self) -> float:
        """The size of the numbers that an energy is summed from: their absolute sum."""
        return float(np.abs(self.linear).sum() + np.abs(self.quadratic[2]).sum() + abs(self.offset))

    @cached_property
    def sha256(self) -> str:
        """Of the QUBO: its labels, biases and offset, in the order of ``variables``."""
        digest = hashlib.sha256(b"secateur problem 1\n")
        digest.update(f"{self.n}\n".encode())
        for label in self.variables:
            digest.update(repr(label).encode() + b"\n")
        row, col, bias = self.quadratic
        if not _ascending(row, col):
            order = np.lexsort((col, row))
            row, col, bias = row[order], col[order], bias[order]
        for values, kind in (
            (self.linear, "<f8"),
            (row, "<i8"),
            (col, "<i8"),
            (bias, "<f8"),
        ):
            for first in range(0, len(values), _CHUNK):
                some = values[first : first + _CHUNK]
                digest.update((some + 0).astype(kind).tobytes())  # -0.0 is 0.0
        digest.update(np.asarray([self.offset + 0.0], dtype="<f8").tobytes())
        return digest.hexdigest()

    def energies(self, bits: NDArray[np.generic]) -> Floats:
        """The energy of each row of ``bits``, shape ``(rows,)``; ours, never a solver's."""
        rows = np.atleast_2d(np.asarray(bits))
        out = np.full(len(rows), self.offset)
        if self.n == 0 or len(rows) == 0:
            return out
        step = max(1, _CHUNK // self.n)
        for first in range(0, len(rows), step):
            z = rows[first : first + step].astype(np.float64)
            out[first : first + step] += z @ self.linear + self._coupled(z)
        return out

    def _coupled(self, z: Floats) -> Floats:
        row, col, bias = self.quadratic
        if len(bias) == 0:
            return np.zeros(len(z))
        if len(z) == 1:
            one = z[0] != 0
            return np.array([bias[one[row] & one[col]].sum()])
        return 0.5 * np.asarray(((self.couplings @ z.T).T * z).sum(axis=1))

    def tolerance(self, bits: NDArray[np.generic]) -> float:
        """How near a bound must come to the energy of ``bits`` to count as equal to it.

        A millionth of the terms that the energy is summed from; where these are all zero, what the
        rounding of the others could hide. It grows and shrinks with the problem.
        """
        return max(1e-6 * self.active(bits), 1e-13 * self.scale)

    def terms(self, bits: NDArray[np.generic]) -> list[float]:
        """The offset and every bias that the energy of ``bits`` is the sum of."""
        z = np.asarray(bits) != 0
        row, col, bias = self.quadratic
        return [self.offset, *self.linear[z].tolist(), *bias[z[row] & z[col]].tolist()]

    def active(self, bits: NDArray[np.generic]) -> float:
        """The absolute sum of the terms that the energy of ``bits`` has, without the offset."""
        z = np.asarray(bits) != 0
        row, col, bias = self.quadratic
        return float(np.abs(self.linear[z]).sum() + np.abs(bias[z[row] & z[col]]).sum())

    def nearly(self, energy: float, share: float) -> float:
        """The gap under which a bound proves an energy: a share of it, or what rounding hides.

        Arguments:
            energy: of a choice, with the offset.
            share: of the energy without the offset.
        """
        largest = max(
            float(np.abs(self.linear).max(initial=0.0)),
            float(np.abs(self.quadratic[2]).max(initial=0.0)),
        )
        return max(share * abs(energy - self.offset), 2.0**-51 * max(largest, abs(self.offset)))

    def field(self, bits: NDArray[np.generic]) -> Floats:
        """What each variable costs if it becomes one, given the others, shape ``(n,)``."""
        z = np.asarray(bits, dtype=np.float64)
        return self.linear + np.asarray(self.couplings @ z)

    def positions(self, labels: Iterable[Label]) -> NDArray[np.intp]:
        """The positions of labels."""
        return np.fromiter((self.index[label] for label in labels), dtype=np.intp)


def tidy(row: Any, col: Any, bias: Any) -> Pairs:
    """Coordinates with row < column and no zero, in arrays of their own."""
    low = np.minimum(row, col).astype(np.int32, copy=False)
    high = np.maximum(row, col).astype(np.int32, copy=False)
    values = np.array(bias, dtype=np.float64)
    some = values != 0
    if not some.all():
        low, high, values = low[some], high[some], values[some]
    return low, high, values


def _ascending(row: NDArray[np.int32], col: NDArray[np.int32]) -> bool:
    """The coordinates are in order."""
    same = row[1:] == row[:-1]
    same &= col[1:] > col[:-1]
    same |= row[1:] > row[:-1]
    return bool(same.all())
