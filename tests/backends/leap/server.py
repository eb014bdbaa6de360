"""A stand-in for the Leap service (SAPI), on the loopback, over real HTTP, in the standard library.

It lists solvers, takes multipart uploads, solves BQMs, CQMs and QPU problems for real, answers
polls, and cancels. Every step can be made to fail, and it keeps the books: which jobs were accepted
and what each was charged.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import time
import uuid
import zlib
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dimod
import numpy as np

TOKEN = "LOOP-0123456789abcdef0123456789abcdef01234567"
STEPS = (
    "list",
    "upload",
    "upload-status",
    "part",
    "combine",
    "submit",
    "find",
    "poll",
    "answer",
    "answer-data",
    "cancel",
)
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


@dataclass
class Fault:
    """What goes wrong at one request.

    Arguments:
        status: answer with this code instead of doing what was asked.
        message: with this text.
        drop: close the connection: "before" or "after" doing what was asked.
        hold: wait for this event first; the request is then done as usual.
        junk: answer with these bytes, of the right media type, after doing what was asked.
        redirect: send the client on to this address, as 307, which keeps method and body.
    """

    status: int | None = None
    message: str = "out of order"
    drop: str | None = None
    hold: threading.Event | None = None
    hold_after: threading.Event | None = None
    junk: bytes | None = None
    redirect: str | None = None


@dataclass
class Job:
    id: str
    type: str
    solver: dict[str, Any]
    label: str | None
    params: dict[str, Any]
    data: Any
    status: str = "PENDING"
    answer: dict[str, Any] | None = None
    error: str | None = None
    submitted: float = field(default_factory=time.time)
    solved: float | None = None
    charge_s: float = 0.0


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
        waits: seconds that a job really waits before it is begun; where there are some, when it was
            solved is told as if it had run as long as it says.
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
        self.waits = 0.0
        self.hidden: set[str] = set()
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.problems: dict[str, bytes] = {}
        self.states: dict[str, bytes] = {}
        self.lock = threading.RLock()
        self._qpu: dict[str, Any] | None = None
        handler = type("Handler", (_Handler,), {"leap": self})
        self._http = _Server(("127.0.0.1", 0), handler)
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
            if time.time() < job.submitted + self.waits:
                return
            job.solved = time.time() + self.queue_s
            if self.ending == "COMPLETED":
                job.answer = self.tamper(_solve(self, job))
                if self.waits:
                    job.solved = job.submitted + self.waits + _run_time(job)
            elif self.ending == "FAILED":
                job.error = self.error_message
            job.status = self.ending
            if job.status == "COMPLETED":
                job.charge_s = _charge(job)

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    leap: LeapServer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "deflate":
            body = zlib.decompress(body)
        url = urlsplit(self.path)
        parts = [p for p in url.path.removeprefix("/sapi/v2").split("/") if p]
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        step, act, media = self._route(parts, query, body)
        leap = self.leap
        with leap.lock:
            leap.steps.append(step)
            leap.bodies.append(body)
            queue = leap.faults[step]
            fault = queue.popleft() if queue else leap.always.get(step, Fault())
        if fault.hold is not None:
            fault.hold.wait(60)
        if fault.drop == "before":
            self._drop()
        elif self.headers.get("X-Auth-Token") != leap.token:
            self._send(401, b"Invalid token or access denied", "text/plain")
        elif fault.redirect is not None:
            self.send_response(307)
            self.send_header("Location", fault.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif fault.status is not None:
            said = {"error_code": fault.status, "error_msg": fault.message}
            self._send(fault.status, json.dumps(said).encode(), "application/json")
        else:
            status, result = act()
            if fault.hold_after is not None:
                fault.hold_after.wait(60)
            if fault.drop == "after":
                self._drop()
            else:
                raw = isinstance(result, bytes)
                data = result if raw else json.dumps(result).encode()
                data = data if fault.junk is None else fault.junk
                kind = "application/octet-stream" if raw else "application/json"
                if media:
                    kind = f"application/vnd.dwave.sapi.{media}+json; version=3.0.0"
                self._send(status, data, kind)

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _send(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _route(
        self, parts: list[str], query: dict[str, str], body: bytes
    ) -> tuple[str, Callable[[], tuple[int, Any]], str]:
        leap = self.leap
        match [self.command, *parts]:
            case ["GET", "solvers", "remote"]:
                return "list", lambda: (200, leap.solvers()), "solver-definition-list"
            case ["GET", "solvers", "remote", name]:
                return "list", lambda: self._solver(name), "solver-definition"
            case ["POST", "bqm", "multipart"]:
                return "upload", self._upload, ""
            case ["GET", "bqm", "multipart", data, "status"]:
                return "upload-status", lambda: self._upload_status(data), ""
            case ["PUT", "bqm", "multipart", data, "part", number]:
                return "part", lambda: self._part(data, int(number), body), ""
            case ["POST", "bqm", "multipart", data, "combine"]:
                return "combine", lambda: self._combine(data, json.loads(body)["checksum"]), ""
            case ["POST", "problems"]:
                return (
                    "submit",
                    lambda: (200, [leap.accept(i) for i in json.loads(body)]),
                    "problems",
                )
            case ["GET", "problems"] if "label" in query:
                found = [j for j in leap.accepted if j.label == query["label"]]
                return "find", lambda: (200, [leap.describe(j) for j in found]), "problems"
            case ["GET", "problems"]:
                return "poll", lambda: self._poll(query), "problems"
            case ["GET", "problems", job_id]:
                return "answer", lambda: self._answer(job_id), "problem"
            case ["GET", "problems", job_id, "answer", "data"]:
                return "answer-data", lambda: (200, leap.states[job_id]), ""
            case ["DELETE", "problems"]:
                return "cancel", lambda: self._cancel(json.loads(body)), "problems"
        return "unknown", lambda: (404, {"error_code": 404, "error_msg": "no such path"}), ""

    def _solver(self, name: str) -> tuple[int, Any]:
        for solver in self.leap.solvers():
            identity = solver["identity"]
            if name.split(";")[0] == identity["name"]:
                return 200, solver
        return 404, {"error_code": 404, "error_msg": f"no solver {name}"}

    def _upload(self) -> tuple[int, Any]:
        data = str(uuid.uuid4())
        self.leap.uploads[data] = {}
        return 200, {"id": data}

    def _upload_status(self, data: str) -> tuple[int, Any]:
        parts = [
            {"part_number": number, "checksum": hashlib.md5(part).hexdigest()}
            for number, part in sorted(self.leap.uploads[data].items())
        ]
        return 200, {"status": "UPLOAD_IN_PROGRESS", "parts": parts}

    def _part(self, data: str, number: int, body: bytes) -> tuple[int, Any]:
        stated = base64.b64decode(self.headers["Content-MD5"])
        if hashlib.md5(body).digest() != stated:
            return 400, {"error_code": 400, "error_msg": "checksum"}
        self.leap.uploads[data][number] = body
        return 200, {}

    def _combine(self, data: str, checksum: str) -> tuple[int, Any]:
        parts = [part for _, part in sorted(self.leap.uploads[data].items())]
        digests = b"".join(hashlib.md5(part).digest() for part in parts)
        if hashlib.md5(digests).hexdigest() != checksum:
            return 400, {"error_code": 400, "error_msg": "checksum"}
        self.leap.problems[data] = b"".join(parts)
        return 200, {}

    def _poll(self, query: dict[str, str]) -> tuple[int, Any]:
        jobs = [j for j in map(self.leap.job, query["id"].split(",")) if j is not None]
        if "timeout" in query:
            self.leap.release.wait(float(query["timeout"]))
        for job in jobs:
            self.leap.finish(job)
        if not jobs:
            return 404, {"error_code": 404, "error_msg": "no such problem"}
        return 200, [self.leap.describe(j) for j in jobs]

    def _answer(self, job_id: str) -> tuple[int, Any]:
        job = self.leap.job(job_id)
        if job is None:
            return 404, {"error_code": 404, "error_msg": "no such problem"}
        self.leap.finish(job)
        return 200, self.leap.describe(job, answer=True)

    def _cancel(self, ids: list[str]) -> tuple[int, Any]:
        jobs = [j for j in map(self.leap.job, ids) if j is not None]
        for job in jobs:
            if job.status == "PENDING":
                job.status, job.solved = "CANCELLED", time.time()
        return 200, [self.leap.describe(j) for j in jobs]


# --- solving


def _run_time(job: Job) -> float:
    return 0.9 * float(job.params["time_limit"])


def _charge(job: Job) -> float:
    if job.type in ("bqm", "cqm", "nl"):
        return float(job.params["time_limit"])
    return float(job.answer["timing"]["qpu_access_time"]) * 1e-6 if job.answer else 0.0


def _solve(leap: LeapServer, job: Job) -> dict[str, Any]:
    if job.type in ("bqm", "cqm"):
        data = io.BytesIO(leap.problems[job.data["data"]])
        micro = 1e6 * job.params["time_limit"]
        info = {"run_time": 0.9 * micro, "charge_time": micro, "qpu_access_time": 21_000.0}
        if job.type == "bqm":
            bqm = dimod.BinaryQuadraticModel.from_file(data)
            found = _best(bqm, lambda z: np.ones(len(z), bool))
        else:
            cqm = dimod.ConstrainedQuadraticModel.from_file(data)
            bqm = dimod.BinaryQuadraticModel(
                cqm.objective.linear, cqm.objective.quadratic, cqm.objective.offset, "BINARY"
            )
            found = _best(bqm, lambda z: _satisfied(cqm, list(bqm.variables), z))
            found = dimod.SampleSet.from_samples_cqm(
                (found.record.sample, list(found.variables)), cqm
            )
        found.info.update(info)
        return {"format": "bq", "data": found.to_serializable()}
    if job.type == "nl":
        return _solve_nl(leap, job)
    return _solve_qpu(leap, job)


def _solve_nl(leap: LeapServer, job: Job) -> dict[str, Any]:
    """Asks the uploaded model for its objective and constraints, whatever it is made of.

    The objective is taken to be quadratic, so its values at one and two ones tell all others.
    """
    from dwave.optimization import Model

    model = Model.from_file(io.BytesIO(leap.problems[job.data["data"]]))
    (x,) = model.iter_decisions()
    n = x.size()
    with model.lock():
        model.states.resize(1)

        def at(z: Any) -> tuple[float, bool]:
            x.set_state(0, z)
            kept = all(bool(c.state(0)) for c in model.iter_constraints())
            return float(model.objective.state(0)), kept

        eye = np.eye(n)
        offset = at(np.zeros(n))[0]
        linear = [at(one)[0] - offset for one in eye]
        bqm = dimod.BinaryQuadraticModel("BINARY")
        bqm.offset = offset
        for i in range(n):
            bqm.add_linear(i, linear[i])
        for i in range(n):
            for j in range(i):
                both = at(eye[i] + eye[j])[0] - linear[i] - linear[j] - offset
                if abs(both) > 1e-12:
                    bqm.add_quadratic(i, j, both)
        ranked = _best(bqm, lambda z: np.ones(len(z), bool), rows=4000).record.sample
        kept = [row for row in ranked if at(row)[1]][:3] or [ranked[0]]
        model.states.resize(len(kept))
        for i, row in enumerate(kept):
            x.set_state(i, row)
        with model.states.to_file() as file:
            leap.states[job.id] = file.read()
    micro = 1e6 * job.params["time_limit"]
    return {
        "format": "binary-ref",
        "auth_method": "sapi-token",
        "url": f"{leap.endpoint}problems/{job.id}/answer/data",
        "timing": {"run_time": 0.9 * micro, "charge_time": micro, "qpu_access_time": 0.0},
        "shape": {},
    }


def _best(
    bqm: dimod.BinaryQuadraticModel, allowed: Callable[[np.ndarray], np.ndarray], rows: int = 3
) -> dimod.SampleSet:
    """The best rows by enumeration; beyond 18 variables, by a local search."""
    n, order = bqm.num_variables, list(bqm.variables)
    if n <= 18:
        z = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.int8)
    else:
        rng = np.random.default_rng(0)
        z = (rng.random((4000, n)) < rng.random((4000, 1))).astype(np.int8)
    z = z[allowed(z)]
    if not len(z):
        z = np.zeros((1, n), np.int8)
    energies = bqm.energies((z, order))
    first = np.argsort(energies, kind="stable")[:rows]
    return dimod.SampleSet.from_samples((z[first], order), "BINARY", energy=energies[first])


def _satisfied(cqm: dimod.ConstrainedQuadraticModel, order: list[Any], z: np.ndarray) -> np.ndarray:
    good = np.ones(len(z), bool)
    for constraint in cqm.constraints.values():
        columns = [order.index(v) for v in constraint.lhs.variables]
        biases = np.array([constraint.lhs.get_linear(v) for v in constraint.lhs.variables])
        value = z[:, columns] @ biases
        sense = constraint.sense.value
        good &= (value == constraint.rhs) if sense == "==" else (value <= constraint.rhs)
    return good


def _solve_qpu(leap: LeapServer, job: Job) -> dict[str, Any]:
    properties = next(s for s in leap.solvers() if "graph_id" in str(s["identity"]))["properties"]
    qubits, couplers = properties["qubits"], properties["couplers"]
    lin = np.frombuffer(base64.b64decode(job.data["lin"]), "<f8")
    quad = np.frombuffer(base64.b64decode(job.data["quad"]), "<f8")
    active = [q for q, bias in zip(qubits, lin, strict=True) if not np.isnan(bias)]
    inside = [(u, v) for u, v in couplers if u in set(active) and v in set(active)]
    model = dimod.BinaryQuadraticModel(
        {q: float(b) for q, b in zip(qubits, lin, strict=True) if not np.isnan(b)},
        {(u, v): float(b) for (u, v), b in zip(inside, quad, strict=True)},
        0.0,
        "BINARY" if job.type == "qubo" else "SPIN",
    )
    reads = job.params.get("num_reads", 1)
    rows, energies = _reads(model.change_vartype("BINARY", inplace=False), active, min(reads, 3))
    often = [reads - len(rows) + 1] + [1] * (len(rows) - 1)
    if job.params.get("answer_mode") == "raw":
        rows, energies = np.repeat(rows, often, axis=0), np.repeat(energies, often)
        often = [1] * reads
    packed = np.packbits(rows.astype(np.uint8), axis=1)
    access = 15_000.0 + 100.0 * reads

    def b64(array: Any, kind: str) -> str:
        return base64.b64encode(np.asarray(array, kind).tobytes()).decode()

    return {
        "format": "qp",
        "num_variables": max(qubits) + 1,
        "active_variables": b64(active, "<i4"),
        "energies": b64(energies, "<f8"),
        "num_occurrences": b64(often, "<i4"),
        "solutions": b64(packed, "u1"),
        "timing": {"qpu_access_time": access, "qpu_sampling_time": 100.0 * reads},
    }


def _reads(
    model: dimod.BinaryQuadraticModel, active: list[int], number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Some low rows of each connected part by itself, so that no row is the best of all parts."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(active)
    graph.add_edges_from(pair for pair, bias in model.quadratic.items() if bias)
    rows = np.zeros((number, len(active)), np.int8)
    for turn, part in enumerate(sorted(nx.connected_components(graph), key=min)):
        own = dimod.BinaryQuadraticModel(
            {q: model.linear[q] for q in sorted(part)},
            {(u, v): b for (u, v), b in model.quadratic.items() if {u, v} <= part},
            "BINARY",
        )
        found = _best(own, lambda z: np.ones(len(z), bool), rows=number)
        low = np.resize(found.record.sample, (number, len(part)))
        rows[:, [active.index(q) for q in found.variables]] = np.roll(low, turn, axis=0)
    return rows, np.asarray(model.energies((rows, active)))


def _iso(seconds: float) -> str:
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06d}Z"
    )
