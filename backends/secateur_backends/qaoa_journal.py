"""The jobs of one circuit on one device, on the disk, and what they were charged.

A search over angles is many jobs. Their keys begin with the same letters, those of the run, so that
all of them are found together: what a killed run has paid for counts against the budget of the one
that goes on with it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.problem import Problem
from secateur_backends.leap_jobs import Job, Journal, State, job_key
from secateur_backends.qaoa_ansatz import Ansatz, Floats

_RUN = 20
"""Letters of a key that are the run's: as many as the journal's file names begin with."""
NOT_CHARGED = (State.UPLOADING, State.REFUSED, State.ABANDONED)


def default_folder() -> Path:
    """The journal's folder: ``$XDG_STATE_HOME/secateur/ibm``."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "secateur" / "ibm"


def run_key(problem: Problem, ansatz: Ansatz, device: str, shots: int) -> str:
    """The sha256 of all that determines the jobs of a run but the angles."""
    return job_key(
        problem,
        kind="circuit",
        device=device,
        shots=shots,
        reps=ansatz.reps,
        mixer=ansatz.mixer,
        pairs=[list(pair) for pair in ansatz.pairs],
        theta=[float(angle).hex() for angle in ansatz.theta],
        basis=None if ansatz.basis is None else ansatz.basis.tolist(),
    )


def angles_key(run: str, angles: Floats) -> str:
    """The key of the job at these angles."""
    data = np.ascontiguousarray(angles, dtype="<f8").tobytes()
    return run[:_RUN] + hashlib.sha256(run.encode() + data).hexdigest()[_RUN:]


def tag_of(job: Job) -> str:
    """What the service is told to call the job, so that it is found without its id.

    IBM's tags have at most 24 characters, fewer than a label.
    """
    return f"secateur-{job.key[_RUN : _RUN + 6]}-{job.label[-8:]}"


class Runs(Journal):
    """A journal whose jobs belong to runs."""

    def of_run(self, run: str, search: str = "") -> list[Job]:
        """All jobs of a run, and of the search that it is a call of, the oldest first."""
        paths = set(self.folder.glob(f"{run[:_RUN]}-*.json"))
        if search:
            paths |= set(self.folder.glob(f"*.{search[:_RUN]}.json"))
        found = [self.read(path) for path in paths]
        return sorted(found, key=lambda job: job.created)

    def spent(self, search: str) -> float | None:
        """Seconds that all jobs of a search were charged; while not known, what was expected."""
        paths = self.folder.glob(f"*.{search[:_RUN]}.json")
        jobs = [job for job in map(self.read, paths) if job.search == search]
        return float(sum(map(charge_of, jobs)))


class Ledger:
    """What was charged, each job once, over all calls of a backend and the runs they went on with.

    Arguments:
        jobs: label to seconds.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, float] = {}

    @property
    def spent(self) -> float:
        """Seconds in all."""
        return sum(self.jobs.values())

    def count(self, job: Job) -> None:
        """Put down what a job was charged; while that is not known, what was expected."""
        self.jobs[job.label] = charge_of(job)


def charge_of(job: Job) -> float:
    """Seconds that a job was charged, or is expected to be; what a session pays for is nothing."""
    if job.state in NOT_CHARGED or (job.kind == "circuit" and job.extra.get("session")):
        return 0.0
    charged = job.extra.get("charged_s")
    return float(job.estimate.get("charge_s") or 0.0) if charged is None else float(charged)


def packed(bits: NDArray[np.int8], counts: NDArray[np.int64]) -> dict[str, Any]:
    """A measurement as data: the distinct vectors, variable 0 first, and their counts."""
    return {
        "bits": ["".join(map(str, row)) for row in bits.tolist()],
        "counts": [int(count) for count in counts],
    }


def unpacked(
    answer: Mapping[str, Any] | None, n: int, lost: Callable[[], Exception]
) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """A measurement from the journal.

    Arguments:
        answer: as ``packed`` gave it.
        n: variables.
        lost: makes the error for one that cannot be read.
    """
    try:
        rows = [[int(letter) for letter in row] for row in (answer or {})["bits"]]
        bits = np.array(rows, dtype=np.int8).reshape(-1, n)
        counts = np.array((answer or {})["counts"], dtype=np.int64)
        good = len(bits) == len(counts) > 0 and counts.min() > 0 and set(np.unique(bits)) <= {0, 1}
    except (KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise lost()
    return bits, counts


def charge_in(metrics: Any) -> float | None:
    """Seconds charged, from a job's metrics; None while they are not final."""
    usage = (metrics or {}).get("usage") or {}
    if usage.get("status", "pending") == "pending":
        return None
    for name in ("qpu_charge_time_seconds", "quantum_seconds", "seconds"):
        if usage.get(name) is not None:
            return float(usage[name])
    return None


def queue_in(metrics: Any) -> float | None:
    """Seconds in the queue, from a job's metrics."""
    times = (metrics or {}).get("timestamps") or {}
    if not times.get("created") or not times.get("running"):
        return None
    try:
        created, running = (
            datetime.fromisoformat(str(times[name]).replace("Z", "+00:00"))
            for name in ("created", "running")
        )
        return max(0.0, (running - created).total_seconds())
    except (ValueError, TypeError):
        return None
