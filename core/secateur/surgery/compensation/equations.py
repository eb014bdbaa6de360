"""Normal equations of one layer, added up batch by batch, solved for the change of its weights.

Solving for the *change* keeps single-precision activations accurate enough, and makes the ridge a
pull towards the old weights: ``min Σ |rest − columns · change'|² + λ |change|²``, λ in units of
the inputs' mean square. The shift is free. (Ridge regression, Hoerl and Kennard 1970.)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from secateur.surgery.compensation.rows import Sums

TRIANGLE = 96
"""Columns that are multiplied with all others at once; half of a wide Gram matrix is spared."""


@dataclass(frozen=True)
class Solution:
    """A change of weights.

    Arguments:
        weight: shape ``(groups, outputs, columns)``.
        shift: shape ``(groups, outputs)``; zeros where none was asked for.
        before: the squared error, summed over positions, before the change.
        after: the same with it.
    """

    weight: Tensor
    shift: Tensor
    before: float
    after: float


class Equations:
    """Sums over positions.

    Arguments:
        shifted: whether the outputs may be shifted.
    """

    def __init__(self, *, shifted: bool) -> None:
        self.shifted = shifted
        self.count = 0
        self.gram: Tensor | None = None
        self.cross: Tensor | None = None
        self.mean: Tensor | None = None
        self.lack: Tensor | None = None
        self.before = 0.0

    def add(self, columns: Tensor, rest: Tensor) -> None:
        """Some positions.

        Arguments:
            columns: shape ``(groups, positions, columns)``.
            rest: what the outputs lack, shape ``(groups, positions, outputs)``.
        """
        if columns.dtype not in (torch.float32, torch.float64):
            columns, rest = columns.float(), rest.float()
        rest = rest.to(columns.dtype)
        left = columns.transpose(1, 2)
        groups, _, size = columns.shape
        gram, cross, mean, lack = self._sums(columns, groups, size, rest.shape[2])
        step = max(TRIANGLE, -(-size // 4))
        for start in range(0, size, step):  # what is below the diagonal follows from symmetry
            own = slice(start, start + step)
            gram[:, own, start:] += left[:, own] @ columns[:, :, start:]
        cross += left @ rest
        mean += columns.sum(1)
        lack += rest.sum(1)
        self.count += columns.shape[1]
        self.before += float(rest.square().sum(dtype=torch.float64))

    def add_sums(self, sums: Sums) -> None:
        """Some positions of a layer with one group, added up by another way."""
        gram, cross, mean, lack = self._sums(sums.gram, 1, *sums.cross.shape)
        gram += sums.gram
        cross += sums.cross
        mean += sums.mean
        lack += sums.lack
        self.count += sums.count
        self.before += sums.square

    def _sums(
        self, like: Tensor, groups: int, columns: int, outputs: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if self.gram is None or self.cross is None or self.mean is None or self.lack is None:
            new = like.new_zeros(groups, columns, columns + outputs + 1, dtype=torch.float64)
            self.gram, self.cross = new[..., :columns], new[..., columns:-1]
            self.mean = new[..., -1]
            self.lack = like.new_zeros(groups, outputs, dtype=torch.float64)
        return self.gram, self.cross, self.mean, self.lack

    @property
    def finite(self) -> bool:
        """Neither NaN nor infinite anywhere."""
        sums = (self.gram, self.cross, self.mean, self.lack)
        return all(t is None or bool(torch.isfinite(t).all()) for t in sums)

    def solve(self, ridge: float) -> Solution:
        """The change of weights that brings the outputs nearest to what is wanted."""
        if self.gram is None or self.cross is None or self.mean is None or self.lack is None:
            raise ValueError("no positions were added")
        upper = self.gram.triu()
        full = upper + upper.triu(1).transpose(1, 2)
        gram, cross = full, self.cross
        energy = gram.diagonal(dim1=1, dim2=2)
        alive = energy > 0
        pull = ridge * energy.sum(1) / alive.sum(1).clamp(min=1)
        pull = torch.where(pull > 0, pull, torch.ones_like(pull))
        if self.shifted:
            mean = self.mean / max(self.count, 1)
            gram = gram - self.mean[:, :, None] * mean[:, None, :]
            cross = cross - mean[:, :, None] * self.lack[:, None, :]
        change = _solved(gram, cross, pull)
        change = torch.where(alive[:, :, None], change, torch.zeros_like(change))
        if self.shifted:
            shift = (self.lack - (self.mean[:, :, None] * change).sum(1)) / max(self.count, 1)
        else:
            shift = torch.zeros_like(self.lack)
        after = self.before + float(
            (change * (full @ change - 2 * self.cross)).sum()
            + (shift * (self.count * shift - 2 * self.lack)).sum()
            + 2 * (shift * (self.mean[:, :, None] * change).sum(1)).sum()
        )
        return Solution(change.transpose(1, 2), shift, self.before, max(after, 0.0))


def _solved(gram: Tensor, right: Tensor, pull: Tensor) -> Tensor:
    """``(gram + pull I)⁻¹ right`` for a stack of positive semidefinite matrices."""
    wide = gram.clone()
    wide.diagonal(dim1=1, dim2=2).add_(pull[:, None])
    factor, info = torch.linalg.cholesky_ex(wide)
    if not bool(info.any()):
        return torch.cholesky_solve(right, factor)
    # rounding of single precision made an eigenvalue negative: it is zero
    values, vectors = torch.linalg.eigh(gram)
    damped = values.clamp(min=0.0) + pull[:, None]
    return vectors @ ((vectors.transpose(1, 2) @ right) / damped[:, :, None])
