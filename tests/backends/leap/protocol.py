"""The protocol of the Leap service (SAPI) over HTTP: what a request asks for, and its faults."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from .books import Fault

if TYPE_CHECKING:
    from .server import LeapServer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many tests are about."""


class Handler(BaseHTTPRequestHandler):
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
