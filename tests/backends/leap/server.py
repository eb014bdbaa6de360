"""A stand-in for the Leap service (SAPI), on the loopback, over real HTTP, in the standard library.

It lists solvers, takes multipart uploads, solves BQMs, CQMs and QPU problems for real, answers
polls, and cancels. Every step can be made to fail, and it keeps the books: which jobs were accepted
and what each was charged.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from .books import STEPS, Fault, Job
from .protocol import Handler, Server
from .solvers import charge, solve

__all__ = ["STEPS", "TOKEN", "Fault", "Job", "LeapServer"]

TOKEN = "LOOP-0123456789abcdef0123456789abcdef01234567"
PARAMETERS = (
    "anneal_offsets",
    "anneal_schedule",
    "annealing_time",
    "answer_mode",
    "auto_scale",
    "flux_biases",
    "initial_state",
    "label",
    "num_reads",
    "num_spin_reversal_transforms",
    "programming_thermalization",
    "reinitialize_state",
)
QUBITS = {"type": "chimera", "shape": [3, 3, 4]}


class LeapServer:
    """The service; a context manager.

    Attributes:
        faults: step to the faults of its next requests, in order.
        always: step to a fault of all its requests.
        accepted: jobs in the order they were accepted: what a customer pays for.
        steps: the steps of all requests, in order.
        ending: how jobs end: "COMPLETED", "FAILED", "CANCELLED".
        release: jobs stay pending until this is set; it is set unless a test clears it.
        tamper: changes an answer before it is sent.
        minimum: the minimum time limit of the hybrid solvers in seconds.
    """

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.accepted: list[Job] = []
        self.steps: list[str] = []
        self.bodies: list[bytes] = []
        self.ending = "COMPLETED"
        self.error_message = "the solver gave up"
        self.release = threading.Event()
        self.release.set()
        self.tamper: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer
        self.minimum = 3.0
        self.queue_s = 0.25
        self.hidden: set[str] = set()
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.problems: dict[str, bytes] = {}
        self.states: dict[str, bytes] = {}
        self.lock = threading.RLock()
        self._qpu: dict[str, Any] | None = None
        handler = type("Handler", (Handler,), {"leap": self})
        self._http = Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> LeapServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/sapi/v2/"

    @property
    def charged(self) -> float:
        """Seconds on the bill."""
        return sum(job.charge_s for job in self.accepted)

    def count(self, step: str) -> int:
        return self.steps.count(step)

    def job(self, job_id: str) -> Job | None:
        return next((j for j in self.accepted if j.id == job_id), None)

    # --- what the service does

    def solvers(self) -> list[dict[str, Any]]:
        """Four solvers; those named in ``hidden`` are gone."""
        from dwave.cloud.testing import mocks

        if self._qpu is None:
            self._qpu = mocks.qpu_chimera_solver_data(
                *QUBITS["shape"],
                problem_timing_data=mocks.qpu_problem_timing_data(),
                parameters=dict.fromkeys(PARAMETERS, ""),
                max_anneal_schedule_points=4,
                default_annealing_time=20.0,
                anneal_offset_ranges=[[-0.5, 0.5]] * 72,
            )
        found = [
            mocks.hybrid_bqm_solver_data(
                name="hybrid_bqm_test",
                minimum_time_limit=[[1, self.minimum], [1024, 2 * self.minimum]],
                maximum_number_of_variables=100,
            ),
            mocks.hybrid_cqm_solver_data(name="hybrid_cqm_test", minimum_time_limit_s=self.minimum),
            mocks.hybrid_nl_solver_data(name="hybrid_nl_test", min_time_limit=self.minimum),
            self._qpu,
        ]
        return [s for s in found if s["identity"]["name"] not in self.hidden]

    def accept(self, item: dict[str, Any]) -> dict[str, Any]:
        job = Job(
            id=str(uuid.uuid4()),
            type=item["type"],
            solver=item["solver"],
            label=item.get("label"),
            params=item["params"],
            data=item["data"],
        )
        with self.lock:
            self.accepted.append(job)
        return self.describe(job)

    def finish(self, job: Job) -> None:
        """Do the work, unless the job is held back or over."""
        with self.lock:
            if job.status != "PENDING" or not self.release.is_set():
                return
            job.solved = time.time() + self.queue_s
            if self.ending == "COMPLETED":
                job.answer = self.tamper(solve(self, job))
            elif self.ending == "FAILED":
                job.error = self.error_message
            job.status = self.ending
            if job.status == "COMPLETED":
                job.charge_s = charge(job)

    def describe(self, job: Job, answer: bool = False) -> dict[str, Any]:
        about: dict[str, Any] = {
            "id": job.id,
            "type": job.type,
            "solver": job.solver,
            "label": job.label,
            "status": job.status,
            "submitted_on": _iso(job.submitted),
        }
        if job.solved is not None:
            about["solved_on"] = _iso(job.solved)
        if job.error is not None:
            about["error_message"] = job.error
        if answer and job.answer is not None:
            about["answer"] = job.answer
        return about


def _iso(seconds: float) -> str:
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06d}Z"
    )
