"""What the errors of D-Wave's client mean, and the error of ours that says so.

The client has many error classes with no common base. Each means one of a few things, and two
questions decide what may be done next: can the job have been accepted, and is it over?
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from secateur.errors import BackendError, BackendFailed, BackendMisbehaved, BackendUnavailable
from secateur_backends.leap_config import Access


class Fault(Enum):
    """What an error of the client means."""

    TOKEN = "the token was refused"
    CONFIG = "the configuration is wrong"
    UNREACHABLE = "the service could not be reached, so nothing was sent"
    BUSY = "the service refuses requests for now (429, 503)"
    REFUSED = "the service refuses this request"
    BROKEN = "the connection or the server failed: the request may have arrived or not"
    UPLOAD = "the upload failed"
    NO_SOLVER = "there is no such solver"
    GONE = "the service does not know the job"
    FAILED = "the job failed"
    CANCELLED = "the job was cancelled"
    TIMEOUT = "the answer took too long"
    CORRUPT = "the answer cannot be read"


@dataclass(frozen=True)
class Seen:
    """An error of the client: what it means, and its text without the token."""

    fault: Fault
    text: str


def classify(error: BaseException, access: Access, *, sending: bool = False) -> Seen:
    """What an error of the client means.

    Arguments:
        error: as the client raised it.
        access: knows the token, to take it out of the text.
        sending: it came from sending a job, before an id was known.
    """
    return Seen(_fault(error, sending), _text(error, access))


def _fault(error: BaseException, sending: bool) -> Fault:
    import requests
    import urllib3
    from dwave.cloud import exceptions as cloud
    from dwave.cloud.api import exceptions as api

    never_connected = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ProxyError,
        requests.exceptions.InvalidURL,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
    )
    if any(isinstance(e, never_connected) for e in _chain(error)):
        return Fault.UNREACHABLE
    if isinstance(error, api.ResourceAuthenticationError | api.ResourceAccessForbiddenError):
        return Fault.TOKEN
    if isinstance(error, cloud.CanceledFutureError):
        return Fault.CANCELLED
    if isinstance(error, cloud.PollingTimeout):
        return Fault.TIMEOUT
    if isinstance(error, cloud.ProblemUploadError):
        return Fault.UPLOAD
    if isinstance(error, cloud.SolverNotFoundError):
        return Fault.NO_SOLVER
    code = _code(error)
    if code == 401:
        return Fault.TOKEN
    if code in (429, 503) or isinstance(error, api.ResourceLimitsExceededError):
        return Fault.BUSY
    if code == 404:
        return Fault.REFUSED if sending else Fault.GONE
    if code is not None and 400 <= code < 500:
        return Fault.REFUSED
    if code is not None or isinstance(error, api.InternalServerError):
        return Fault.BROKEN
    if isinstance(error, cloud.SolverFailureError | cloud.SolverOfflineError):
        # an answer of the service about the job itself: when it is sent, that it does not take it
        return Fault.REFUSED if sending else Fault.FAILED
    if isinstance(error, api.ResourceBadResponseError):
        # when a job is sent, an answer that cannot be read does not say that it was not accepted
        return Fault.BROKEN if sending else Fault.CORRUPT
    if isinstance(error, requests.exceptions.RequestException | OSError):
        return Fault.BROKEN
    return Fault.BROKEN if sending else Fault.CORRUPT


def _code(error: BaseException) -> int | None:
    code = getattr(error, "error_code", None)
    try:
        return None if code is None else int(code)
    except (TypeError, ValueError):
        return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that it was made from: causes, contexts, and wrapped arguments."""
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        item = todo.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        todo += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]


def _text(error: BaseException, access: Access) -> str:
    text = " ".join(access.scrub(str(error)).split())
    name = type(error).__name__
    return f"{name}: {text[:300]}" if text else name


def explain(
    seen: Seen, *, backend: str, access: Access, where: str, doing: str, job: str | None = None
) -> BackendError:
    """Our error for an error of the client.

    Arguments:
        seen: what it means.
        backend: the backend's name.
        access: says where the token came from.
        where: the service's address.
        doing: what was being done: "listing the solvers".
        job: the job's id, if it has one.
    """
    safe = (
        f"job {job} stays with the service: run the same again to fetch its answer, which is not "
        "charged again"
        if job
        else "nothing was charged; run it again"
    )
    kind: type[BackendError] = BackendFailed
    what, remedy = f"{doing} failed at {where} ({seen.text})", safe
    match seen.fault:
        case Fault.TOKEN:
            kind = BackendUnavailable
            what = f"{where} refused the token from {access.source} while {doing} ({seen.text})"
            remedy = "copy the token from the Leap dashboard again, or choose the right project"
            remedy += f"; {safe}" if job else ""
        case Fault.CONFIG:
            kind = BackendUnavailable
            what = f"the configuration of D-Wave's client is wrong ({seen.text})"
            remedy = "`dwave config inspect` shows it; the options override it"
        case Fault.UNREACHABLE:
            kind = BackendUnavailable
            what = f"{where} could not be reached while {doing} ({seen.text})"
            remedy = f"look at the network, the proxy and the option `endpoint`; {safe}"
        case Fault.BUSY:
            what = f"{where} refuses requests for now, while {doing} ({seen.text})"
            remedy = f"wait and try again, or raise `retries` and `backoff`; {safe}"
        case Fault.NO_SOLVER:
            kind = BackendUnavailable
            what = f"{where} has no such solver online ({seen.text})"
            remedy = "`dwave solvers --list --all` shows what the account has; see `solver_name`"
            remedy += f"; {safe}" if job else ""
        case Fault.GONE if job:
            what = f"{where} does not know job {job} ({seen.text})"
            remedy = (
                "use the account and endpoint that it was sent with; `resubmit=True` gives it up "
                "and sends another one, which is charged"
            )
        case Fault.FAILED:
            what = f"job {job} failed at {where} ({seen.text})"
            remedy = (
                "running it again sends a new job; the dashboard says what this one was charged"
            )
        case Fault.CANCELLED:
            what = f"job {job} was cancelled at {where}"
            remedy = "running it again sends a new job"
        case Fault.TIMEOUT:
            what = f"the answer to job {job} was not there in time"
            remedy = f"{safe}; or raise `wait`"
        case Fault.CORRUPT if job:
            kind = BackendMisbehaved
            what = f"the answer to job {job} from {where} cannot be read ({seen.text})"
            remedy = f"{safe}; `resubmit=True` gives it up and sends another one, which is charged"
        case Fault.REFUSED:
            what = f"{where} refuses the request, while {doing} ({seen.text})"
    return kind(f"backend {backend!r}: {what}", backend=backend, remedy=remedy)
