"""The wire: D-Wave's own client, with its errors explained and its gaps closed.

The client polls for ever on server errors, does not repeat the download of an answer, and has no
notion of a request whose fate is unknown. Here every request has an end, an answer is fetched again
by its id until it is there or its time is up, and nothing is ever sent twice on a guess.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, TypeVar

from secateur.errors import BackendError, BackendFailed, BackendUnavailable
from secateur.lazy import dimod
from secateur_backends.leap_config import Access, hidden_in_logs
from secateur_backends.leap_errors import Fault, Seen, classify, explain
from secateur_backends.leap_route import guarded_client, keep_home

logger = logging.getLogger("secateur.leap")

T = TypeVar("T")

_TICK = 0.1
"""Seconds between looks at the deadline while waiting; an answer ends a wait at once."""
_LOOKS = 3
"""How often the service is asked for a job whose sending failed, before it counts as not found."""


@dataclass(frozen=True)
class Connection:
    """How to reach the service, and how patient to be; seconds.

    Arguments:
        config: passed to the client: endpoint, region, profile, config_file.
        request_timeout: for one request.
        wait: for one answer.
        retries: repetitions of what is safe to repeat.
        backoff: the pause before the first repetition; it doubles.
    """

    config: dict[str, Any]
    request_timeout: float
    wait: float
    retries: int
    backoff: float


@dataclass(frozen=True)
class Answer:
    """What came back for a job.

    Arguments:
        samples: as the service sent them, unverified.
        times: submitted and solved, by the service's clock, in seconds.
    """

    samples: dimod.SampleSet
    times: dict[str, float]


class LeapError(Exception):
    """Carries one of our errors together with what it was made from; never leaves this package."""

    def __init__(self, fault: Fault, error: BackendError) -> None:
        super().__init__(str(error))
        self.fault = fault
        self.error = error


class Service:
    """A connection to Leap; a context manager that never blocks on leaving.

    Arguments:
        access: the token.
        connection: how to reach the service.
        backend: the backend's name.
        qpu: for quantum computers rather than hybrid solvers.
    """

    def __init__(self, access: Access, connection: Connection, backend: str, qpu: bool) -> None:
        self._access = access
        self._how = connection
        self._backend = backend
        self._qpu = qpu
        self._stack = ExitStack()
        self._client: Any = None
        self.where = str(connection.config.get("endpoint") or "the Leap service")

    def __enter__(self) -> Service:
        from dwave.cloud.client import hybrid as _hybrid  # noqa: F401  loads all loggers to scrub
        from dwave.cloud.client import qpu as _qpu  # noqa: F401

        self._stack.enter_context(hidden_in_logs(self._access))
        how = self._how
        client: Any
        client, error = _attempt(
            lambda: guarded_client(
                "qpu" if self._qpu else "hybrid",
                self._backend,
                self._access,
                {
                    "connection_close": True,
                    "request_timeout": how.request_timeout,
                    # a little longer than our own deadline, so that ours is the one that is told
                    "polling_timeout": how.wait + 10,
                    "poll_strategy": "backoff",
                    "poll_backoff_max": 5,
                    "http_retry_total": 3,
                    # definitions of solvers are cached on disk for an hour otherwise, and a solver
                    # that is gone is offered until then
                    "cache_enabled": False,
                    **how.config,
                },
            )
        )
        if isinstance(error, BackendError):  # ours already
            self._stack.close()
            raise error
        if error is not None:
            self._stack.close()
            seen = Seen(Fault.CONFIG, classify(error, self._access).text)
            raise self._explained(seen, "connecting").error
        self._client = client
        self.where = f"the Leap service at {client.config.endpoint}"
        return self

    def __exit__(self, *exc: object) -> None:
        # close() joins the client's queues, and so waits for whatever request is under way
        closing = threading.Thread(
            target=self._client.close, kwargs={"wait": False}, daemon=True, name="leap-close"
        )
        closing.start()
        closing.join(timeout=1.0)
        self._stack.close()

    def solver(self, kind: str, name: str | None) -> Any:
        """The newest online solver of a kind, or the named one; asks for the list, which is free.

        Raises:
            LeapError: there is none, or it cannot be listed.
        """
        wanted: dict[str, Any] = {"name": name} if name else {"order_by": "-properties.version"}
        if kind != "qpu":
            wanted["supported_problem_types__contains"] = kind
        elif not name:
            wanted["order_by"] = "avg_load"
        found = self._patiently(lambda: self._client.get_solvers(**wanted), "listing the solvers")
        if found:
            return found[0]
        others, _ = _attempt(lambda: [s.name for s in self._client.get_solvers()])
        offers = ", ".join(sorted(others or [])) or "none"
        what = f"solver {name!r} that takes" if name else "solver online for"
        raise LeapError(
            Fault.NO_SOLVER,
            BackendUnavailable(
                f"backend {self._backend!r}: {self.where} offers this account no {what} problems "
                f"of the kind {kind!r}; it offers: {offers}",
                backend=self._backend,
                remedy="choose another `solver_name`, or another region; nothing was charged",
            ),
        )

    def upload(self, payload: BinaryIO) -> str:
        """Upload a problem's data; free, and repeated by the client where that helps."""
        future = self._client.upload_problem_encoded(payload)
        while not future.done():
            wait([future], timeout=_TICK)
        if (error := future.exception()) is not None:
            raise self._explained(classify(error, self._access), "uploading the problem")
        return str(future.result())

    def submit(self, send: Callable[[], Any], label: str) -> tuple[str, Any]:
        """Send a job; its id, and the client's future or None if the job had to be found again.

        A refusal for now is repeated: the job was not accepted. A broken connection is not: the
        service is asked for a job of this label instead, and if it knows none, nobody can tell.

        Raises:
            LeapError: with ``Fault.BROKEN`` if the job may have been accepted.
        """
        for attempt in range(self._how.retries + 1):
            future, error = _attempt(send)
            if future is None:  # the client did not like it, and sent nothing
                seen = Seen(Fault.REFUSED, classify(error or LookupError(), self._access).text)
                raise self._explained(seen, "preparing the job")
            while not future.done() and future.id is None:
                _until_id(future)
            if future.id is not None:
                return str(future.id), future
            _, error = _attempt(future.exception)
            seen = classify(error or RuntimeError("no id"), self._access, sending=True)
            if seen.fault is Fault.BUSY and attempt < self._how.retries:
                self._pause(attempt, "sending the job", seen)
                continue
            if seen.fault is not Fault.BROKEN:
                raise self._explained(seen, "sending the job")
            logger.warning("the connection broke while the job was sent (%s)", seen.text)
            try:
                found = self.find(label)
            except LeapError as failure:
                # that it cannot be looked for does not say that it was not accepted
                text = f"{seen.text}; then {failure.error.message}"
                raise self.undecided(label, text, listed=False) from None
            if found is None:
                raise self.undecided(label, seen.text)
            logger.warning("the service has it, as job %s: it was not sent again", found)
            return found, None
        raise AssertionError("unreachable")

    def find(self, label: str) -> str | None:
        """The id of the job with this label, or None if the service lists none.

        Raises:
            LeapError: the service cannot be asked.
        """
        from dwave.cloud.api import Problems

        with Problems.from_config(self._client.config) as problems:
            keep_home(problems.session, self._client.config.endpoint)
            for look in range(_LOOKS):
                if look:
                    time.sleep(self._how.backoff)
                listed = self._patiently(
                    lambda: problems.list_problems(label=label, max_results=100),
                    f"looking for the job with the label {label!r}",
                )
                # compared here, too: a service that does not know the filter lists everything
                ids = [str(p.id) for p in listed if p.label == label]
                if ids:
                    return ids[0]
        return None

    def undecided(self, label: str, why: str, listed: bool = True) -> LeapError:
        """The error for a job that may have been accepted and cannot be found."""
        looked = "it lists no such job" if listed else "it could not be asked"
        return LeapError(
            Fault.BROKEN,
            BackendFailed(
                f"backend {self._backend!r}: it is not known whether {self.where} accepted the "
                f"job {label!r} ({why}); {looked}, and it was not sent again, as both "
                "could be charged",
                backend=self._backend,
                remedy="look for the label in the Leap dashboard; run the same again to look once "
                "more, or with `resubmit=True` to send another job",
            ),
        )

    def answer(
        self,
        job_id: str,
        future: Any = None,
        decode: Callable[[Any], dimod.SampleSet] | None = None,
    ) -> Answer:
        """Wait for a job's answer and download it, again if that fails.

        Arguments:
            job_id: the service's id.
            future: the client's, if it is at hand.
            decode: makes samples of an answered future; None: the client does.

        Raises:
            LeapError: it failed, was cancelled, cannot be read, or is not there in time.
        """
        deadline = time.monotonic() + self._how.wait
        attempt = 0
        while True:
            if future is None:
                future = self._client.retrieve_answer(job_id)
            while not future.wait(_TICK):
                if time.monotonic() > deadline:
                    raise self._late(job_id)
            samples, error = _attempt(partial(decode or _resolved, future))
            if samples is not None:
                return Answer(samples, _times(future))
            assert error is not None
            seen = classify(error, self._access)
            final = (Fault.TOKEN, Fault.REFUSED, Fault.FAILED, Fault.CANCELLED, Fault.GONE)
            if seen.fault is Fault.TIMEOUT or time.monotonic() > deadline:
                raise self._late(job_id)
            if seen.fault in final or attempt >= self._how.retries:
                raise self._explained(seen, "fetching the answer", job_id)
            self._pause(attempt, f"fetching the answer to job {job_id}", seen)
            attempt, future = attempt + 1, None

    def cancel(self, job_id: str) -> str | None:
        """Ask the service to cancel a job; the job's state, or None if it could not be asked."""
        from dwave.cloud.api import Problems

        with Problems.from_config(self._client.config) as problems:
            keep_home(problems.session, self._client.config.endpoint)
            found, _ = _attempt(lambda: problems.cancel_problems([job_id]))
        return str(getattr(found[0], "status", "")) if found else None

    def _late(self, job_id: str) -> LeapError:
        return self._explained(Seen(Fault.TIMEOUT, ""), "waiting", job_id)

    def _patiently(self, call: Callable[[], T], doing: str) -> T:
        """Do what is free and may be repeated, and repeat it while the service is busy."""
        for attempt in range(self._how.retries + 1):
            result, error = _attempt(call)
            if error is None:
                return result  # type: ignore[return-value]
            seen = classify(error, self._access)
            if seen.fault not in (Fault.BUSY, Fault.BROKEN) or attempt == self._how.retries:
                raise self._explained(seen, doing)
            self._pause(attempt, doing, seen)
        raise AssertionError("unreachable")

    def _pause(self, attempt: int, doing: str, seen: Seen) -> None:
        pause = self._how.backoff * 2**attempt
        logger.warning("%s failed (%s); again in %.3g s", doing, seen.text, pause)
        time.sleep(pause)

    def _explained(self, seen: Seen, doing: str, job: str | None = None) -> LeapError:
        error = explain(
            seen,
            backend=self._backend,
            access=self._access,
            where=self.where,
            doing=doing,
            job=job,
        )
        return LeapError(seen.fault, error)


def _attempt(call: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """The result or the error of a call.

    An error of ours that is raised afterwards, outside the ``except``, has no ``__context__``: the
    texts of the client's errors may quote the token, and must not be printed with ours.
    """
    try:
        return call(), None
    except Exception as error:
        return None, error


def _until_id(future: Any) -> None:
    try:
        future.wait_id(timeout=_TICK)
    except TimeoutError:
        return


def _resolved(future: Any) -> dimod.SampleSet:
    samples = future.wait_sampleset()
    samples.resolve()
    found: dimod.SampleSet = samples
    return found


def _times(future: Any) -> dict[str, float]:
    times = {"submitted": future.time_received, "solved": future.time_solved}
    return {name: when.timestamp() for name, when in times.items() if when is not None}
