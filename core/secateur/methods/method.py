"""Ways to choose the channels: an objective, a solver, a refinement, a compensation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secateur.limits import LONGEST_SECONDS, MOST_ROUNDS
from secateur.methods.ridge import Ridge
from secateur.options import Options, option
from secateur.solving import AUTO, CONTROL

MOST_PARTS = 100
"""Rounds of a pruning."""

RANDOM = "random"
"""The objective of the random control: no QUBO at all."""

Given = Any
"""Of a stage: its name, ``module:attribute``, its class, an object or a function."""


@dataclass(frozen=True)
class Method(Options):
    """One way to choose the channels; resolved wholly before anything is measured.

    The name is the method's row in the table: that of the objective and the refinement unless
    given.
    """

    objective: Given = option(
        None,
        "what the QUBO is made of; `secateur objectives` lists what there is; auto: the best of a "
        "few on the selection split; unless given: auto where the network is compensated (residual "
        "on a metered backend), fisher where it is not",
    )
    backend: Given = option(
        AUTO,
        "a solver, `secateur backends` lists them; auto: exact by blocks where that can be had, "
        "with annealing beside it; greedy: the control",
    )
    refine: Given = option(
        None, "go on with the true metric; `secateur refiners` lists what there is"
    )
    recover: Given = option(
        None,
        "train the smaller network without labels towards the dense one; `secateur recoveries` "
        "lists what there is",
    )
    objective_options: Mapping[str, Any] | None = option(
        None, "an option of the objective, similarity_weight=0.3"
    )
    options: Mapping[str, Any] | None = option(None, "an option of the backend, reads=50")
    refine_options: Mapping[str, Any] | None = option(
        None, "an option of the refinement, evaluations=100"
    )
    recover_options: Mapping[str, Any] | None = option(None, "an option of the recovery, steps=500")
    time_limit: float | None = option(
        None, "of the whole search", above=0, most=LONGEST_SECONDS, unit="s"
    )
    rounds: int = option(
        1,
        "prune a part, compensate, measure again, and so on to the amount; what left may come back",
        least=1,
        most=MOST_PARTS,
        why="each of them measures the network again",
    )
    compensated: bool = option(True, "re-fit the layers that read pruned channels")
    fit_batches: int | None = option(
        None,
        "so many batches are used to re-fit, first of calibration and then unlabelled; unless "
        "given all of calibration, and unlabelled ones to 192 samples in all",
        least=1,
        most=MOST_ROUNDS,
        why="nobody has so many",
    )
    ridge: Ridge = option(
        1e-3,
        "of that fit, relative to the mean square of what a layer reads; auto: the best of 0.001, "
        "0.01 and 0.03 on the selection split",
        above=0,
    )
    charge: bool = option(False, "let a metered backend charge without a budget")
    max_calls: int | None = option(
        None,
        "most calls of the backend; one of a metered backend that keeps no budget",
        least=1,
        most=MOST_ROUNDS,
        why="no more can be done in years",
    )
    name: str = option("", "of its row in the table")


def default_objective(*, compensated: bool, metered: bool) -> str:
    """What the QUBO is made of where nobody says.

    Which objective is best after compensation depends on the network and the amount, and the
    selection split tells (`benchmarks/claims.py`); a metered backend would be paid for each
    candidate. Nothing re-fitted, the Fisher's own expansion is what a mask costs.

    Arguments:
        compensated: the network is compensated.
        metered: the backend charges.
    """
    if not compensated:
        return "fisher"
    return "residual" if metered else "auto"


def standard_methods(*, evaluations: int = 500, backend: str = AUTO) -> tuple[Method, ...]:
    """Compared unless others are named: controls first, then the QUBOs, then the refinement.

    Arguments:
        evaluations: of the true metric, by the refinement.
        backend: of the QUBOs.
    """
    return (
        Method(RANDOM),
        Method("l1", CONTROL),
        Method("taylor", CONTROL),
        Method("hybrid", backend),
        Method("fisher", backend),
        Method("residual", backend),
        Method("fisher", backend, "tt", refine_options={"evaluations": evaluations}),
    )


def as_method(given: Method | str | Any) -> Method:
    """A method: as it is, or of an objective's name.

    Arguments:
        given: a method, or whatever names an objective.
    """
    return given if isinstance(given, Method) else Method(given)
