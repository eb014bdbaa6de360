"""The one way the library calls a backend: nothing that comes back is taken on trust."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.backends.base import Backend, BackendOptions, Solution, Status, Stopped
from secateur.backends.guard import (
    applicability_of,
    availability_of,
    build,
    guarded,
    mend_of,
    origin,
    versions_of,
)
from secateur.backends.incumbents import checked_incumbents
from secateur.backends.mending import mended
from secateur.backends.metered import is_metered
from secateur.backends.metering import check_may_charge, open_bill
from secateur.backends.promised import check_backend, untrue_fields
from secateur.backends.reads import are_bits, are_counts, distinct_rows, gathered
from secateur.errors import (
    BackendFailed,
    BackendMisbehaved,
    BackendOptionError,
    BackendUnavailable,
    BackendUnsuitable,
)
from secateur.limits import LONGEST_SECONDS, as_number, names_and_values
from secateur.problem.model import Bits, Problem

TOLERANCE = 1e-6
"""How far a returned energy may be off, relative to the sum of the problem's absolute biases."""
_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}
DESCENT = 1000
"""Moves of the descent that a claimed optimum or bound is held against."""
GRACE = 10.0
"""A time limit may be overrun by this many seconds and by once the limit before it is an error."""


def run(
    backend: Backend | type[Backend],
    problem: Problem,
    options: Mapping[str, Any] | BackendOptions | None = None,
    *,
    seed: int | None = None,
    time_limit: float | None = None,
    charge: bool = False,
) -> Solution:
    """Solve with a backend and check everything; the energies in the answer are ours.

    The backend is handed a problem of its own, with the constraints that it takes natively and no
    others; what it says is held against ours.

    Arguments:
        backend: an instance or a class.
        problem: what to solve.
        options: names and values, or the backend's own options.
        seed: shorthand for the option of that name.
        time_limit: shorthand for the option of that name, in seconds.
        charge: a metered backend may charge for the call without a budget.

    Raises:
        BackendBudgetSpent: it is metered, and has neither a budget nor ``charge``.
        BackendOptionError: an option that the backend does not have, or out of range.
        BackendUnavailable: it cannot be used here.
        BackendUnsuitable: it cannot take this problem.
        BackendFailed: it raised, or hangs past its time limit.
        BackendMisbehaved: it returned something that is not true.
    """
    solver = build(backend)
    check_backend(solver)
    chosen = resolve_options(solver, options, seed=seed, time_limit=time_limit)
    check_available(solver)
    asked = problem.only(solver.capabilities.native)
    metered = is_metered(solver, chosen)
    # a metered service queues on top of its limit, and a paid job is never given up
    limited = solver.capabilities.takes_time_limit and not metered
    limit = getattr(chosen, "time_limit", time_limit) if limited else None
    with open_bill(problem, charge=charge) as bill:
        check_applicable(solver, asked, chosen)
        check_may_charge(solver, asked, chosen)
        solution = _call(solver, asked.apart(), chosen, limit)
        verified = verify(solver, asked, solution)
        if metered and not hasattr(solver, "inner"):  # a wrapper's calls are on the bill already
            bill.add(verified)
    return verified


def check_available(solver: Backend, *, licensed: bool = False) -> None:
    """Refuse a backend that cannot be used here.

    Arguments:
        solver: whose packages are looked for.
        licensed: refuse one without its licence or token too; otherwise these may come with the
            options, and ``solve`` says so.

    Raises:
        BackendUnavailable: something is missing.
    """
    available = availability_of(solver)
    if not available.installed or (licensed and available.licensed is False):
        raise BackendUnavailable(
            f"backend {solver.name!r} cannot be used: {available.detail or 'not installed'}",
            backend=solver.name,
            remedy=available.remedy,
        )


def check_applicable(solver: Backend, asked: Problem, options: BackendOptions) -> None:
    """Refuse a problem that a backend cannot take; it looks at a problem of its own.

    Arguments:
        solver: that is asked.
        asked: with the constraints that it takes natively, and no others.
        options: of the backend.

    Raises:
        BackendUnsuitable: it cannot take the problem.
    """
    suits = applicability_of(solver, asked.apart(), options)
    if not suits.applicable:
        raise BackendUnsuitable(
            f"backend {solver.name!r} cannot take this problem: {suits.reason}",
            backend=solver.name,
            remedy=suits.remedy,
        )


