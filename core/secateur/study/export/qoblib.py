"""One row of a QOBLIB summary: every column, and where it comes from.

The columns are those of the Quantum Optimization Benchmarking Library's submissions (Koch et al.,
"Quantum Optimization Benchmark Library: The Intractable Decathlon", arXiv:2504.03832 (2025), and
its CONTRIBUTING.md). Runtimes are means over the runs, in seconds, without waiting at a service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean
from typing import Any, Literal

from secateur.problem import Problem
from secateur.study.cell import Instance, Study
from secateur.study.export.facts import (
    NOT_KNOWN,
    algorithm_type,
    on_qpu,
    paradigm,
    problem_facts,
    workflow,
)
from secateur.study.row import Row, State

Edition = Literal["2025", "2026"]
COLUMNS: Mapping[Edition, tuple[str, ...]] = {
    "2025": tuple(
        "Problem,Submitter,Date,Reference,Best Objective Value,Optimality Bound,Modeling Approach,"
        "# Decision Variables,# Binary Variables,# Integer Variables,# Continuous Variables,"
        "# Non-Zero Coefficients,Coefficients Type,Coefficients Range,Workflow,Algorithm Type,"
        "# Runs,# Feasible Runs,# Successful Runs,Success Threshold,Hardware Specifications,"
        "Total Runtime,CPU Runtime,GPU Runtime,QPU Runtime,Other HW Runtime,Remarks".split(",")
    ),
    "2026": tuple(
        "Problem,Submitter,Affiliation,Date,Reference,Best Objective Value,Optimality Bound,"
        "Modeling Approach,# Decision Variables,# Binary Variables,# Integer Variables,"
        "# Continuous Variables,# Non-Zero Coefficients,Coefficients Type,Coefficients Range,"
        "Workflow,Algorithm Type,Paradigm,# Runs,# Feasible Runs,# Successful Runs,"
        "Success Threshold,Hardware Specifications,Total Runtime,Time to Solution,CPU Runtime,"
        "GPU Runtime,QPU Runtime,Other HW Runtime,Remarks".split(",")
    ),
}
"""The headers, to the letter: as the library began, and as its checker asks since."""

ROUNDING = 1e-9
"""Two energies are one where they differ by no more, relative to the best."""


@dataclass(frozen=True)
class About:
    """What a submission says of itself.

    Arguments:
        study: whose file says submitter, reference, hardware and threshold.
        submitted: the day.
        affiliation: of the submitter; "" where nothing is said.
    """

    study: Study
    submitted: date
    affiliation: str = ""


def summary(
    about: About,
    instance: Instance,
    problem: Problem,
    rows: Sequence[Row],
    *,
    folder: str,
    lowest: float | None,
    solution: str = "",
) -> dict[str, str]:
    """One method on one instance, under all columns of every edition.

    - Submitter, Affiliation, Reference, Hardware Specifications: the study's file.
    - Best Objective Value: the lowest energy of the method's runs, recomputed by the library; minus
      that where the instance is to be maximised.
    - Optimality Bound: the best bound that the method's runs prove; N/A without one, or where
      another run is below it.
    - Modeling Approach, variables and coefficients: the problem with its demands.
    - Workflow: what ``secateur.solve`` does; Algorithm Type: the backend's ``Capabilities``.
    - # Runs: those that were begun; # Feasible Runs: those with a selection that keeps every
      demand; # Successful Runs: those within the Success Threshold of the method's own best.
    - Total Runtime: wall time; CPU Runtime: of the process and its children; QPU Runtime: access
      time of a quantum processor; Other HW Runtime: access time of another service; Time to
      Solution: when a run first had what it ended with.

    Arguments:
        about: the submission.
        instance: that was solved.
        problem: of it.
        rows: of the method, at least one that was begun.
        folder: the instance's name in the submission.
        lowest: energy that any method reached.
        solution: name of the method's solution file.
    """
    first = rows[0]
    facts = problem_facts(problem)
    sign = -1.0 if instance.sense == "maximise" else 1.0
    begun = [row for row in rows if row.state is not State.CANNOT]
    done = [row for row in begun if row.state is State.DONE and row.energy is not None]
    energies = [row.energy for row in done if row.energy is not None]
    best = min(energies) if energies else None
    bound, doubt = _bound(begun, lowest)
    room = 0.0 if best is None else max(about.study.threshold, ROUNDING) * abs(best)
    successes = sum(1 for energy in energies if best is not None and energy - best <= room)
    access = _mean(row.access for row in done)
    qpu = on_qpu(first.backend, first.metered)
    return {
        "Problem": folder,
        "Submitter": about.study.submitter,
        "Affiliation": about.affiliation or NOT_KNOWN,
        "Date": about.submitted.isoformat(),
        "Reference": about.study.reference,
        "Best Objective Value": _number(None if best is None else sign * best),
        "Optimality Bound": _number(None if bound is None else sign * bound),
        "Modeling Approach": facts.modelling,
        "# Decision Variables": str(facts.variables),
        "# Binary Variables": str(facts.variables),
        "# Integer Variables": "0",
        "# Continuous Variables": "0",
        "# Non-Zero Coefficients": NOT_KNOWN
        if facts.coefficients is None
        else str(facts.coefficients),
        "Coefficients Type": facts.kind,
        "Coefficients Range": facts.range,
        "Workflow": workflow(problem, first.backend, first.options),
        "Algorithm Type": algorithm_type(first.backend),
        "Paradigm": paradigm(first.backend, first.metered),
        "# Runs": str(len(begun)),
        "# Feasible Runs": str(len(done)),
        "# Successful Runs": str(successes),
        "Success Threshold": _number(about.study.threshold),
        "Hardware Specifications": about.study.hardware,
        "Total Runtime": _number(_mean(row.seconds for row in done)),
        "Time to Solution": _number(_mean(_reached(row) for row in done)),
        "CPU Runtime": _number(_mean(row.cpu for row in done)),
        "GPU Runtime": NOT_KNOWN,
        "QPU Runtime": _number(access if qpu else None),
        "Other HW Runtime": _number(None if qpu or not first.metered else access),
        "Remarks": _remarks(first, begun, doubt, solution),
    }


def _bound(rows: Iterable[Row], lowest: float | None) -> tuple[float | None, str]:
    """The best proven bound, and why there is none where a run is below it."""
    bounds = [row.bound for row in rows if row.bound is not None]
    if not bounds:
        return None, ""
    best = max(bounds)
    if lowest is None or best <= lowest:
        return best, ""
    if best - lowest <= ROUNDING * max(abs(best), abs(lowest)):
        return lowest, ""  # the rounding of a sum
    return None, f"a bound of {best!r} is left out: another run reached {lowest!r}"


def _reached(row: Row) -> float | None:
    """When a run had the energy that it ended with; not told of one that waited at a service."""
    return row.incumbents[-1][0] if row.incumbents and not row.queue else None


def _mean(values: Iterable[float | None]) -> float | None:
    """Of all runs, or none where a run does not tell."""
    found = list(values)
    known = [value for value in found if value is not None]
    return fmean(known) if known and len(known) == len(found) else None


def _number(value: float | None) -> str:
    return NOT_KNOWN if value is None else repr(float(value) + 0.0)  # no minus zero


def _remarks(first: Row, begun: Sequence[Row], doubt: str, solution: str) -> str:
    told: list[Any] = [f"method {first.method}"]
    if solution:
        told.append(f"solution in {solution}")
    told.append("runtimes are means over the feasible runs, without queueing")
    if first.time_limit is not None:
        told.append(f"time limit of a run {first.time_limit:g} s")
    seeds = sorted({row.seed for row in begun})
    told.append(f"seeds {', '.join(map(str, seeds))}")
    told.append(
        f"options chosen by {first.tuned} trials" if first.tuned else "options were not tuned"
    )
    failed = [row for row in begun if row.state is State.FAILED]
    if failed:
        told.append(f"{len(failed)} runs failed: {failed[0].reason.splitlines()[0]}")
    told.append("a run is successful within the threshold of the best energy of this method")
    if doubt:
        told.append(doubt)
    return "; ".join(told)
