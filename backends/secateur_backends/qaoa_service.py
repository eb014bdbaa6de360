"""IBM's devices: which one is meant, the way to its service, and what the service's errors mean.

What is raised here is raised outside the ``except``: the texts of the client's own errors may quote
the token, and must not be printed with ours.
"""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlparse

from secateur.errors import (
    BackendError,
    BackendFailed,
    BackendOptionError,
    BackendUnavailable,
    BackendUnsuitable,
)
from secateur_backends.qaoa_samplers import INSTALL, Measurer

T = TypeVar("T")

SESSIONS = ("none", "session", "batch")
LONGEST_JOB = 10_800
"""Seconds: the largest cap that IBM takes for one job."""
_ADDRESSES = ("QISKIT_IBM_URL", "IAM_URL")
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class IBM:
    """A real device behind its service.

    Arguments:
        device: Qiskit's object for it.
        backend: our backend's name, for errors.
        secrets: that are taken out of every text.
        given: a sampler of the user's own to use, or None.
    """

    device: Any
    backend: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    given: Any = None

    @property
    def name(self) -> str:
        """As the option ``device`` has it."""
        return f"ibm:{self.device.name}"

    def scrub(self, text: str) -> str:
        """A text without token and instance."""
        return scrubbed(text, self.secrets)

    def send(
        self, circuit: Any, values: list[float], shots: int, tag: str, cap: int, mode: Any
    ) -> Any:
        """Send one job.

        Arguments:
            circuit: fit for the device.
            values: of its parameters.
            shots: measurements.
            tag: by which the job can be found without its id.
            cap: seconds after which the service ends it.
            mode: an open session or batch, or None.
        """
        if self.given is None:
            from qiskit_ibm_runtime.executor_sampler import Sampler

            options = {"environment": {"job_tags": [tag]}, "max_execution_time": cap}
            sampler = Sampler(mode=mode or self.device, options=options)
            return sampler.run([(circuit, values)], shots=shots)
        options = self.given.options
        before = list(options.environment.job_tags or []), options.max_execution_time
        try:  # the rest of what its owner set stays
            options.environment.job_tags = [*before[0], tag]
            options.max_execution_time = cap
            return self.given.run([(circuit, values)], shots=shots)
        finally:
            options.environment.job_tags, options.max_execution_time = before

    def jobs(self, tag: str) -> list[Any]:
        """The jobs that the service has with this tag, oldest first."""
        found = self.device.service.jobs(limit=None, job_tags=[tag], descending=False)
        return [job for job in found if tag in (job.tags or [])]

    def job(self, job_id: str) -> Any:
        """The job of this id."""
        return self.device.service.job(job_id)

    def open(self, kind: str, seconds: float) -> Any:
        """Open a "session", which is charged until it is closed but no longer, or a "batch"."""
        opened, error = attempt(lambda: open_mode(kind, self.device, seconds))
        if error is not None:
            raise BackendUnavailable(
                f"backend {self.backend!r}: {self.name} opens no {kind}: {self.scrub(str(error))}",
                backend=self.backend,
                remedy="use session=none, or batch where the plan has no sessions",
            )
        return opened

    def reopened(self, session_id: str) -> Any:
        """A session by its id, to close it and to ask what it was charged."""
        from qiskit_ibm_runtime import Session

        return Session.from_id(session_id, self.device.service)

    def failed(self, what: str, error: BaseException, remedy: str) -> BackendFailed:
        """An error of ours, with the text of theirs."""
        return BackendFailed(
            f"backend {self.backend!r}: {what}: {self.scrub(str(error))}",
            backend=self.backend,
            remedy=remedy,
        )


def open_mode(kind: str, device: Any, seconds: float | None = None) -> Any:
    """Open a session or a batch on a device."""
    from qiskit_ibm_runtime import Batch, Session

    if kind == "batch":  # charged by its jobs, so its wall time costs nothing
        return Batch(backend=device)
    if seconds is None or math.isinf(seconds):  # the service has a maximum of its own
        return Session(backend=device)
    return Session(backend=device, max_time=max(1, int(seconds)))