def resolve_options(
    solver: Backend,
    options: Mapping[str, Any] | BackendOptions | None,
    *,
    seed: int | None = None,
    time_limit: float | None = None,
) -> BackendOptions:
    """The backend's options from names and values, with the shorthands merged in.

    Raises:
        BackendOptionError: unknown, out of range, given twice, or a shorthand that the backend
            does not take.
    """
    if isinstance(options, BackendOptions):
        if not isinstance(options, solver.Options):
            raise BackendOptionError(
                f"the options of backend {solver.name!r} are a {type(options).__name__}",
                backend=solver.name,
                remedy=f"give names and values, or a {solver.Options.__name__}",
            )
        if seed is not None or time_limit is not None:
            raise BackendOptionError(
                "a seed or time limit was given beside the backend's own options",
                backend=solver.name,
                remedy="put them into the options",
            )
        return _timely(solver, options)
    given = names_and_values(options)
    for name, value, taken in (
        ("seed", seed, solver.capabilities.takes_seed),
        ("time_limit", time_limit, solver.capabilities.takes_time_limit),
    ):
        if value is None:
            continue
        if name in given:
            raise BackendOptionError(
                f"the {name} of backend {solver.name!r} is given twice: {value}, and "
                f"{given[name]} among its options",
                backend=solver.name,
                remedy="give one of them",
            )
        if not taken:
            raise BackendOptionError(
                f"backend {solver.name!r} takes no {name}",
                backend=solver.name,
                remedy="leave it out; `secateur backends` shows what each backend takes",
            )
        given[name] = value
    with guarded(solver, "its options"):
        made = solver.make_options(given)
    if not isinstance(made, BackendOptions):
        raise BackendMisbehaved(
            f"backend {solver.name!r} ({origin(solver)}) made a {type(made).__name__} of its "
            "options",
            backend=solver.name,
            remedy=f"report it to {origin(solver)}: they must be a BackendOptions",
        )
    return _timely(solver, made)


def _timely(solver: Backend, options: BackendOptions) -> BackendOptions:
    """The options, if every duration among them is one that a clock can count.

    Raises:
        BackendOptionError: one is not finite, negative, or longer than ``LONGEST_SECONDS``.
    """
    for field in fields(options):
        unit, value = field.metadata.get("unit"), getattr(options, field.name)
        if unit not in _SECONDS or value is None:
            continue
        number = as_number(value)
        if number is None or not 0 <= number * _SECONDS[unit] <= LONGEST_SECONDS:
            raise BackendOptionError(
                f"option {field.name!r} of backend {solver.name!r} is {value!r} {unit}",
                backend=solver.name,
                remedy=f"give a number of at least 0 and at most {LONGEST_SECONDS:,.0f} s",
            )
    return options


def _call(
    solver: Backend, problem: Problem, options: BackendOptions, limit: float | None
) -> Solution:
    """Call the backend; under a time limit in a thread, so that a hang can be told."""
    if limit is None:
        return _guarded(solver, problem, options)
    outcome: list[Solution | BaseException] = []

    def work() -> None:
        try:
            outcome.append(_guarded(solver, problem, options))
        except BaseException as error:  # handed over to the caller's thread
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True, name=f"secateur-{solver.name}")
    thread.start()
    thread.join(2.0 * limit + GRACE)
    if not outcome:
        raise BackendFailed(
            f"backend {solver.name!r} hangs: its time limit of {limit:g} s passed long ago",
            backend=solver.name,
            remedy=mend_of(solver),
        )
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _guarded(solver: Backend, problem: Problem, options: BackendOptions) -> Solution:
    with guarded(solver):
        solution = solver.solve(problem, options)
        if isinstance(getattr(solution, "samples", None), dimod.SampleSet):
            solution.samples.resolve()  # samples that are still under way may fail on arrival
        return solution


