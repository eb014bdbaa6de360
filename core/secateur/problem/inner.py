"""What a block holds: its couplings as a matrix, and a budget within it as a form."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secateur.problem.budgeted import Budgeted
from secateur.problem.demands import Summed, compile_demand

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

DENSE = 512
"""Blocks up to this width are held dense, wider ones if an eighth of their pairs are coupled."""


def square(width: int, row: Positions, col: Positions, bias: Floats) -> Floats | csr_array | None:
    """A symmetric matrix from its upper couplings; None where there is none."""
    if len(bias) == 0:
        return None
    if width <= DENSE or 16 * len(bias) >= width * width:
        dense = np.zeros((width, width))
        dense[row, col] = bias
        dense[col, row] = bias
        dense.flags.writeable = False
        return dense
    from scipy.sparse import coo_array, csr_array

    both = (np.concatenate([row, col]), np.concatenate([col, row]))
    made = csr_array(coo_array((np.concatenate([bias, bias]), both), shape=(width, width)))
    made.sort_indices()
    return made


def as_form(demand: Summed | Budgeted) -> Summed:
    """A budget whose groups are mixed within one block is a quadratic demand there."""
    if isinstance(demand, Summed):
        return demand
    index: dict[Hashable, int] = {i: i for i in range(len(demand.of))}
    groups = tuple(tuple(np.flatnonzero(demand.of == g).tolist()) for g in range(len(demand.sizes)))
    form = replace(demand.constraint, groups=groups, upper=demand.upper).written_out()
    made = compile_demand(form, index, len(demand.of))
    assert isinstance(made, Summed)
    return replace(made, upper=demand.upper)


def cut_steps(one: Budgeted, other: Budgeted) -> Budgeted | None:
    """The budget with a group whose width goes in steps, and which the other's groups cut."""
    for stepped, cutting in ((one, other), (other, one)):
        for group in range(len(stepped.sizes)):
            inside = cutting.of[stepped.of == group]
            if stepped.constraint.straight(group) is None and (inside != inside[0]).any():
                return stepped
    return None
