"""Sets that lie within one another or apart: how cardinalities add up without a search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from secateur.problem.constraints import Cardinality
from secateur.problem.demands import Counted

Positions = NDArray[np.intp]


class Top:
    """A set of items with what lies directly within it; without children one item by itself.

    Attributes:
        items: numbers of the items below.
        size: the number of variables below.
        children: the sets and single items directly within.
        demands: on the number of ones below.
    """

    def __init__(self, items: list[int], size: int) -> None:
        self.items = items
        self.size = size
        self.children: list[Top] = []
        self.demands: list[Counted] = []


def gathered(members: Positions) -> Counted:
    """A set about which nothing is demanded, so that it becomes a junction of its own."""
    anything = np.ones(len(members) + 1, dtype=bool)
    return Counted(Cardinality("", None), members, anything, everything=False)


def nest(
    sizes: NDArray[np.intp], sets: Sequence[tuple[int, Counted, Positions]]
) -> tuple[list[Top], list[tuple[int, Positions]]]:
    """Put sets of items into one another, the small ones first.

    Arguments:
        sizes: variables of each item.
        sets: the demand's number, the demand, and its items; each is a union of whole items.

    Returns:
        The outermost set of every item, and the sets (number, items) that cut through another one.
    """
    tops = [Top([item], int(size)) for item, size in enumerate(sizes)]
    misfits: list[tuple[int, Positions]] = []
    for number, demand, items in sorted(sets, key=lambda one: len(one[1].members)):
        below = list({id(tops[item]): tops[item] for item in items}.values())
        if sum(top.size for top in below) != len(demand.members):
            misfits.append((number, items))
        elif len(below) == 1 and (below[0].children or below[0].demands):
            below[0].demands.append(demand)  # the same set once more
        else:
            made = below[0] if len(below) == 1 else Top(items.tolist(), len(demand.members))
            if len(below) > 1:
                made.children = below
            made.demands.append(demand)
            for item in items:
                tops[item] = made
    return tops, misfits
