"""What a search may be charged, by what its journal says that it was charged already.

A budget is for one problem with its demands and one backend, in one journal: over all calls,
processes and restarts. Another problem has a budget of its own.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

from secateur.backends import Price
from secateur.backends.metering import current_bill, search_key
from secateur.backends.price import shape_of
from secateur.errors import BackendBudgetSpent, BackendMisbehaved
from secateur.problem import Problem
from secateur_backends.leap_cost import Estimate
from secateur_backends.leap_jobs import Job, Journal, State

DEFAULT_S = 60.0
"""One search is charged no more, where neither a budget nor a charge was allowed."""


def search_of(problem: Problem, backend: str) -> str:
    """The search that a call belongs to: that under way, or the problem by itself."""
    bill = current_bill()
    search = search_key(problem) if bill is None else bill.search
    return hashlib.sha256(f"{backend} {search}".encode()).hexdigest()


def budget_of(options: Any, default: float | None) -> tuple[float | None, str]:
    """Seconds that the search may be charged, and where they come from; None: no limit."""
    if options.max_charge_s is not None:
        return options.max_charge_s, f"`max_charge_s` is {options.max_charge_s:g} s"
    bill = current_bill()
    if default is None or (bill is not None and bill.charge):
        return None, "charging is allowed"
    return default, f"without `max_charge_s` a search is charged at most {default:g} s"


def check_budget(
    estimate: Estimate, options: Any, journal: Journal, search: str, backend: str, default: float
) -> None:
    """Refuse a job that would be charged more than its search may be; nothing was sent.

    Raises:
        BackendBudgetSpent: it would.
        BackendMisbehaved: what it is charged is no number.
    """
    charge = estimate.charge_s
    if charge is not None and not 0 <= charge < math.inf:
        raise BackendMisbehaved(
            f"backend {backend!r}: by what {estimate.solver} says, {charge} s would be charged; "
            "nothing was sent",
            backend=backend,
            remedy="name another solver (`solver_name`), and tell D-Wave",
        )
    budget, said = budget_of(options, default)
    if budget is None:
        return
    spent = journal.spent(search)
    # a sum of equal charges may be a hair over their product
    if None not in (charge, spent) and (spent or 0.0) + (charge or 0.0) <= budget * (1 + 1e-9):
        return
    cost = "it is not known what" if charge is None else f"{charge:g} s"
    least = "" if estimate.minimum_s is None else f" (at least {estimate.minimum_s:g} s)"
    already = ""
    if spent is None:
        already = ", after earlier calls of this problem of which that is not known"
    elif spent:
        already = f", after {spent:g} s for earlier calls of this problem"
    raise BackendBudgetSpent(
        f"backend {backend!r}: {cost} would be charged for {estimate.n} variables on "
        f"{estimate.solver}{already}, and {said}; nothing was sent",
        backend=backend,
        remedy="raise `max_charge_s`, or allow any charge with --charge (in Python charge=True); "
        f"or ask for less: `time_limit`{least} or `num_reads`",
    )


def charge_of(job: Job, told: float | None) -> float | None:
    """What an answered job was charged: as the service says, else as it was expected."""
    return job.charge_s if told is None else told


def free_price(problem: Problem, solver: str, note: str = "", *, recorded: bool = False) -> Price:
    """The price of what is not charged; ``recorded``: because the journal has it."""
    shape = shape_of(problem)
    return Price(solver=solver, charge_s=0.0, note=note, recorded=recorded, **shape)


def price_of(problem: Problem, estimate: Estimate, spent: float | None, note: str = "") -> Price:
    """The price of a job that would be sent."""
    before = "" if not spent else f"{spent:g} s were charged for this problem before"
    several = estimate.submissions or 1
    sent = f"in {several} submissions, each charged" if several > 1 else ""
    notes = filter(None, (note, sent, estimate.note, before))
    return Price(
        solver=estimate.solver,
        charge_s=estimate.charge_s,
        minimum_s=estimate.minimum_s,
        time_limit_s=estimate.time_limit_s,
        most_variables=estimate.most_variables,
        note="; ".join(notes),
        **shape_of(problem),
    )


def earlier_note(job: Job) -> str:
    """Why a job that the journal holds costs nothing more."""
    if job.state is State.ANSWERED:
        return f"the journal has the answer, of job {job.job_id}: nothing more is charged"
    return f"job {job.job_id or job.label} was sent earlier: it is fetched, and not charged again"
