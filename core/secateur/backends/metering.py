"""The bill of a search: what its calls were charged, and whether they may be charged at all.

The outermost search, or call, opens it; whatever is called within finds it. A budget is for one
problem with its demands: a metered backend writes ``Bill.search`` beside every job that it pays
for, so that the same search, started again, goes on with what is left.

A study asks for the same thing several times and wants several answers: ``one_run`` names a run,
and an answer of another run is then no answer. The same run, started again, takes its own.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from secateur.backends.base import Applicability, Backend, BackendOptions, Solution
from secateur.backends.guard import applicability_of
from secateur.backends.metered import is_metered, paid_in_backend
from secateur.errors import BackendBudgetSpent
from secateur.limits import as_number
from secateur.problem.model import Problem

NOTES = "notes"
"""Of ``Solution.raw``: sentences for people, told beside the answer."""


@dataclass
class Bill:
    """Of one search.

    Attributes:
        problem: with its demands, as the user asked.
        charge: the user lets metered backends charge without a budget.
        calls: of metered backends.
        charged_s: seconds that they say were charged.
        untold: calls that do not say what they were charged.
        queued_s: seconds that the calls waited at their services.
        recorded_s: seconds that were charged, in an earlier process, for answers of a journal.
        recorded_queue_s: seconds that these waited.
        notes: for people, from the answers.
    """

    problem: Problem
    charge: bool = False
    calls: int = 0
    charged_s: float = 0.0
    untold: int = 0
    queued_s: float = 0.0
    recorded_s: float = 0.0
    recorded_queue_s: float = 0.0
    notes: list[str] = field(default_factory=list)

    @cached_property
    def search(self) -> str:
        """What tells searches apart: the problem and its demands, and the run if it has a name."""
        return search_key(self.problem)

    def add(self, solution: Solution) -> None:
        """One more call, by what its answer says."""
        self.calls += 1
        access = solution.timings.access
        if access is None or not math.isfinite(access):
            self.untold += 1
        else:
            self.charged_s += access
        self.queued_s += _finite(solution.timings.queue)
        for about in (solution.raw, *_dicts(solution.raw.get("submissions"))):
            for recorded in _dicts([about.get("recorded")]):
                self.recorded_s += _finite(recorded.get("access"))
                self.recorded_queue_s += _finite(recorded.get("queue"))
        self.notes += notes_of(solution)

    def told(self) -> str:
        """Calls and cost in words."""
        calls = f"{self.calls} call" + ("" if self.calls == 1 else "s")
        if self.untold == self.calls:
            return f"{calls}; the service does not say what was charged"
        more = f", and {self.untold} that do not say" if self.untold else ""
        return f"{self.charged_s:g} s for {calls}{more}"

    def to_json(self) -> dict[str, Any]:
        """Calls and seconds as plain data."""
        return {
            "calls": self.calls,
            "seconds": self.charged_s,
            "untold": self.untold,
            "queued": self.queued_s,
            "recorded": {"seconds": self.recorded_s, "queued": self.recorded_queue_s},
        }


def notes_of(solution: Solution) -> list[str]:
    """The sentences for people in an answer."""
    found = solution.raw.get(NOTES)
    listed = found if isinstance(found, list | tuple) else []
    return [note for note in listed if isinstance(note, str)]


def _finite(value: Any) -> float:
    return as_number(value) or 0.0


def _dicts(listed: Any) -> list[Mapping[str, Any]]:
    every = listed if isinstance(listed, list | tuple) else []
    return [one for one in every if isinstance(one, Mapping)]


_run: ContextVar[str] = ContextVar("secateur_run", default="")


def current_run() -> str:
    """The name of the run that is under way; "" where nobody named one."""
    return _run.get()


@contextmanager
def one_run(name: str) -> Iterator[None]:
    """Inside, answers that were paid for are those of this run, and so is the budget.

    Arguments:
        name: tells runs apart that ask for the same; the key of a study's cell.
    """
    token = _run.set(name)
    try:
        yield
    finally:
        _run.reset(token)


_open: ContextVar[Bill | None] = ContextVar("secateur_bill", default=None)


def current_bill() -> Bill | None:
    """The bill of the search that is under way, or None."""
    return _open.get()


@contextmanager
def open_bill(problem: Problem, *, charge: bool = False) -> Iterator[Bill]:
    """The bill of the search that is under way, or a new one.

    Arguments:
        problem: of the outermost search.
        charge: metered backends may charge without a budget.
    """
    before = _open.get()
    if before is not None:
        had, before.charge = before.charge, before.charge or charge
        try:
            yield before
        finally:
            before.charge = had
        return
    token = _open.set(Bill(problem, charge))
    try:
        made = _open.get()
        assert made is not None
        yield made
    finally:
        _open.reset(token)


def keeps_budget(backend: Backend, options: BackendOptions | None) -> bool:
    """Whether a metered backend refuses by itself what is over a budget."""
    if backend.default_budget_s is not None:
        return True
    return getattr(options, "max_charge_s", None) is not None


def check_may_charge(backend: Backend, problem: Problem, options: BackendOptions) -> None:
    """Refuse a call that would cost money and that nobody has allowed.

    Arguments:
        backend: about to be called.
        problem: as it is handed over.
        options: of the backend.

    Raises:
        BackendBudgetSpent: it is metered, has no budget, and the search may not charge.
    """
    if isinstance(getattr(backend, "inner", None), type):
        return  # a wrapper: each call of what it wraps is looked at by itself
    if not is_metered(backend, options) or keeps_budget(backend, options):
        return
    bill = current_bill()
    if bill is not None and bill.charge:
        return
    suits: Applicability = applicability_of(backend, problem.apart(), options)
    charge = suits.charge_seconds
    if charge == 0.0:
        return
    price = "what a call costs is not known" if charge is None else f"a call costs {charge:g} s"
    found = paid_in_backend(backend)
    why = "" if found is None else f" (it leads to {found})"
    budget = "set `max_charge_s`, or " if _has_budget(backend) else ""
    raise BackendBudgetSpent(
        f"backend {backend.name!r} is metered{why}, and nobody allowed a charge: {price}; nothing "
        "was sent",
        backend=backend.name,
        remedy=f"{budget}allow it with --charge (in Python charge=True); --dry-run tells the price",
    )


def _has_budget(backend: Backend) -> bool:
    return any(one.name == "max_charge_s" for one in backend.describe_options())


def search_key(problem: Problem) -> str:
    """The sha256 of a problem with its demands, and of the run if it has a name."""
    demands = [demand.data() for demand in problem.demands]
    run = current_run()
    text = json.dumps(
        [problem.sha256, demands, *([run] if run else [])], sort_keys=True, default=str
    )
    return hashlib.sha256(text.encode()).hexdigest()
