"""Reading an answer: verified first, believed afterwards.

D-Wave's client passes on whatever the service sent: other labels, values that are not binary,
energies of another problem. Labels, values and energies are checked here; what goes on are the
bits, and energies computed from them.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.backends import Solution, Status, Stopped, Timings
from secateur.errors import BackendMisbehaved
from secateur.lazy import dimod
from secateur.problem import Problem
from secateur_backends.leap_jobs import Job

logger = logging.getLogger(__name__)

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
        error: what is wrong with it.
    """

    bits: NDArray[np.int8]
    occurrences: NDArray[np.intp]
    info: Mapping[str, Any] = field(default_factory=dict)
    charge_s: float | None = None
    solve_s: float | None = None
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
        solve_s=_seconds(solve),
        error=error,
    )


def _seconds(microseconds: Any) -> float | None:
    return None if microseconds is None else float(microseconds) * 1e-6


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
) -> Solution:
    """A verified answer as a solution; only feasible rows where the constraints were sent."""
    good = (
        problem.feasible(read.bits) if job.kind in ("cqm", "nl") else np.ones(len(read.bits), bool)
    )
    bits = read.bits[good]
    charged = read.charge_s
    expected = job.estimate.get("charge_s")
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
    }
    if replayed:  # nothing was charged or waited for this time
        raw["recorded"] = {"access": charged, "queue": queue}
        charged, queue = 0.0, 0.0
    return Solution(
        samples=sample_set(problem, bits, read.occurrences[good]),
        status=Status.FEASIBLE if len(bits) else Status.NONE,
        stopped=stopped,
        timings=Timings(time.monotonic() - began, solve=read.solve_s, queue=queue, access=charged),
        versions=versions,
        options=options,
        job_id=job.job_id,
        raw=raw,
    )