def device(name: str, seed: int, backend: str, session: str = "none") -> Measurer:
    """The device ``ibm:NAME`` of IBM Quantum, or ``fake:NAME``, its noisy double, offline.

    Raises:
        BackendOptionError: not such a name, or no such device.
        BackendUnavailable: qiskit-ibm-runtime is not installed, or has no account.
    """
    kind, _, which = name.partition(":")
    if kind not in ("ibm", "fake") or not which:
        raise BackendOptionError(
            f"option 'device' of backend {backend!r} is {name!r}",
            backend=backend,
            remedy="give ibm:NAME (ibm:ibm_torino) or fake:NAME (fake:FakeSherbrooke)",
        )
    try:
        from qiskit.transpiler import generate_preset_pass_manager
        from qiskit_ibm_runtime.executor_sampler import Sampler
    except ImportError as error:
        raise BackendUnavailable(
            f"the devices of backend {backend!r} cannot be imported: {error}",
            backend=backend,
            remedy=INSTALL,
        ) from error
    ibm = _ibm(which, backend) if kind == "ibm" else None
    found = _fake(which, backend) if ibm is None else ibm.device
    manager = generate_preset_pass_manager(
        optimization_level=3, backend=found, seed_transpiler=seed
    )
    sampler = mode = None
    if ibm is None:
        mode = None if session == "none" else open_mode(session, found)
        sampler = Sampler(mode=mode or found, options={"simulator": {"seed_simulator": seed}})
    return Measurer(sampler, manager, name, int(found.num_qubits), found, ibm, mode)


def real_device(sampler: Any) -> Any:
    """The real device that a sampler of the user's runs on, or None: a simulator or a fake one."""
    found = None
    with suppress(Exception):
        found = sampler.backend()
    if not any(
        f"{c.__module__}.{c.__name__}".startswith("qiskit_ibm_runtime.ibm_backend")
        for c in type(found).__mro__
    ):
        return None
    return None if getattr(found, "simulator", False) else found


def given_device(sampler: Any, manager: Any, backend: str) -> Measurer:
    """A measurer from a sampler of the user's."""
    name = type(sampler).__name__
    found = real_device(sampler)
    if found is None:
        return Measurer(sampler, manager, name)
    ibm = IBM(found, backend, _secrets(found.service), given=sampler)
    return Measurer(sampler, manager, ibm.name, int(found.num_qubits), found, ibm)


def _fake(name: str, backend: str) -> Any:
    from qiskit_ibm_runtime import fake_provider

    known = [
        n for n in dir(fake_provider) if n.startswith("Fake") and n != "FakeProviderForBackendV2"
    ]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise BackendOptionError(
            f"there is no fake device {name!r}",
            backend=backend,
            remedy=(f"did you mean {near[0]!r}? " if near else "")
            + "they are in qiskit_ibm_runtime.fake_provider",
        )
    return getattr(fake_provider, name)()


def _ibm(name: str, backend: str) -> IBM:
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.accounts import AccountNotFoundError

    _refuse_plain_http(backend)
    service: Any
    service, error = attempt(QiskitRuntimeService)
    if isinstance(error, AccountNotFoundError):
        raise BackendUnavailable(
            f"backend {backend!r} found no account for IBM Quantum",
            backend=backend,
            remedy="save one: QiskitRuntimeService.save_account(token=…), or set "
            "QISKIT_IBM_TOKEN; without one, device=fake:FakeSherbrooke",
        )
    found = None
    if error is None:
        found, error = attempt(lambda: service.backend(name))
    if error is None:
        return IBM(found, backend, _secrets(service))
    raise _unusable(name, service, error, backend)


