"""Reading an answer: verified first, believed afterwards.

D-Wave's client passes on whatever the service sent: other labels, values that are not binary,
energies of another problem. Labels, values and energies are checked here; what goes on are the
bits, and energies computed from them.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.backends import Solution, Status, Stopped, Timings
from secateur.backends.mending import repair_rows
from secateur.backends.mending import told as repair_told
from secateur.backends.metering import NOTES
from secateur.errors import BackendMisbehaved
from secateur.lazy import dimod
from secateur.limits import as_number
from secateur.problem import Problem
from secateur_backends.leap_cost import NATIVE, Estimate
from secateur_backends.leap_jobs import Job
from secateur_backends.leap_options import installed

logger = logging.getLogger("secateur.leap")

untyped: Any = dimod
"""dimod says that it is typed, and some of its functions are not."""

_TOLERANCE = 1e-5
"""Of the sum of all biases; the service may compute in single precision."""


@dataclass(frozen=True, eq=False)
class Read:
    """An answer that was read, or the error that says why it cannot be believed.

    Arguments:
        bits: rows in the order of ``Problem.variables``.
        occurrences: how often each row was seen.
        info: what the service said besides, JSON-safe.
        charge_s: seconds charged, if the service says so.
        solve_s: seconds that the solver worked.
        odd_charge: what the service says was charged, where that is no number.
        error: what is wrong with it.
    """

    bits: NDArray[np.int8]
    occurrences: NDArray[np.intp]
    info: Mapping[str, Any] = field(default_factory=dict)
    charge_s: float | None = None
    solve_s: float | None = None
    odd_charge: str | None = None
    error: BackendMisbehaved | None = None


def read_answer(
    samples: dimod.SampleSet, model: dimod.BinaryQuadraticModel
) -> tuple[NDArray[np.int8], str | None]:
    """The rows of an answer in the order of ``model.variables``, and what is wrong with them."""
    none = np.zeros((0, model.num_variables), np.int8)
    labels: list[Hashable] = list(samples.variables)
    if len(labels) != model.num_variables or set(labels) != set(model.variables):
        odd = sorted(map(str, set(labels) ^ set(model.variables)))[:3]
        return none, f"it is not over the variables that were sent (for instance {odd})"
    if not len(samples):
        return none, "it has no samples"
    if samples.vartype is dimod.SPIN:
        spins: Any = samples
        samples = spins.change_vartype(dimod.BINARY, inplace=False)
    position = {label: i for i, label in enumerate(labels)}
    rows = samples.record.sample[:, [position[v] for v in model.variables]]
    if not np.isin(rows, (0, 1)).all():
        return none, f"it has the value {rows[~np.isin(rows, (0, 1))][0]}, which is not 0 or 1"
    bits = rows.astype(np.int8)
    stated = np.asarray(samples.record.energy, dtype=np.float64)
    true = np.asarray(model.energies((bits, list(model.variables))), dtype=np.float64)
    vectors = model.to_numpy_vectors()
    scale = abs(float(model.offset)) + float(np.abs(vectors.linear_biases).sum())
    scale += float(np.abs(vectors.quadratic.biases).sum())
    wrong = ~(np.abs(stated - true) <= _TOLERANCE * scale + 1e-12)  # a NaN is wrong, too
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        return none, f"it states an energy of {stated[i]:.9g} where the truth is {true[i]:.9g}"
    return bits, None


def understood(
    samples: dimod.SampleSet, bits: NDArray[np.int8], wrong: str | None, job: Job
) -> Read:
    """Put an answer together with what the service charged for it."""
    info = json.loads(json.dumps(dict(samples.info), default=str))
    timing = info | (info.get("timing") or {})
    error = None
    if wrong is not None:
        error = BackendMisbehaved(
            f"backend {job.backend!r}: the answer of {job.solver} to job {job.job_id} is wrong: "
            f"{wrong}",
            backend=job.backend,
            remedy="run the same again to fetch it once more, at no charge; `resubmit=True` gives "
            "the job up and sends another one, which is charged",
        )
    charge = timing.get("qpu_access_time" if job.kind == "qpu" else "charge_time")
    solve = timing.get("qpu_sampling_time" if job.kind == "qpu" else "run_time")
    return Read(
        bits=bits,
        occurrences=np.asarray(samples.record.num_occurrences, np.intp)[: len(bits)],
        info=info,
        charge_s=_seconds(charge),
        odd_charge=None if charge is None or _seconds(charge) is not None else str(charge)[:60],
        solve_s=_seconds(solve),
        error=error,
    )


def _seconds(microseconds: Any) -> float | None:
    """Seconds; None where the service says nothing, or nothing that is a number of at least 0."""
    number = as_number(microseconds)
    return None if number is None or not 0 <= number < math.inf else number * 1e-6


def sample_set(
    problem: Problem, bits: np.ndarray, occurrences: np.ndarray | None = None
) -> dimod.SampleSet:
    """Rows of bits as a sample set, with energies computed here."""
    made: dimod.SampleSet = untyped.SampleSet.from_samples(
        (np.asarray(bits, np.int8), list(problem.variables)),
        vartype="BINARY",
        energy=problem.energies(bits) if len(bits) else np.zeros(0),
        num_occurrences=occurrences,
        sort_labels=False,  # the columns stay in the order of the problem's variables
    )
    return made


def solution(
    problem: Problem,
    job: Job,
    read: Read,
    began: float,
    *,
    stopped: Stopped,
    versions: Mapping[str, str],
    options: Mapping[str, Any],
    resumed: bool = False,
    replayed: bool = False,
    reused: bool = False,
    notes: Sequence[str] = (),
) -> Solution:
    """A verified answer as a solution; rows that break what was sent are repaired and marked."""
    notes = list(notes)
    expected = job.estimate.get("charge_s")
    charged = read.charge_s
    if read.odd_charge is not None:
        charged = expected
        instead = "nothing" if expected is None else f"the {expected:g} s that were expected"
        notes.append(
            f"the service says that job {job.job_id} was charged {read.odd_charge!r}, which is no "
            f"number of seconds: {instead} is told"
        )
    bits, often = read.bits, read.occurrences
    good = problem.feasible(bits) if job.kind in NATIVE else np.ones(len(bits), bool)
    mending: dict[str, Any] = {}
    if not good.all():
        said = problem.broken(bits[int(np.argmin(good))])[0]
        bits, source, moved = repair_rows(problem, bits)
        often = often[source]
        mending = repair_told([number for number in moved if number], said)
        told = mending.pop(NOTES)
        if not good.any():  # else what was asked for is there
            notes += told
            logger.info(told[0])
    if charged is not None and expected is not None and charged > 1.05 * expected + 0.01:
        logger.warning(
            "job %s was charged %.3g s, and %.3g s were expected", job.job_id, charged, expected
        )
    queue = None
    if {"submitted", "solved"} <= set(job.times):
        span = job.times["solved"] - job.times["submitted"]
        queue = max(0.0, span - (read.solve_s or 0.0))
    raw: dict[str, Any] = {
        "solver": job.solver,
        "kind": job.kind,
        "label": job.label,
        "params": dict(job.params),
        "estimate": dict(job.estimate),
        "info": read.info,
        "resumed": resumed,
        "replayed": replayed,
        "infeasible_rows": int((~good).sum()),
        "reused": reused,
        **mending,
    }
    if reused:
        notes.append(
            f"from the journal, job {job.job_id}, not charged (`again=true` pays for a new sample)"
        )
    raw[NOTES] = notes
    if replayed or reused:  # nothing was charged or waited for this time
        raw["recorded"] = {"access": charged, "queue": queue}
        charged, queue = 0.0, 0.0
    return Solution(
        samples=sample_set(problem, bits, often),
        status=Status.FEASIBLE if len(bits) else Status.NONE,
        stopped=stopped,
        timings=Timings(time.monotonic() - began, solve=read.solve_s, queue=queue, access=charged),
        versions=versions,
        options=options,
        job_id=job.job_id,
        raw=raw,
    )


def dry_solution(
    problem: Problem, options: Any, estimate: Estimate, began: float, packages: tuple[str, ...]
) -> Solution:
    """What a dry run gives: no sample, and what a job would be charged."""
    return Solution(
        samples=sample_set(problem, np.zeros((0, problem.n), np.int8)),
        status=Status.NONE,
        stopped=Stopped.BUDGET,
        timings=Timings(time.monotonic() - began, access=0.0),
        versions=installed(packages),
        options=options.public(),
        raw={"dry_run": True, "estimate": estimate.as_data(), "text": str(estimate)},
    )


def empty_solution(
    problem: Problem, options: Any, began: float, packages: tuple[str, ...]
) -> Solution:
    """No variables: there is one answer, and it costs nothing."""
    return Solution(
        samples=sample_set(problem, np.zeros((1, 0), np.int8)),
        status=Status.FEASIBLE,
        stopped=Stopped.COMPLETED,
        timings=Timings(time.monotonic() - began, access=0.0),
        versions=installed(packages),
        options=options.public(),
    )