def verify(solver: Backend, problem: Problem, solution: Solution) -> Solution:
    """The solution with our energies, if all that it claims is true.

    Equal reads become one, with their occurrences added up: looking at them costs what it costs to
    look at one. What a metered backend was paid for and breaks a demand is repaired, and marked.

    Raises:
        BackendMisbehaved: labels, values, energies, count, bound or status are not.
    """

    def lie(what: str) -> BackendMisbehaved:
        return BackendMisbehaved(
            f"backend {solver.name!r} ({origin(solver)}) {what}",
            backend=solver.name,
            remedy=mend_of(solver),
        )

    if not isinstance(solution, Solution) or not isinstance(solution.samples, dimod.SampleSet):
        raise lie(f"returned a {type(solution).__name__} and no Solution with a SampleSet")
    for field, value, wanted in untrue_fields(solution):
        raise lie(f"returned {field} = {value}, which is not {wanted}")
    solution = replace(solution, incumbents=checked_incumbents(problem, solution, lie))
    if not solution.versions:
        solution = replace(solution, versions=versions_of(solver))
    samples = solution.samples
    holds = solution.status in (Status.OPTIMAL, Status.FEASIBLE)
    if len(samples) == 0:
        if holds:
            raise lie(f"says {solution.status} and returned no sample")
        return solution
    every = _bits(problem, samples, lie)
    fields = {
        name: np.asarray(samples.record[name])
        for name in (samples.record.dtype.names or ())
        if name not in ("sample", "energy")
    }
    often = fields.get("num_occurrences")
    if often is not None and not are_counts(often):
        raise lie("returned numbers of occurrences that are no counts")
    first, which = distinct_rows(every, fields)
    bits = every[first]
    energies = problem.energies(bits)
    claimed = np.asarray(samples.record.energy, dtype=np.float64)
    wrong = ~(np.abs(claimed - energies[which]) <= TOLERANCE * problem.scale)  # True for NaN too
    if wrong.any():
        row = int(np.argmax(wrong))
        true = energies[which[row]]
        raise lie(f"claims the energy {claimed[row]:.9g} for a sample of {true:.9g}")
    broken = ~problem.feasible(bits)
    if broken.any():
        said = problem.broken(bits[int(np.argmax(broken))])[0]
        if not is_metered(solver):
            raise lie(f"returned {said}")
        return verify(solver, problem, mended(problem, solution, bits, said))
    _check_bound(solver, problem, solution, bits, energies, lie)
    rebuilt = dimod.SampleSet.from_samples(
        (bits, list(problem.variables)),
        vartype=dimod.BINARY,
        energy=energies,
        info=dict(samples.info),
        sort_labels=False,
        **gathered(fields, first, which),
    )
    return replace(solution, samples=rebuilt)


def _bits(problem: Problem, samples: dimod.SampleSet, lie: Any) -> Bits:
    labels = list(samples.variables)
    if len(labels) != problem.n or set(labels) != set(problem.variables):
        missing = [label for label in problem.variables if label not in set(labels)]
        extra = [label for label in labels if label not in problem.index]
        raise lie(
            f"returned {len(labels)} variables of {problem.n}"
            + (f", without {missing[0]!r}" if missing else "")
            + (f", with {extra[0]!r}, which the problem does not have" if extra else "")
        )
    values = np.asarray(samples.record.sample)
    if samples.vartype is not dimod.BINARY or not are_bits(values):
        raise lie("returned values other than 0 and 1")
    if labels != list(problem.variables):
        order = {label: k for k, label in enumerate(labels)}
        values = values[:, [order[label] for label in problem.variables]]
    return np.ascontiguousarray(values, dtype=np.int8)


def _check_bound(
    solver: Backend,
    problem: Problem,
    solution: Solution,
    bits: Bits,
    energies: NDArray[np.float64],
    lie: Any,
) -> None:
    """Bound and status against the rows, and against one descent from the best of them."""
    first = int(np.argmin(energies))
    best = float(energies[first])
    near = problem.tolerance(bits[first])
    proven = solution.status is Status.OPTIMAL
    if solution.bound is not None:
        if math.isnan(solution.bound):
            raise lie("returned a bound that is NaN")
        if solution.bound > best + near:
            raise lie(f"claims the bound {solution.bound:.9g} above its own sample's {best:.9g}")
    if proven:
        if not solver.capabilities.exact:
            raise lie("says optimal and does not declare itself exact")
        if solution.bound is None or best - solution.bound > near:
            raise lie(f"says optimal with the bound {solution.bound} below its best, {best:.9g}")
        if solution.stopped is not Stopped.COMPLETED:
            raise lie(f"says optimal and stopped early ({solution.stopped})")
    if solution.status is Status.INFEASIBLE:
        raise lie("says infeasible and returned samples")
    if proven or solution.bound is not None:
        from secateur.problem.moves import Moves

        descended = Moves(problem).descend(bits[first], most=DESCENT)
        lower = float(problem.energies(descended)[0])
        if proven and lower < best - near:
            raise lie(f"says optimal at {best:.9g}, and a descent from there finds {lower:.9g}")
        if solution.bound is not None and solution.bound > lower + near:
            raise lie(f"claims the bound {solution.bound:.9g}, and a descent finds {lower:.9g}")
