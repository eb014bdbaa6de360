"""What a backend is asked: a QUBO and, apart from it, how many ones are wanted.

The cardinality is never hidden in the QUBO as a penalty: an exact solver proves ``sum z = K`` as a
constraint in a second and not at all as a penalty.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.errors import SecateurError

Label = Hashable
Bits = NDArray[np.int8]


@dataclass(frozen=True)
class Limit:
    """At most ``at_most`` ones among ``variables``: the way to say that a layer keeps something.

    Arguments:
        name: what is limited, a layer's path for instance; used in messages.
        variables: labels of the BQM.
        at_most: the largest number of ones among them.
    """

    name: str
    variables: tuple[Label, ...]
    at_most: int


@dataclass(frozen=True, eq=False)
class Problem:
    """Minimise a BQM over binary vectors, with exactly ``ones`` ones if that is given.

    Bits are always in the order of ``variables``.

    Arguments:
        bqm: binary (0/1) quadratic model; lower is better.
        ones: how many variables must be 1, or None.
        limits: groups with a largest number of ones; no variable is in two of them.
        start: known samples that a backend may start from, shape ``(rows, n)``, or None.

    Raises:
        SecateurError: the BQM is not binary or not finite, or ``ones``, ``limits`` or ``start`` do
            not fit it.
    """

    bqm: dimod.BinaryQuadraticModel
    ones: int | None = None
    limits: tuple[Limit, ...] = ()
    start: Bits | None = None

    def __post_init__(self) -> None:
        if self.bqm.vartype is not dimod.BINARY:
            raise SecateurError(
                f"the model's variables are {self.bqm.vartype.name}, not BINARY",
                remedy="convert it: bqm.change_vartype('BINARY', inplace=False)",
            )
        if not all(np.isfinite(part).all() for part in (self.linear, self.quadratic[2])):
            raise SecateurError(
                "the model has a bias that is NaN or infinite",
                remedy="look at the scores it was made from",
            )
        if self.ones is not None and not 0 <= self.ones <= self.n:
            raise SecateurError(
                f"{self.ones} ones are wanted of {self.n} variables",
                remedy=f"ask for 0 to {self.n}",
            )
        seen: set[Label] = set()
        for limit in self.limits:
            unknown = [v for v in limit.variables if v not in self.index]
            if unknown:
                raise SecateurError(
                    f"the limit {limit.name!r} names {unknown[0]!r}, which the model does not have"
                )
            if limit.at_most < 0 or seen.intersection(limit.variables):
                raise SecateurError(
                    f"the limit {limit.name!r} is negative or shares variables with another one",
                    remedy="give each variable one limit of at least 0",
                )
            seen.update(limit.variables)
        if self.ones is not None and self.ones > self.most_ones:
            raise SecateurError(
                f"{self.ones} ones are wanted and the limits allow {self.most_ones}",
                remedy=f"ask for at most {self.most_ones}, or relax the limits",
            )
        if self.start is not None and (
            self.start.ndim != 2
            or self.start.shape[1] != self.n
            or not np.isin(self.start, (0, 1)).all()
        ):
            raise SecateurError(
                f"the start has the shape {self.start.shape}",
                remedy=f"give rows of {self.n} zeros and ones",
            )

    @cached_property
    def variables(self) -> tuple[Label, ...]:
        """The labels, in the order of every bit vector."""
        return tuple(self.bqm.variables)

    @cached_property
    def index(self) -> Mapping[Label, int]:
        """Label to position."""
        return {label: i for i, label in enumerate(self.variables)}

    @property
    def n(self) -> int:
        """The number of variables."""
        return int(self.bqm.num_variables)

    @cached_property
    def most_ones(self) -> int:
        """The largest number of ones that the limits allow."""
        limited = sum(len(limit.variables) for limit in self.limits)
        allowed = sum(min(limit.at_most, len(limit.variables)) for limit in self.limits)
        return self.n - limited + allowed

    @cached_property
    def _vectors(
        self,
    ) -> tuple[NDArray[np.float64], tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]]:
        vectors = self.bqm.to_numpy_vectors(variable_order=self.variables)
        row, col, bias = vectors.quadratic
        return (
            np.asarray(vectors.linear_biases, dtype=np.float64),
            (np.asarray(row, np.intp), np.asarray(col, np.intp), np.asarray(bias, np.float64)),
        )

    @property
    def linear(self) -> NDArray[np.float64]:
        """Linear biases, shape ``(n,)``."""
        return self._vectors[0]

    @property
    def quadratic(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Couplings as ``(row, column, bias)``, each pair once."""
        return self._vectors[1]

    @cached_property
    def couplings(self) -> NDArray[np.float64]:
        """Couplings as a symmetric matrix with a zero diagonal, shape ``(n, n)``.

        ``energy = offset + linear·z + ½ z'·couplings·z``.
        """
        matrix = np.zeros((self.n, self.n))
        row, col, bias = self.quadratic
        matrix[row, col] = bias
        matrix[col, row] = bias
        return matrix

    def energies(self, bits: NDArray[np.generic]) -> NDArray[np.float64]:
        """The energy of each row of ``bits``, shape ``(rows,)``; ours, never a solver's."""
        z = np.atleast_2d(np.asarray(bits, dtype=np.float64))
        quadratic = 0.5 * np.einsum("ri,ri->r", z @ self.couplings, z)
        return float(self.bqm.offset) + z @ self.linear + quadratic

    def feasible(self, bits: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Whether each row has the wanted number of ones and keeps every limit."""
        z = np.atleast_2d(np.asarray(bits, dtype=np.int64))
        good = np.ones(len(z), dtype=bool)
        if self.ones is not None:
            good &= z.sum(axis=1) == self.ones
        for limit in self.limits:
            good &= z[:, self.positions(limit.variables)].sum(axis=1) <= limit.at_most
        return good

    def positions(self, labels: Iterable[Label]) -> NDArray[np.intp]:
        """The positions of labels."""
        return np.fromiter((self.index[label] for label in labels), dtype=np.intp)
