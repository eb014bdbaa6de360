"""Ways to choose the channels: an objective, a solver, and perhaps a refinement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import dimod
import numpy as np

from secateur.backends import Backend, Status, Stopped
from secateur.errors import OptionError
from secateur.network import keep_one_each
from secateur.objectives import Objective, ObjectiveLike, resolve_objective
from secateur.problem import Constraint, Problem
from secateur.problem.moves import Moves
from secateur.refine import RefinerLike, TensorTrain
from secateur.solving import AUTO, CONTROL, Selection, solve
from secateur.statistics import ChannelStatistics

RANDOM = "random"
"""The objective of the random control: no QUBO at all."""


@dataclass(frozen=True)
class Method:
    """One way to choose the channels.

    Arguments:
        name: its row in the table.
        objective: a name, ``module:attribute``, an ``Objective`` or its class, or a function from
            statistics to a BQM; "random" is the control.
        backend: a name, a backend, "greedy" (the control), or "auto": exact by blocks where that
            can be had, with annealing beside it.
        refine: a refiner on the true metric, as for ``resolve_refiner``, or None.
        objective_options: of the objective.
        options: of the backend.
    """

    name: str
    objective: ObjectiveLike
    backend: str | type[Backend] | Backend = AUTO
    refine: RefinerLike | None = None
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
    return check_method(method).qubo(statistics)


def make_problem(
    statistics: ChannelStatistics, method: Method, demands: Iterable[Constraint]
) -> Problem:
    """The QUBO of a method with what is demanded; every layer keeps one channel besides.

    Raises:
        OptionError: as ``make_qubo_of``.
    """
    demands = list(demands)
    named = {demand.name for demand in demands}
    demands += [one for one in keep_one_each(statistics.channels) if one.name not in named]
    return check_method(method).problem(statistics, demands)


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


def check_method(method: Method) -> Objective:
    """The objective of a method, with its options checked.

    Raises:
        OptionError: there is no such objective or option; the nearest is named.
    """
    return resolve_objective(method.objective, method.objective_options)


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
