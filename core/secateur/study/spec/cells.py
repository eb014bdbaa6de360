"""The cells of a study, in the order of running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from secateur.backends.guard import applicability_of
from secateur.errors import OptionError, SecateurError
from secateur.problem.model import Problem
from secateur.study.cell import Cell, Instance
from secateur.study.spec.methods import Resolved

Reasons = Mapping[tuple[str, str, float], str]
"""Why a method cannot take an instance in a time: by the names of both, and seconds."""
MOST_CELLS = 1_000_000
"""Of a study: their rows are read into memory together."""


def order_cells(
    instances: Sequence[Instance],
    methods: Sequence[Resolved],
    reasons: Reasons,
    *,
    seeds: Sequence[int],
    repetitions: int,
    limits: Sequence[float],
) -> tuple[Cell, ...]:
    """Every cell, so that what a machine does meanwhile strikes all methods alike.

    Cells of different backends take turns, in an order that is drawn anew for each instance and
    seed from the two: none is first more often than by chance.

    Arguments:
        instances: of the study.
        methods: of the study.
        reasons: why some cells cannot be run.
        seeds: of each instance and method.
        repetitions: of each seed.
        limits: seconds, of the methods that have none of their own.

    Raises:
        OptionError: too many cells, or two that are the same.
    """
    many = sum(len(limits_of(one, limits)) for one in methods)
    many *= len(instances) * len(seeds) * repetitions
    if many > MOST_CELLS:
        raise OptionError(f"the study has {many} cells", remedy=f"ask for at most {MOST_CELLS}")
    cells: list[Cell] = []
    for repetition in range(repetitions):
        for seed in seeds:
            for instance in instances:
                for one in taking_turns(methods, f"{instance.sha256} {seed} {repetition}"):
                    for limit in limits_of(one, limits):
                        reason = reasons.get((instance.name, one.method.name, limit), "")
                        cannot = one.method.cannot or reason
                        cells.append(Cell(instance, one.method, seed, repetition, limit, cannot))
    _check_keys(cells)
    return tuple(cells)


def limits_of(method: Resolved, limits: Sequence[float]) -> Sequence[float]:
    """The time limits of a method: its own, or those of the study."""
    own = method.method.time_limit
    return limits if own is None else [own]


def taking_turns(methods: Sequence[Resolved], draw: str) -> list[Resolved]:
    """The methods in a drawn order, in which none follows on one of its own backend if it can be.

    Each place goes to one of the methods left, all equally likely, among those after which the rest
    can still be kept apart.

    Arguments:
        methods: of a study.
        draw: what the order is drawn from: the same text, the same order.
    """
    left: dict[str, list[Resolved]] = {}
    for one in methods:
        left.setdefault(one.method.backend, []).append(one)
    random, turns, last = Random(draw), list[Resolved](), ""
    while len(turns) < len(methods):
        rest = len(methods) - len(turns) - 1
        fits = [
            backend
            for backend, own in left.items()
            if backend != last and all(_apart(other, left, backend, rest) for other in left)
        ]
        # where one backend has more than half of them, the most of its own are put apart
        fits = fits or [
            max((b for b in left if b != last), key=lambda b: len(left[b]), default=last)
        ]
        choices = [(backend, n) for backend in fits for n in range(len(left[backend]))]
        last, number = choices[int(random.random() * len(choices))]
        turns.append(left[last].pop(number))
        if not left[last]:
            del left[last]
    return turns


def _apart(other: str, left: Mapping[str, Sequence[Resolved]], first: str, rest: int) -> bool:
    """Whether the methods of a backend can be kept apart in what is left after a first one."""
    own = len(left[other]) - (other == first)
    return own <= (rest if other == first else rest + 1) // 2


def reason_against(problem: Problem, method: Resolved, limit: float) -> str:
    """Why a method cannot take a problem; "" if nothing is known to be in the way.

    The backend looks at a problem of its own; nothing is sent or solved.

    Arguments:
        problem: of an instance.
        method: that is to solve it.
        limit: seconds.
    """
    chosen = method.chosen
    if chosen is None or chosen.solver is None:
        return ""
    solver = chosen.solver
    given = dict(chosen.given)
    if solver.capabilities.takes_time_limit:
        given["time_limit"] = limit
    try:
        options = type(solver).make_options(given)
        asked = problem.only(solver.capabilities.native).apart()
        suits = applicability_of(solver, asked, options)
    except SecateurError as error:
        return error.message
    if suits.applicable:
        return ""
    return suits.reason or "the backend says that it cannot take it"


def _check_keys(cells: Sequence[Cell]) -> None:
    """No two cells may be the same run: a method's own limit can be that of the study."""
    seen: dict[str, Cell] = {}
    for cell in cells:
        twin = seen.setdefault(cell.key, cell)
        if twin is not cell:
            raise OptionError(
                f"the methods {twin.method.name!r} and {cell.method.name!r} are the same under a "
                f"time limit of {cell.time_limit:g} s",
                remedy="leave one of them out, or its time_limit",
            )
