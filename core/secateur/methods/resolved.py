"""A method with its stages found and checked, before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from secateur.backends import BackendOptions
from secateur.backends.call import check_available
from secateur.backends.metered import is_metered
from secateur.errors import OptionError
from secateur.limits import refuse_twice
from secateur.methods.method import RANDOM, Method, default_objective
from secateur.objectives import Auto, Objective, resolve_objective
from secateur.recover import Recovery, resolve_recovery
from secateur.refine import Refiner, resolve_refiner
from secateur.solving import CONTROL
from secateur.solving.chosen import Chosen, choose


def resolve(method: Method) -> Resolved:
    """The method with its stages found and their options checked; nothing is measured.

    Arguments:
        method: as it was asked for.

    Raises:
        OptionError: an objective, a refinement or an option of theirs that there is not.
        BackendError: the backend does not exist, cannot be used here, or has no such option.
    """
    refuse_twice(method.options or {}, time_limit=method.time_limit)
    refiner = resolve_refiner(method.refine, method.refine_options)
    recovery = resolve_recovery(method.recover, method.recover_options)
    chosen = choose(method.backend, method.options)
    given = method.objective
    if given is None:
        if method.objective_options:
            raise OptionError(
                f"{', '.join(method.objective_options)} is given of an objective, and no objective",
                remedy="name the objective that it is an option of",
            )
        given = default_objective(compensated=method.compensated, metered=_metered(chosen))
    objective = resolve_objective(given, method.objective_options)
    if chosen.solver is not None and chosen.options is not None:
        check_available(chosen.solver, licensed=not _has_secret(chosen.options))
    if objective.name == RANDOM:  # nothing is solved
        chosen = choose(CONTROL)
    name = _row(method, objective.name, refiner)
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

    @property
    def candidates(self) -> tuple[Resolved, ...]:
        """One for each objective that ``auto`` chooses among; none where one is named."""
        if not isinstance(self.objective, Auto):
            return ()
        return tuple(self.candidate(one) for one in self.objective.objectives)

    def candidate(self, objective: Objective, floor: float = 0.0) -> Resolved:
        """The same with one of the objectives that ``auto`` chooses among.

        Arguments:
            objective: of the candidate.
            floor: share of every layer that stays at least; 0: none is demanded.
        """
        under = f", floor {percent(floor)}" if floor else ""
        shown = f"{self.objective.name} ({objective.name}{under})"
        return replace(self, objective=objective, name=_row(self.method, shown, self.refiner))

    @property
    def searches(self) -> int:
        """How many selections it makes at most to take one, rounds apart."""
        if not isinstance(self.objective, Auto):
            return 1
        return len(self.objective.objectives) * (2 if self.objective.floor else 1)

    def shared(self, parts: int) -> Resolved:
        """The same with what is left of its limits for each of so many searches.

        Raises:
            OptionError: fewer calls than searches.
        """
        method = self.method
        limit, calls = method.time_limit, method.max_calls
        if calls is not None and calls < parts:
            raise OptionError(
                f"{self.name} is {parts} searches, and max_calls is {calls}",
                remedy=f"allow {parts} calls or more, or leave max_calls out",
            )
        own = replace(
            method,
            time_limit=None if limit is None else limit / parts,
            max_calls=None if calls is None else calls // parts,
        )
        return replace(self, method=own)

    def same_choice(self, other: Resolved) -> bool:
        """Whether two methods make the same selection, refinement and compensation apart."""
        judged = self.method.rounds > 1 or isinstance(self.objective, Auto)
        return _of_choice(self.method, judged) == _of_choice(other.method, judged)

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
            "rounds": self.method.rounds,
            "compensated": self.method.compensated,
            "fit_batches": self.method.fit_batches,
            "ridge": self.method.ridge,
        }


def percent(share: float) -> str:
    """A share in two digits: 10%, 0.72%."""
    return f"{float(f'{100 * share:.2g}'):g}%"


def _row(method: Method, objective: str, refiner: Refiner | None) -> str:
    """The name of a method's row."""
    if method.name:
        return method.name
    rounds = f" in {method.rounds} rounds" if method.rounds > 1 else ""
    return f"{objective}{rounds}" + (f"+{refiner.name}" if refiner else "")


def _of_choice(method: Method, judged: bool) -> Method:
    """What a selection depends on; ``judged``: on what is compensated, too."""
    plain = Method()
    fit = () if judged else ("compensated", "fit_batches", "ridge")
    apart = ("name", "refine", "refine_options", "recover", "recover_options", *fit)
    return replace(method, **{name: getattr(plain, name) for name in apart})


def _metered(chosen: Chosen) -> bool:
    """Whether the backend charges for a call."""
    solver, options = chosen.solver, chosen.options
    return solver is not None and options is not None and is_metered(solver, options)


def _has_secret(options: BackendOptions) -> bool:
    """Whether a secret was given: a licence or token that comes with the options."""
    return any(
        field.metadata.get("secret") and getattr(options, field.name) is not None
        for field in fields(options)
    )