def _unusable(name: str, service: Any, error: BaseException, backend: str) -> BackendError:
    """Why a device cannot be used: no such name, or no access."""
    from qiskit.providers.exceptions import QiskitBackendNotFoundError

    remedy = "look at the account, its instance and the names of its devices"
    said, status = error, status_of(error)
    if isinstance(error, QiskitBackendNotFoundError) and service is not None:
        listed, _ = attempt(lambda: [found.name for found in service.backends()])
        if listed:
            near = difflib.get_close_matches(name, listed, n=1)
            return BackendOptionError(
                f"backend {backend!r}: IBM Quantum has no device {name!r} for this account",
                backend=backend,
                remedy=(f"did you mean 'ibm:{near[0]}'? " if near else "")
                + f"it has {', '.join(sorted(listed)[:8])}",
            )
        # the client passes over what it cannot list, a refused token too: asked once more
        _, why = attempt(service.usage)
        said, status = why or error, status_of(why or error)
    if status in (401, 403):
        return BackendUnavailable(
            f"backend {backend!r}: IBM Quantum refuses the token, or the instance to it "
            f"(status {status}); nothing was sent",
            backend=backend,
            remedy="make a new API key, save it with QiskitRuntimeService.save_account(token=…, "
            "overwrite=True), and look at the instance",
        )
    text = scrubbed(str(said), _secrets(service))
    return BackendUnavailable(
        f"backend {backend!r} cannot use ibm:{name}: {type(said).__name__}: {text}",
        backend=backend,
        remedy=remedy,
    )


def _refuse_plain_http(backend: str) -> None:
    """The token is not sent in plain text to another machine."""
    for variable in _ADDRESSES:
        address = urlparse(os.environ.get(variable, ""))
        if address.scheme == "http" and address.hostname not in _HERE:
            raise BackendUnavailable(
                f"backend {backend!r}: the variable {variable} names {address.hostname} in plain "
                "http, where anyone on the way can read the token; nothing was sent",
                backend=backend,
                remedy=f"use https, or unset {variable}",
            )


def _secrets(service: Any) -> tuple[str, ...]:
    """The token, and the instance with its account number, wherever they come from."""
    found = {os.environ.get("QISKIT_IBM_TOKEN"), os.environ.get("QISKIT_IBM_INSTANCE")}
    with suppress(Exception):
        account = service.active_account()
        found |= {account.get("token"), account.get("instance")}
    with suppress(Exception):
        found.add(service.active_instance())
    with suppress(Exception):
        from qiskit_ibm_runtime import QiskitRuntimeService

        for account in QiskitRuntimeService.saved_accounts().values():
            found |= {account.get("token"), account.get("instance")}
    return tuple(sorted((s for s in found if s and len(s) > 5), key=len, reverse=True))


def scrubbed(text: str, secrets: tuple[str, ...]) -> str:
    """A text without secrets; of an instance's name the end is left, to tell it from others."""
    for secret in secrets:
        short = f"crn:…{secret.rstrip(':')[-6:]}" if secret.startswith("crn:") else "…"
        text = text.replace(secret, short)
    return text


def attempt(call: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """The result or the error of a call."""
    try:
        return call(), None
    except Exception as error:
        return None, error


def status_of(error: BaseException | None) -> int | None:
    """The HTTP status behind an error of the client; None: no answer came, or none was asked."""
    for cause in chain(error):
        for told in (cause, getattr(cause, "response", None)):
            status = getattr(told, "status_code", None)
            if isinstance(status, int) and status > 0:
                return status
    return None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those behind it, hidden ones too."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def was_asked(error: BaseException) -> bool:
    """Whether an error came from a request, so that it may have reached the service."""
    import requests
    from qiskit_ibm_runtime.api.exceptions import RequestsApiError

    kinds = (RequestsApiError, requests.exceptions.RequestException)
    return any(isinstance(cause, kinds) for cause in chain(error))


def cap_of(left: float) -> int:
    """The cap for a job: whole seconds, at least one, as the service takes them."""
    return max(1, math.floor(min(LONGEST_JOB, left)))


def check_shots(shots: int, found: Any, name: str, backend: str) -> None:
    """Refuse more shots than a device takes in one job.

    Raises:
        BackendUnsuitable: more than its largest number.
    """
    most, _ = attempt(lambda: found.configuration().max_shots)
    if isinstance(most, int) and shots > most:
        raise BackendUnsuitable(
            f"backend {backend!r}: {shots} shots, and {name} takes at most {most} in one job",
            backend=backend,
            remedy=f"give shots={most} or fewer",
        )
