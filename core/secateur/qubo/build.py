"""A QUBO over channel labels, from arrays: as a BQM, or straight as a problem."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, cast

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.errors import OptionError
from secateur.network import Channels
from secateur.problem import Constraint, Problem

Matrix = NDArray[np.float64]
Positions = NDArray[np.int32]
Arguments = ParamSpec("Arguments")


@dataclass(frozen=True, eq=False)
class Terms:
    """``E(z) = linear·z + Σ_{i<j} couplings_ij z_i z_j`` with ``E(0) = 0``.

    Arguments:
        channels: give the labels and their order.
        linear: shape ``(n,)``.
        couplings: none; one symmetric ``(n, n)`` matrix; or one ``(size, size)`` a group, for
            couplings inside the groups only. The diagonals are not read; zeros make no coupling.
    """

    channels: Channels
    linear: Matrix
    couplings: Sequence[Matrix] = ()

    def bqm(self) -> dimod.BinaryQuadraticModel:
        """The terms as a BQM.

        Raises:
            OptionError: a bias is NaN or infinite.
        """
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            self.linear,
            self._quadratic(),
            0.0,
            dimod.BINARY,
            variable_order=list(self.channels.labels),
        )

    def problem(self, constraints: Iterable[Constraint] = ()) -> Problem:
        """The terms as a problem; no BQM is made on the way, which takes several times the memory.

        Raises:
            OptionError: a bias is NaN or infinite.
        """
        return Problem.from_arrays(
            self.channels.labels, self.linear, self._quadratic(), 0.0, constraints
        )

    def _quadratic(self) -> tuple[Positions, Positions, Matrix]:
        couplings, channels = self.couplings, self.channels
        if len(couplings) == 1 and couplings[0].shape == (len(channels),) * 2:
            starts = [0]
        else:
            starts = [group.start for group in channels.groups] if couplings else []
        pairs = [_pairs(block, start) for block, start in zip(couplings, starts, strict=True)] or [
            (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
        ]
        row, col, bias = (np.concatenate(part) for part in zip(*pairs, strict=True))
        if not (np.isfinite(self.linear).all() and np.isfinite(bias).all()):
            raise OptionError(
                "the QUBO has a bias that is NaN or infinite",
                remedy="look at the weights of its terms and at the statistics",
            )
        return row, col, bias


def objective(
    build: Callable[Arguments, Terms],
) -> Callable[Arguments, dimod.BinaryQuadraticModel]:
    """An objective from a function that makes its terms; ``terms_of`` gives that function back."""

    @wraps(build)
    def made(*args: Arguments.args, **options: Arguments.kwargs) -> dimod.BinaryQuadraticModel:
        return build(*args, **options).bqm()

    signature = inspect.signature(build)
    returned = "dimod.BinaryQuadraticModel"
    made.__annotations__ = {**build.__annotations__, "return": returned}
    named = cast(Any, made)
    named.__signature__ = signature.replace(return_annotation=returned)
    named.terms = build
    return made


def terms_of(made: Callable[..., Any]) -> Callable[..., Terms] | None:
    """The function that makes an objective's terms; None if it knows only how to make a BQM."""
    return cast("Callable[..., Terms] | None", getattr(made, "terms", None))


def make_qubo(
    channels: Channels, linear: Matrix, couplings: Sequence[Matrix] = ()
) -> dimod.BinaryQuadraticModel:
    """``E(z) = linear·z + Σ_{i<j} couplings_ij z_i z_j`` with ``E(0) = 0``.

    Arguments:
        channels: give the labels and their order.
        linear: shape ``(n,)``.
        couplings: none; one symmetric ``(n, n)`` matrix; or one ``(size, size)`` a group, for
            couplings inside the groups only. The diagonals are not read; zeros make no coupling.
    """
    return Terms(channels, linear, couplings).bqm()


def _pairs(block: Matrix, start: int) -> tuple[Positions, Positions, Matrix]:
    size = len(block)
    upper = np.tri(size, dtype=bool).T & (block != 0)
    np.fill_diagonal(upper, False)
    row, col = (index.astype(np.int32) for index in np.nonzero(upper))
    return row + np.int32(start), col + np.int32(start), block[upper]
