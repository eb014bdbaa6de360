"""D-Wave Leap: the hybrid solvers for binary and for constrained quadratic models.

``leap`` sends a wanted number of ones and limits as constraints, to the CQM solver, and everything
else to the BQM solver. ``leap-bqm`` uses the BQM solver alone and leaves the count to the capacity
search. Quantum computers are in ``leap_qpu``; how jobs are sent, paid for and resumed in
``leap_run``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from secateur.backends import Applicability, BackendOptions, Capabilities, option
from secateur.errors import BackendMisbehaved, BackendUnsuitable
from secateur.lazy import dimod
from secateur.problem import Problem
from secateur_backends.leap_answer import Read, read_answer, understood, untyped
from secateur_backends.leap_cost import (
    Estimate,
    KnownSolvers,
    constraints,
    hybrid_estimate,
    too_large,
)
from secateur_backends.leap_jobs import Job
from secateur_backends.leap_nonlinear import nonlinear
from secateur_backends.leap_options import (
    LeapOptions,
    journal_folder,
    replay_from,
    service_name,
)
from secateur_backends.leap_run import LeapBackend, Plan

CITATION = """
@techreport{dwave2020hybrid,
  author      = {{D-Wave Systems Inc.}},
  title       = {D-Wave Hybrid Solver Service: An Overview},
  institution = {D-Wave Systems Inc.},
  number      = {14-1039A-B},
  year        = {2020}
}
"""


_SENDERS = {"bqm": "sample_bqm", "cqm": "sample_cqm", "nl": "sample_nlm"}
"""By the kind of a problem, what the client's solver calls sending it."""


@dataclass(frozen=True)
class HybridOptions(LeapOptions):
    """Options of the hybrid solver for binary quadratic models."""

    time_limit: float | None = option(
        None, "time for the solver, all of it charged; None: its minimum", least=0, unit="s"
    )


@dataclass(frozen=True)
class LeapHybridOptions(HybridOptions):
    """Options of the hybrid solvers."""

    solver: str = option(
        "auto",
        "kind of solver; auto: cqm if a count or limits are wanted, else bqm",
        choices=("auto", "bqm", "cqm"),
    )


class Leap(LeapBackend):
    """The hybrid solvers of Leap, with the count and the limits as native constraints."""

    name: ClassVar[str] = "leap"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=1_000_000,  # the BQM solver's; the true one is asked of the service
        native=frozenset({"count", "limit"}),
        stochastic=True,
        takes_time_limit=True,
        metered=True,
    )
    Options: ClassVar[type[BackendOptions]] = LeapHybridOptions
    citation: ClassVar[str] = CITATION

    def kind(self, problem: Problem, options: Any) -> str:
        """ "cqm" for problems with constraints, or as the option says."""
        constrained = problem.count is not None or bool(problem.limits)
        if options.solver == "auto":
            return "cqm" if constrained else "bqm"
        if options.solver == "bqm" and constrained:
            raise BackendUnsuitable(
                f"backend {self.name!r}: the problem asks for {_wanted(problem)}, and the BQM "
                "solver (option solver='bqm') takes no constraints",
                backend=self.name,
                remedy="use solver='auto' or 'cqm', or the backend 'leap-bqm' inside the capacity "
                "search, which finds the count by itself",
            )
        return str(options.solver)

    def determines(self, options: Any) -> dict[str, Any]:
        """The service, the solver and the time limit, as they were asked for."""
        return service_of(options) | {"time_limit": options.time_limit}

    def estimate(self, problem: Problem, options: Any = None) -> Estimate:
        """What it will cost, by what is known without the network."""
        options = options or self.Options()
        kind = self.kind(problem, options)
        known = KnownSolvers(journal_folder(options), service_name(options))
        solver, properties = known.get(kind, options.solver_name) or ("", None)
        return hybrid_estimate(problem, kind, options.time_limit, solver, properties)

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Size, time limit and budget, by what is known without the network; sends nothing."""
        given: Any = options or self.Options()
        base = super().applicability(problem, options)
        if not base.applicable:
            return base
        try:
            estimate = self.estimate(problem, given)
        except (BackendUnsuitable, BackendMisbehaved) as error:
            return Applicability(False, reason=error.message, remedy=error.remedy)
        charge, budget = estimate.charge_s, given.max_charge_s
        reason = remedy = None
        if replay_from(given) or self.earlier(problem, given) is not None:
            charge = 0.0
        elif _below(estimate):
            reason = _too_short(estimate)
            remedy = f"ask for at least {estimate.minimum_s:g} s, or leave `time_limit` out"
        elif charge is not None and budget is not None and charge > budget:
            reason = f"{charge:g} s would be charged, and `max_charge_s` is {budget:g} s"
            remedy = "raise `max_charge_s`, or choose a backend that is not metered"
        return Applicability(
            applicable=reason is None,
            reason=reason or estimate.note or None,
            remedy=remedy,
            seconds=estimate.time_limit_s,
            charge_seconds=charge,
        )

    def plan(self, problem: Problem, options: Any, kind: str, solver: Any) -> Plan:
        """Check size and time limit against the solver's own, and prepare the upload."""
        over = too_large(problem, kind, solver.properties)
        if over is not None:
            what, number, most = over
            raise BackendUnsuitable(
                f"backend {self.name!r}: the problem has {number} {what}, and {solver.name} takes "
                f"at most {most}; nothing was sent",
                backend=self.name,
                remedy="choose another `solver_name`, or a backend without this limit",
            )
        estimate = hybrid_estimate(
            problem, kind, options.time_limit, solver.name, solver.properties
        )
        if _below(estimate):
            raise BackendUnsuitable(
                f"backend {self.name!r}: {_too_short(estimate)}; nothing was sent",
                backend=self.name,
                remedy=f"ask for at least {estimate.minimum_s:g} s, or leave `time_limit` out",
            )
        limit = estimate.time_limit_s
        params = {} if limit is None else {"time_limit": limit}
        sample = getattr(solver, _SENDERS[kind])

        def send(data: str | None, label: str) -> Any:
            return sample(data, label=label, **params)

        return Plan(estimate, params, send, payload=_payload(problem, kind))

    def read(self, problem: Problem, job: Job, samples: dimod.SampleSet) -> Read:
        """The answer over the labels that were sent, which are positions."""
        bits, wrong = read_answer(samples, positional(problem))
        return understood(samples, bits, wrong, job)


