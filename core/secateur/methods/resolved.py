"""A method with its stages found and checked, before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from secateur.backends import BackendOptions
from secateur.backends.call import check_available
from secateur.limits import refuse_twice
from secateur.methods.method import RANDOM, Method
from secateur.objectives import Objective, resolve_objective
from secateur.recover import Recovery, resolve_recovery
from secateur.refine import Refiner, resolve_refiner
from secateur.solving import CONTROL
from secateur.solving.chosen import Chosen, choose


def resolve(method: Method) -> Resolved:
    """The method with its stages found and their options checked; nothing is measured.

    Raises:
        OptionError: an objective, a refinement or an option of theirs that there is not.
        BackendError: the backend does not exist, cannot be used here, or has no such option.
    """
    refuse_twice(method.options or {}, time_limit=method.time_limit)
    refiner = resolve_refiner(method.refine, method.refine_options)
    recovery = resolve_recovery(method.recover, method.recover_options)
    objective = resolve_objective(method.objective, method.objective_options)
    chosen = choose(method.backend, method.options)
    if chosen.solver is not None and chosen.options is not None:
        check_available(chosen.solver, licensed=not _has_secret(chosen.options))
    if objective.name == RANDOM:  # nothing is solved
        chosen = choose(CONTROL)
    name = method.name or (f"{objective.name}+{refiner.name}" if refiner else objective.name)
    return Resolved(name, objective, chosen, refiner, recovery, method)


@dataclass(frozen=True, eq=False)
class Resolved:
    """A method that can be run.

    Arguments:
        name: its row in the table.
        objective: with its options.
        chosen: the backend, which can be used here, with its options; or "auto" or "greedy".
        refiner: with its options, or None.
        recovery: with its options, or None.
        method: as it was given.
    """

    name: str
    objective: Objective
    chosen: Chosen
    refiner: Refiner | None
    recovery: Recovery | None
    method: Method

    def same_choice(self, other: Resolved) -> bool:
        """Whether two methods make the same selection, refinement and compensation apart."""
        return _of_choice(self.method) == _of_choice(other.method)

    def to_json(self) -> dict[str, Any]:
        """The method as plain data, without secrets."""
        return {
            "name": self.name,
            "objective": self.objective.name,
            "objective_options": self.objective.public(),
            "backend": self.chosen.name,
            "refine": None if self.refiner is None else self.refiner.name,
            "refine_options": {} if self.refiner is None else self.refiner.public(),
            "recover": None if self.recovery is None else self.recovery.name,
            "recover_options": {} if self.recovery is None else self.recovery.public(),
            "time_limit": self.method.time_limit,
            "compensated": self.method.compensated,
            "fit_batches": self.method.fit_batches,
            "ridge": self.method.ridge,
        }


def _of_choice(method: Method) -> Method:
    plain = Method()
    apart = (
        "name",
        "refine",
        "refine_options",
        "recover",
        "recover_options",
        "compensated",
        "fit_batches",
        "ridge",
    )
    return replace(method, **{name: getattr(plain, name) for name in apart})


def _has_secret(options: BackendOptions) -> bool:
    """Whether a secret was given: a licence or token that comes with the options."""
    return any(
        field.metadata.get("secret") and getattr(options, field.name) is not None
        for field in fields(options)
    )
