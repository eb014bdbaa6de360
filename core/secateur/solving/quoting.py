"""What a search would cost, told before anything is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Unpack

from secateur.backends.base import Backend, BackendOptions
from secateur.backends.call import check_available, resolve_options
from secateur.backends.guard import build, price_of_call
from secateur.backends.metered import paid_in_backend
from secateur.backends.metering import keeps_budget, open_bill
from secateur.backends.price import Price, shape_of
from secateur.problem.constraints import Constraint
from secateur.solving.api import Model, as_asked
from secateur.solving.asking import SolveSettings, settings_of
from secateur.solving.chosen import Chosen
from secateur.solving.names import AUTO


@dataclass(frozen=True)
class Quote:
    """The price of a search; prints as a short table.

    Arguments:
        backend: that would be called.
        metered: its calls cost money or quota.
        call: what the first call is and costs.
        calls: at most.
        charge_s: seconds charged in all, at most; None if that is not known.
        allowed: whether it may be charged: the budget that holds, or how to allow it.
    """

    backend: str
    metered: bool
    call: Price
    calls: int
    charge_s: float | None
    allowed: str

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "dry_run": True,
            "backend": self.backend,
            "metered": self.metered,
            "call": self.call.to_json(),
            "calls": self.calls,
            "charge_s": self.charge_s,
            "allowed": self.allowed,
        }

    def __str__(self) -> str:
        call = self.call
        rows = [
            ("backend", self.backend),
            ("metered", "yes" if self.metered else "no"),
            ("solver", call.solver or "not known yet"),
            ("variables", str(call.variables)),
            ("couplings", f"{call.couplings} ({call.density:.1%} of all pairs)"),
            ("largest", "" if call.most_variables is None else f"{call.most_variables} variables"),
            ("minimum time", _seconds(call.minimum_s) if self.metered else ""),
            ("time limit", "" if call.time_limit_s is None else _seconds(call.time_limit_s)),
            ("charged", _seconds(call.charge_s) + " a call" * (call.charge_s is not None)),
            ("calls", f"at most {self.calls}"),
            ("in all", f"{_seconds(self.charge_s)} charged at most"),
            ("allowed", self.allowed),
            ("note", call.note),
        ]
        return "\n".join(f"{name:13} {text}" for name, text in rows if text)


def quote(
    model: Model,
    *,
    count: int | None = None,
    constraints: Iterable[Constraint] = (),
    backend: str | type[Backend] | Backend | Chosen = AUTO,
    options: Mapping[str, Any] | None = None,
    seed: int | None = 0,
    time_limit: float | None = None,
    **more: Unpack[SolveSettings],
) -> Quote:
    """What ``solve`` with the same arguments would be charged; no problem is sent.

    A metered service may be asked for its list of solvers, which is free.

    Arguments:
        model: as in ``solve``.
        count: as in ``solve``.
        constraints: as in ``solve``.
        backend: as in ``solve``.
        options: as in ``solve``.
        seed: as in ``solve``.
        time_limit: as in ``solve``.
        more: as in ``solve``: ``charge``, ``max_calls``, ``proof``.

    Raises:
        SecateurError: as ``solve``, where that can be said before anything is called.
    """
    settings = settings_of(**more)
    charge = settings.charge
    asked = as_asked(model, count, constraints, backend, options, seed, time_limit, settings)
    solver = asked.chosen.solver
    if solver is None:
        price = Price(solver=asked.chosen.name, charge_s=0.0, **shape_of(asked.problem))
        return Quote(asked.chosen.name, False, price, 0, 0.0, "nothing is charged")
    check_available(solver)
    search = asked.search(solver)
    metered = search.metered
    with open_bill(asked.problem, charge=charge):
        first, chosen = search.first_call()
        price = price_of_call(solver, first, chosen)
        budget = _budget(solver, chosen, charge) if metered else None
    total = 0.0 if not metered else price.charge_s
    if total is not None:
        total *= search.most_calls
    if price.recorded and search.most_calls > 1:
        total = None  # the journal of the first call says nothing of those after it
    known = [seconds for seconds in (total, budget) if seconds is not None]
    return Quote(
        backend=solver.name,
        metered=metered,
        call=price,
        calls=search.most_calls,
        charge_s=min(known, default=None),
        allowed=_allowed(solver, metered, budget, charge),
    )


def _budget(solver: Backend, options: BackendOptions, charge: bool) -> float | None:
    """Seconds that a search may be charged; that of a wrapper is the inner backend's."""
    inner = getattr(solver, "inner", None)
    if isinstance(inner, type):
        within = build(inner)
        given = dict(getattr(options, "inner", None) or {})
        return _budget(within, resolve_options(within, given), charge)
    if not keeps_budget(solver, options):
        return None
    budget: float | None = getattr(options, "max_charge_s", None)
    return solver.default_budget_s if budget is None and not charge else budget


def _allowed(solver: Backend, metered: bool, budget: float | None, charge: bool) -> str:
    if not metered:
        return "nothing is charged"
    if budget is not None:
        return f"at most {budget:g} s; `max_charge_s` sets another budget"
    if charge:
        return "any charge (--charge)"
    if hasattr(solver, "inner"):
        return "as the inner backend's budget says"
    found = paid_in_backend(solver)
    why = "" if found is None else f": it leads to {found}"
    return f"not without --charge{why}"


def _seconds(value: float | None) -> str:
    return "not known" if value is None else f"{value:.6g} s"