class LeapBQM(Leap):
    """The hybrid BQM solver alone; the capacity search finds the count."""

    name: ClassVar[str] = "leap-bqm"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=1_000_000, stochastic=True, takes_time_limit=True, metered=True
    )
    Options: ClassVar[type[BackendOptions]] = HybridOptions

    def kind(self, problem: Problem, options: Any) -> str:
        """Always "bqm": a wanted count is not looked at, as the capabilities say."""
        return "bqm"


def positional(problem: Problem) -> dimod.BinaryQuadraticModel:
    """The model with 0, 1, 2… for labels: shorter to send, and names of layers stay here."""
    row, col, bias = problem.quadratic
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        problem.linear,
        (row, col, bias),
        float(problem.offset),
        dimod.BINARY,
        variable_order=range(problem.n),
    )


def constrained(problem: Problem) -> dimod.ConstrainedQuadraticModel:
    """The model with its count and limits as constraints."""
    model: dimod.ConstrainedQuadraticModel = untyped.ConstrainedQuadraticModel()
    model.set_objective(positional(problem))
    for name, positions, sense, value in constraints(problem):
        terms = [(position, 1) for position in positions]
        model.add_constraint_from_iterable(terms, sense, rhs=value, label=name)
    return model


def _payload(problem: Problem, kind: str) -> Callable[[], BinaryIO]:
    def payload() -> Any:
        if kind == "nl":
            return nonlinear(problem).to_file(max_num_states=0)
        if kind == "cqm":
            return constrained(problem).to_file()
        return positional(problem).to_file(version=2, ignore_labels=True)

    return payload


def service_of(options: Any) -> dict[str, Any]:
    """Where a call is sent, as an answer tells it."""
    # the profile is left out: it says how to reach the service, not what is asked of it
    names = ("endpoint", "region", "solver_name")
    return {name: getattr(options, name) for name in names}


def _below(estimate: Estimate) -> bool:
    limit, least = estimate.time_limit_s, estimate.minimum_s
    return limit is not None and least is not None and limit < least


def _too_short(estimate: Estimate) -> str:
    return (
        f"`time_limit` is {estimate.time_limit_s:g} s, and {estimate.solver} takes at least "
        f"{estimate.minimum_s:g} s for {estimate.n} variables"
    )


def _wanted(problem: Problem) -> str:
    ones = [] if problem.count is None else [f"exactly {problem.count} ones"]
    return " and ".join(ones + ([f"{len(problem.limits)} limits"] if problem.limits else []))
