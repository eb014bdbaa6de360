"""The virtual best solver: the best method of each instance, and what each method adds to it.

Source: Xu, Hutter, Hoos and Leyton-Brown, *Evaluating component solver contributions to
portfolio-based algorithm selectors*, SAT (2012). A method stands there with the mean over its runs,
never with its luckiest one: the best of many seeds would make the virtual solver better than any
choice of methods can be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from secateur.study.statistics.analysis import Contribution, VirtualBest
from secateur.study.statistics.bootstrap import median
from secateur.study.statistics.gaps import DIGITS, NOTHING
from secateur.study.statistics.summaries import CellSummary


def score_of(cell: CellSummary) -> float:
    """What a method is ranked by on an instance: its mean gap; infinite without any answer."""
    return round(cell.gap, DIGITS) if cell.done else math.inf


def virtual_best(
    cells: Mapping[tuple[str, str], CellSummary], methods: Sequence[str], instances: Sequence[str]
) -> VirtualBest:
    """The best of all methods, and of all but each.

    Arguments:
        cells: of each (method, instance).
        methods: in their order.
        instances: at least one.
    """

    def gap(of: Sequence[str]) -> float:
        least = [min((cells[m, i].gap for m in of), default=NOTHING) for i in instances]
        return math.fsum(least) / len(instances)

    def solves(of: Sequence[str]) -> int:
        return sum(any(cells[m, i].successes for m in of) for i in instances)

    whole, solved = gap(methods), solves(methods)
    made = []
    for method in methods:
        others = [other for other in methods if other != method]
        made.append(
            Contribution(
                method=method,
                best_on=sum(is_best(cells, methods, method, name) for name in instances),
                alone_on=sum(
                    all(score_of(cells[method, name]) < score_of(cells[m, name]) for m in others)
                    and cells[method, name].done > 0
                    for name in instances
                ),
                only_solver=sum(
                    cells[method, name].successes > 0
                    and not any(cells[m, name].successes for m in others)
                    for name in instances
                ),
                gap=max(0.0, gap(others) - whole),
                solved=solved - solves(others),
            )
        )
    single = min(methods, key=lambda method: (round(gap([method]), DIGITS), method))
    return VirtualBest(
        gap=whole,
        solved=solved,
        expected=median([min(cells[m, i].expected for m in methods) for i in instances]),
        single_best=single,
        single_gap=gap([single]),
        contributions=tuple(made),
    )


def is_best(
    cells: Mapping[tuple[str, str], CellSummary], methods: Sequence[str], method: str, name: str
) -> bool:
    """Whether no method is better on an instance, and this one has an answer at all."""
    own = score_of(cells[method, name])
    return math.isfinite(own) and all(own <= score_of(cells[m, name]) for m in methods)
