"""The cells of a study, in the order of running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

    Cells of different backends take turns, and it is another method that is first each time.

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
    turns = taking_turns(methods)
    cells: list[Cell] = []
    begin = 0
    for repetition in range(repetitions):
        for seed in seeds:
            for number in range(max(len(limits), 1)):
                for instance in instances:
                    for one in (*turns[begin:], *turns[:begin]):
                        own = limits_of(one, limits)
                        if number >= len(own):
                            continue
                        limit, method = own[number], one.method
                        cannot = method.cannot or reasons.get(
                            (instance.name, method.name, limit), ""
                        )
                        cells.append(Cell(instance, method, seed, repetition, limit, cannot))
                    begin = next_turn(turns, begin)
    _check_keys(cells)
    return tuple(cells)


def limits_of(method: Resolved, limits: Sequence[float]) -> Sequence[float]:
    """The time limits of a method: its own, or those of the study."""
    own = method.method.time_limit
    return limits if own is None else [own]


def taking_turns(methods: Sequence[Resolved]) -> list[Resolved]:
    """The methods in an order in which none follows on one of its own backend, if there is one.

    The backends with most methods take every second place first, and the others what is left.
    """
    by_backend: dict[str, list[Resolved]] = {}
    for one in methods:
        by_backend.setdefault(one.method.backend, []).append(one)
    gathered = [one for own in sorted(by_backend.values(), key=len, reverse=True) for one in own]
    places = [*range(0, len(gathered), 2), *range(1, len(gathered), 2)]
    turns = dict(zip(places, gathered, strict=True))
    return [turns[place] for place in range(len(gathered))]


def next_turn(turns: Sequence[Resolved], begin: int) -> int:
    """Who is first next time: the next that is of another backend than the last one was."""
    last = turns[begin - 1].method.backend
    for step in range(1, len(turns) + 1):
        place = (begin + step) % len(turns)
        if turns[place].method.backend != last:
            return place
    return (begin + 1) % len(turns)


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
