"""Ways to choose the channels: an objective, a solver, and perhaps a refinement."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dimod
import numpy as np

from secateur.backends import Backend, Status, Stopped
from secateur.errors import OptionError
from secateur.network import keep_one_each
from secateur.problem import Constraint, Problem
from secateur.problem.moves import Moves
from secateur.qubo import OBJECTIVES, Objective, terms_of
from secateur.refine import Refinement, TensorTrain
from secateur.solving import AUTO, CONTROL, Selection, solve
from secateur.statistics import ChannelStatistics

RANDOM = "random"
"""The objective of the random control: no QUBO at all."""


@dataclass(frozen=True)
class Method:
    """One way to choose the channels.

    Arguments:
        name: its row in the table.
        objective: a name of ``OBJECTIVES``, a function from statistics to a BQM, or "random".
        backend: a name, a backend, "greedy" (the control), or "auto": exact by blocks where that
            can be had, with annealing beside it.
        refine: a refinement on the true metric, or None.
        objective_options: of the objective.
        options: of the backend.
    """

    name: str
    objective: str | Objective
    backend: str | type[Backend] | Backend = AUTO
    refine: Refinement | None = None
    objective_options: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def standard_methods(*, evaluations: int = 500, backend: str = AUTO) -> tuple[Method, ...]:
    """The methods of the demo's table: controls first, then the QUBOs, then the refinement."""
    return (
        Method("random", RANDOM, CONTROL),
        Method("l1", "l1", CONTROL),
        Method("taylor", "taylor", CONTROL),
        Method("hybrid", "hybrid", backend),
        Method("fisher", "fisher", backend),
        Method("residual", "residual", backend),
        Method("fisher+tt", "fisher", backend, TensorTrain(evaluations=evaluations)),
    )


def make_qubo_of(statistics: ChannelStatistics, method: Method) -> dimod.BinaryQuadraticModel:
    """The QUBO of a method's objective.

    Raises:
        OptionError: the objective does not take these options, or returned something else.
    """
    check_method(method)
    labels = statistics.channels.labels
    if method.objective == RANDOM:
        return dimod.BinaryQuadraticModel(dict.fromkeys(labels, 0.0), {}, dimod.BINARY)
    build = _bound(statistics, method)
    bqm = build(statistics, **method.objective_options)
    if not isinstance(bqm, dimod.BinaryQuadraticModel) or set(bqm.variables) != set(labels):
        raise OptionError(
            f"objective {method.name!r} returned no BQM over the {len(labels)} channel labels",
            remedy="return a dimod.BinaryQuadraticModel over statistics.channels.labels",
        )
    return bqm


def _bound(statistics: ChannelStatistics, method: Method) -> Objective:
    """The function of a method's objective, which takes its options."""
    build = OBJECTIVES[method.objective] if isinstance(method.objective, str) else method.objective
    try:
        inspect.signature(build).bind(statistics, **method.objective_options)
    except TypeError as error:
        known = ", ".join(list(inspect.signature(build).parameters)[1:]) or "none"
        raise OptionError(
            f"objective {method.name!r} does not take {dict(method.objective_options)}: {error}",
            remedy=f"its options are: {known}",
        ) from error
    return build


def make_problem(
    statistics: ChannelStatistics, method: Method, demands: Iterable[Constraint]
) -> Problem:
    """The QUBO of a method with what is demanded; every layer keeps one channel besides.

    Raises:
        OptionError: as ``make_qubo_of``.
    """
    check_method(method)
    demands = list(demands)
    named = {demand.name for demand in demands}
    demands += [one for one in keep_one_each(statistics.channels) if one.name not in named]
    if method.objective != RANDOM:
        terms = terms_of(_bound(statistics, method))
        if terms is not None:  # our own objectives need no BQM in between
            return terms(statistics, **method.objective_options).problem(demands)
    return Problem(make_qubo_of(statistics, method), demands)


def choose(
    problem: Problem, method: Method, seed: int, time_limit: float | None = None
) -> Selection:
    """The selection of a method, before any refinement."""
    if method.objective == RANDOM:
        return _random_selection(problem, seed)
    return solve(
        problem, backend=method.backend, options=method.options, seed=seed, time_limit=time_limit
    )


def _random_selection(problem: Problem, seed: int) -> Selection:
    """Channels in random order, until what is demanded is kept."""
    order = np.random.default_rng(seed).permutation(problem.n)
    moves = Moves(problem)
    counts = (
        [problem.count]
        if problem.count is not None
        else range(1, problem.n + 1, 1 + problem.n // 200)
    )
    for number in counts:
        bits = np.zeros(problem.n, dtype=np.int8)
        bits[order[:number]] = 1
        repaired = moves.repair(bits)
        if repaired is not None:
            break
    else:
        repaired = None
    if repaired is None:
        raise OptionError(
            "no random selection keeps what is demanded",
            remedy="leave the method out, or ask for less",
        )
    return Selection(
        labels=problem.variables,
        bits=repaired,
        energy=0.0,
        bound=None,
        status=Status.FEASIBLE,
        stopped=Stopped.COMPLETED,
        backend=RANDOM,
        calls=0,
        timings={"total": 0.0},
        seed=seed,
    )


def check_method(method: Method) -> None:
    """Refuse a method whose objective does not exist.

    Raises:
        OptionError: names the nearest objective.
    """
    if isinstance(method.objective, str) and method.objective not in (*OBJECTIVES, RANDOM):
        near = difflib.get_close_matches(method.objective, OBJECTIVES, n=1)
        raise OptionError(
            f"there is no objective {method.objective!r}",
            remedy=(f"did you mean {near[0]!r}? " if near else "")
            + f"there are: {', '.join(OBJECTIVES)}",
        )


def same_choice(one: Method, other: Method) -> bool:
    """Whether two methods make the same selection, refinement apart."""
    return (
        one.objective == other.objective
        and one.backend == other.backend
        and dict(one.objective_options) == dict(other.objective_options)
        and dict(one.options) == dict(other.options)
    )


def describe(method: Method) -> dict[str, Any]:
    """A method as JSON-safe data."""

    def name(thing: Any) -> str:
        return thing if isinstance(thing, str) else getattr(thing, "__name__", type(thing).__name__)

    return {
        "name": method.name,
        "objective": name(method.objective),
        "objective_options": dict(method.objective_options),
        "backend": getattr(method.backend, "name", name(method.backend)),
        "refine": repr(method.refine) if method.refine else None,
    }
