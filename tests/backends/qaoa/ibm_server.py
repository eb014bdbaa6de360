"""IBM's quantum service on the loopback: real HTTP for the real client, and a count of charges.

A circuit that arrives is decoded by IBM's own schemas and simulated without noise. Everything about
time and money (usage, queues, sessions, faults) is set by the test.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlparse

import numpy as np

TOKEN = "secret-token-that-must-stay-home"
CRN = "crn:v1:bluemix:public:quantum-computing:us-east:a/0a1b2c3d4e5f:instance-5e6f7a8b::"
DEVICE = "ibm_loop"
QUBITS = 5


@dataclass
class Sent:
    """A job as the service has it."""

    id: str
    params: dict[str, Any]
    tags: list[str]
    session: str | None
    cap: int | None
    state: str = "Queued"
    error: str = ""
    usage: float = 2.0


@dataclass
class IBM:
    """The service.

    Attributes:
        usage: seconds that each job is charged.
        hold: jobs stay in the queue while it is set.
        fail_job: ends the job of this number (0 is the first) as failed or cancelled.
        fault: method and path to a status that is answered instead, or None.
        after: called when a request was obeyed; a status that it gives is answered instead.
        error: what a fault says.
        mangle: results are cut short.
        max_shots: of the device.
        pending: so many times more a job's usage is not known yet.
    """

    usage: float = 2.0
    hold: bool = False
    fail_job: dict[int, str] = field(default_factory=dict)
    fault: Callable[[str, str], int | None] = lambda method, path: None
    after: Callable[[str, str], int | None] = lambda method, path: None
    pending: int = 0
    error: str = "a fault"
    mangle: bool = False
    max_shots: int = 100_000
    jobs: dict[str, Sent] = field(default_factory=dict)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    session_usage: float = 30.0
    _number: int = 0

    def start(self) -> str:
        """The address of the service, once it listens."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65_536  # head and body in one packet: no waiting for its acknowledgement

            def log_message(self, *_: Any) -> None:
                pass

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if self.headers.get("Content-Encoding") == "deflate":
                    body = zlib.decompress(body)
                status, answer = service.answer(self.command, self.path, body)
                data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def environment(self, address: str) -> dict[str, str]:
        """What points the client here."""
        return {
            "QISKIT_IBM_TOKEN": TOKEN,
            "QISKIT_IBM_URL": f"{address}/experimental",
            "QISKIT_IBM_INSTANCE": CRN,
            "QISKIT_IBM_CHANNEL": "ibm_quantum_platform",
            "IAM_URL": f"{address}/iam",
            "QISKIT_FUNCTIONS_EXPERIMENTAL": "1",
            "NO_PROXY": "127.0.0.1",
            "USAGE_DATA_OPT_OUT": "True",  # else the client walks the whole stack at each request
        }

    def sent(self, method: str, path: str) -> int:
        """How many requests of this kind came."""
        return self.requests.count((method, path))

    @property
    def charged(self) -> float:
        """Seconds charged for all jobs that ended well."""
        return sum(job.usage for job in self.jobs.values() if job.state == "Completed")

    def answer(self, method: str, address: str, body: bytes) -> tuple[int, Any]:
        """The status and the answer to a request."""
        parsed = urlparse(address)
        path = parsed.path.removeprefix("/experimental")
        self.requests.append((method, path))
        status = self.fault(method, path)
        if status is not None:
            return status, {"errors": [{"message": self.error, "code": 1234}]}
        try:
            found = self._route(method, path, parse_qs(parsed.query), body)
        except KeyError:
            return 404, {"errors": [{"message": "not found", "code": 1291}]}
        status = self.after(method, path)
        if status is not None:
            return status, {"errors": [{"message": self.error, "code": 1234}]}
        return 200, found

    def _route(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> Any:
        words = path.strip("/").split("/")
        match words:
            case ["iam", "identity", "token"]:
                return _iam()
            case ["backends"]:
                return {"devices": [{"name": DEVICE}]}
            case ["backends", name, what]:
                if name != DEVICE:
                    raise KeyError(name)
                found = _backend(what)
                return found | {"max_shots": self.max_shots} if what == "configuration" else found
            case ["instances", "usage"]:
                return {}
            case ["jobs"] if method == "POST":
                return self._submit(json.loads(body))
            case ["jobs"]:
                tags = query.get("tags", [])
                found = [j for j in self.jobs.values() if set(tags) <= set(j.tags)]
                return {"jobs": [self._about(job) for job in found], "count": len(found)}
            case ["jobs", name]:
                return self._about(self.jobs[name])
            case ["jobs", name, "results"]:
                found = _result(self.jobs[name].params)
                return found[: len(found) // 2] if self.mangle else found
            case ["jobs", name, "metrics"]:
                job = self.jobs[name]
                usage = {"qpu_charge_time_seconds": job.usage, "quantum_seconds": job.usage}
                self.pending -= 1
                usage |= {"status": "done" if self.pending < 0 else "pending"}
                if self.pending >= 0:
                    usage |= {"qpu_charge_time_seconds": 0, "quantum_seconds": 0}
                times = {"created": "2026-01-01T00:00:00Z", "running": "2026-01-01T00:00:04.5Z"}
                return {"usage": usage, "timestamps": times}
            case ["jobs", name, "cancel"]:
                self.jobs[name].state = "Cancelled"
                return {}
            case ["sessions"]:
                about = json.loads(body)
                name = f"session-{len(self.sessions)}"
                self.sessions[name] = about | {"id": name, "open": True}
                return {"id": name}
            case ["sessions", name, *_]:
                session = self.sessions[name]
                if method in ("PATCH", "DELETE"):
                    session["open"] = False
                return {
                    "id": name,
                    "state": "closed",
                    "elapsed_time": self.session_usage,
                    "accepting_jobs": session["open"],
                    "backend_name": DEVICE,
                    "mode": session["mode"],
                }
        raise KeyError(path)

    def _submit(self, about: dict[str, Any]) -> dict[str, Any]:
        number = self._number
        self._number += 1
        job = Sent(
            f"job-{number}",
            about["params"],
            about.get("tags", []),
            about.get("session_id"),
            about.get("cost"),
            usage=self.usage,
        )
        self.jobs[job.id] = job
        return {"id": job.id, "backend": about["backend"]}

    def _about(self, job: Sent) -> dict[str, Any]:
        if job.state == "Queued" and not self.hold:
            job.state = self.fail_job.get(int(job.id.removeprefix("job-")), "Completed")
        state: dict[str, Any] = {"status": job.state}
        if job.state == "Failed":
            state |= {"reason": "the qubits fell asleep", "reason_code": 1517}
        return {
            "id": job.id,
            "backend": DEVICE,
            "program": {"id": "executor"},
            "created": "2026-01-01T00:00:00Z",
            "status": job.state,
            "state": state,
            "tags": job.tags,
            "session_id": job.session,
            "estimated_running_time_seconds": 3.5,
        }


def _iam() -> dict[str, Any]:
    import jwt

    now = int(time.time())
    claims = {"iat": now, "exp": now + 3600}
    key = "a key of the loopback that is long enough"
    return {
        "access_token": jwt.encode(claims, key, algorithm="HS256"),
        "refresh_token": "none",
        "expires_in": 3600,
        "expiration": now + 3600,
        "token_type": "Bearer",
    }


def _backend(what: str) -> Any:
    folder = files("qiskit_ibm_runtime.fake_provider.backends.manila")
    if what == "status":
        return {"state": True, "status": "active", "length_queue": 0, "backend_version": "1"}
    name = {"configuration": "conf_manila.json", "properties": "props_manila.json"}[what]
    about = json.loads((folder / name).read_text(encoding="utf-8"))
    return about | {"backend_name": DEVICE, "simulator": False}


def _result(params: dict[str, Any]) -> str:
    """What the circuit gives, without noise, in IBM's own schema."""
    from ibm_quantum_schemas.common import CompressedTensorModel
    from ibm_quantum_schemas.executor.version_2_0 import (
        ItemMetadataModel,
        MetadataModel,
        ParamsModel,
        QuantumProgramResultItemModel,
        QuantumProgramResultModel,
    )
    from qiskit.primitives import StatevectorSampler
    from qiskit_ibm_runtime.quantum_program.converters.converters_2_0 import (
        quantum_program_from_2_0,
    )

    model = ParamsModel.model_validate(params)
    program, _ = quantum_program_from_2_0(model)
    data = []
    for item in program.items:
        values = np.atleast_1d(item.circuit_arguments)
        seed = zlib.crc32(values.tobytes())
        done = StatevectorSampler(seed=seed).run([(item.circuit, values)], shots=program.shots)
        results = {}
        for name, bits in done.result()[0].data.items():
            found = np.unpackbits(bits.array, axis=-1)[:, ::-1][:, : bits.num_bits].astype(bool)
            results[name] = CompressedTensorModel.from_numpy(found)
        data.append(QuantumProgramResultItemModel(results=results, metadata=ItemMetadataModel()))
    return QuantumProgramResultModel(
        data=data,
        metadata=MetadataModel(chunk_timing=[]),
        passthrough_data=model.quantum_program.passthrough_data,
        semantic_role=model.quantum_program.semantic_role,
    ).model_dump_json()
