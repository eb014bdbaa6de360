"""Which Gurobi licence there is, and what Gurobi's errors about licences mean.

Four cases are told apart: a full licence, the size-limited one that comes with the pip package, an
expired one, and none that works. Looking takes no licence: it reads options, environment and the
licence file's plain lines, and never contacts anything.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secateur.backends import Availability, BackendOptions, option
from secateur.errors import BackendError, BackendFailed, BackendUnavailable, BackendUnsuitable

NAME = "gurobi"
LIMIT_QUADRATIC = 200
"""Variables of a model with a quadratic objective under the size-limited licence (measured)."""
LIMIT_LINEAR = 2000
"""Variables, and constraints, of a linear model under the size-limited licence."""

NO_LICENCE, SIZE_LIMIT, NETWORK, OUT_OF_MEMORY = 10009, 10010, 10022, 10001

FREE_ALTERNATIVES = (
    "`branch-and-bound` proves without a licence where the problem falls into blocks; "
    "`scip` proves without a limit and is free (pip install ./plugins/scip); `decompose:gurobi` "
    "solves parts that fit the licence, without proof; `exhaustive` proves small problems; a full "
    "licence is free for academics: https://www.gurobi.com/academia"
)


@dataclass(frozen=True)
class LicenceOptions(BackendOptions):
    """Where the licence comes from, if not from a licence file."""

    wls_access_id: str | None = option(
        None, "Web License Service; or the variable GRB_WLSACCESSID", secret=True
    )
    wls_secret: str | None = option(
        None, "Web License Service; or the variable GRB_WLSSECRET", secret=True
    )
    wls_token: str | None = option(
        None, "a token got from the Web License Service; or GRB_WLSTOKEN", secret=True
    )
    license_id: int | None = option(
        None,
        "Web License Service; or the variable GRB_LICENSEID",
        least=0,
        most=10**9,
        secret=True,
        why="no licence has a larger number",
    )
    cloud_access_id: str | None = option(
        None, "Gurobi Instant Cloud; or the variable GRB_CLOUDACCESSID", secret=True
    )
    cloud_secret_key: str | None = option(
        None, "Gurobi Instant Cloud; or the variable GRB_CLOUDSECRETKEY", secret=True
    )
    cloud_pool: str | None = option(None, "Gurobi Instant Cloud; or the variable GRB_CLOUDPOOL")
    compute_server: str | None = option(
        None, "address of a Compute Server; or the variable GRB_COMPUTESERVER"
    )
    server_password: str | None = option(
        None, "of the Compute Server; or the variable GRB_SERVERPASSWORD", secret=True
    )
    token_server: str | None = option(
        None, "address of a token server; or the variable GRB_TOKENSERVER"
    )


PARAMETERS = {
    "wls_access_id": "WLSAccessID",
    "wls_secret": "WLSSecret",
    "wls_token": "WLSToken",
    "license_id": "LicenseID",
    "cloud_access_id": "CloudAccessID",
    "cloud_secret_key": "CloudSecretKey",
    "cloud_pool": "CloudPool",
    "compute_server": "ComputeServer",
    "server_password": "ServerPassword",
    "token_server": "TokenServer",
}
"""Our option: Gurobi's parameter; the environment variable is GRB_ and that in capitals."""


def licence_parameters(options: LicenceOptions | None = None) -> dict[str, str | int]:
    """Gurobi's parameters from the options and, where these say nothing, the environment.

    Raises:
        BackendUnavailable: a licence number in the environment that is no number.
    """
    found: dict[str, str | int] = {}
    for name, parameter in PARAMETERS.items():
        value = getattr(options, name, None)
        variable = f"GRB_{parameter.upper()}"
        if value is None:
            value = os.environ.get(variable) or None
            if value is not None and name == "license_id":
                if not value.isdecimal():
                    raise BackendUnavailable(
                        f"the variable {variable} is not a number",
                        backend=NAME,
                        remedy="copy the LICENSEID line of the licence file",
                    )
                value = int(value)
        if value is not None:
            found[parameter] = value
    return found


def secrets_of(parameters: Mapping[str, str | int]) -> list[str]:
    """Those values among Gurobi's parameters that must never be shown."""
    secret = {f.name for f in dataclasses.fields(LicenceOptions) if f.metadata.get("secret")}
    return [str(parameters[PARAMETERS[name]]) for name in secret if PARAMETERS[name] in parameters]


def licence_files() -> list[Path]:
    """Where Gurobi looks for a licence file, in its order."""
    named = os.environ.get("GRB_LICENSE_FILE")
    if named:
        return [Path(named)]
    shared = {"win32": "C:/gurobi", "darwin": "/Library/gurobi"}.get(sys.platform, "/opt/gurobi")
    folders = [Path.home(), Path(shared), *sorted(Path(shared).parent.glob("gurobi[0-9]*"))]
    return [folder / "gurobi.lic" for folder in folders]


@dataclass(frozen=True)
class Licence:
    """What was found.

    Arguments:
        kind: "service", "file", "size-limited", "expired" or "none".
        detail: one line, without secrets.
    """

    kind: str
    detail: str


def find_licence(options: LicenceOptions | None = None) -> Licence:
    """The licence that Gurobi would use; nothing is taken or contacted."""
    parameters = licence_parameters(options)
    services = {
        "WLSToken": "Web License Service",
        "WLSAccessID": "Web License Service",
        "CloudAccessID": "Instant Cloud",
        "ComputeServer": "Compute Server",
        "TokenServer": "token server",
    }
    for parameter, service in services.items():
        if parameter in parameters:
            return Licence("service", f"licence of a service ({service}), not tried")
    files = licence_files()
    file = next((f for f in files if f.is_file()), None)
    if file is None and os.environ.get("GRB_LICENSE_FILE"):
        return Licence("none", f"GRB_LICENSE_FILE names {files[0]}, which does not exist")
    if file is None:
        return Licence(
            "size-limited",
            f"size-limited licence of the pip package: {LIMIT_QUADRATIC} variables with a "
            f"quadratic objective, {LIMIT_LINEAR} without; no other was found",
        )
    return _read(file)


def _read(file: Path) -> Licence:
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError as error:
        return Licence("none", f"licence file {file} cannot be read: {error.strerror}")
    fields = dict(line.strip().split("=", 1) for line in lines if "=" in line)
    expires = fields.get("EXPIRATION", "")
    try:
        over = datetime.date.fromisoformat(expires) < datetime.date.today()
    except ValueError:
        over = False  # floating and service licences have no such line
    if over:
        return Licence("expired", f"the licence of {file} expired on {expires}")
    kind = fields.get("TYPE") or ("service" if fields.keys() & _SERVICE_LINES else "unknown kind")
    until = f", until {expires}" if expires else ""
    return Licence("file", f"licence file {file} ({kind}{until}), not tried")


_SERVICE_LINES = {"WLSACCESSID", "TOKENSERVER", "COMPUTESERVER", "CLOUDACCESSID"}


def availability(installed: str | None) -> Availability:
    """Of the backend, for a version of gurobipy or None."""
    if installed is None:
        return Availability(
            installed=False, detail="gurobipy is missing", remedy="pip install 'secateur[gurobi]'"
        )
    try:
        licence = find_licence()
    except BackendUnavailable as error:
        licence = Licence("none", error.message)
    usable = licence.kind in ("service", "file", "size-limited")
    remedy = None
    if licence.kind == "size-limited":
        remedy = f"for larger problems: {FREE_ALTERNATIVES}"
    elif not usable:
        remedy = _renew(licence.kind == "expired")
    return Availability(
        installed=True,
        licensed=usable,
        detail=f"gurobipy {installed}; {licence.detail}",
        remedy=remedy,
    )


def _renew(expired: bool) -> str:
    first = "renew it (grbgetkey)" if expired else "put a licence where Gurobi looks for it"
    return (
        f"{first}, set GRB_LICENSE_FILE, or remove the file to use the size-limited licence of the "
        "pip package; `scip` and `exhaustive` need no licence"
    )


def too_large(n: int, quadratic: bool) -> str | None:
    """Why a model is too large for the size-limited licence, or None."""
    most = LIMIT_QUADRATIC if quadratic else LIMIT_LINEAR
    if n <= most:
        return None
    kind = "a quadratic" if quadratic else "a linear"
    return (
        f"{n} variables, and the size-limited licence of the pip package takes {most} with {kind} "
        "objective"
    )


def translate(error: Any, n: int, quadratic: bool, secrets: Iterable[str]) -> BackendError:
    """Gurobi's error as one of ours, with what to do, and without a secret in it.

    Arguments:
        error: a ``GurobiError``.
        n: variables of the problem.
        quadratic: whether its objective is.
        secrets: values that must not be shown.
    """
    said = str(error)
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        said = said.replace(secret, "…")
    if error.errno == SIZE_LIMIT:
        reason = too_large(n, quadratic) or f"{n} variables: {said}"
        return BackendUnsuitable(
            f"backend {NAME!r} cannot take this problem: {reason}",
            backend=NAME,
            remedy=FREE_ALTERNATIVES,
        )
    if error.errno == NO_LICENCE and "expired" in said.lower():
        return BackendUnavailable(
            f"backend {NAME!r}: the licence has expired: {said}",
            backend=NAME,
            remedy=_renew(expired=True),
        )
    if error.errno == NO_LICENCE:
        return BackendUnavailable(
            f"backend {NAME!r} has no licence that works: {said}",
            backend=NAME,
            remedy=_renew(expired=False),
        )
    if error.errno == NETWORK:
        return BackendUnavailable(
            f"backend {NAME!r} cannot reach its licence or compute service: {said}",
            backend=NAME,
            remedy="check the address and the network; `scip` and `exhaustive` need neither",
        )
    if error.errno == OUT_OF_MEMORY:
        return BackendFailed(
            f"backend {NAME!r} ran out of memory with {n} variables: {said}",
            backend=NAME,
            remedy="set `node_limit` or `threads=1`, or use a heuristic backend",
        )
    return BackendFailed(
        f"backend {NAME!r}: Gurobi's error {error.errno}: {said}",
        backend=NAME,
        remedy="look the number up in Gurobi's documentation, or use another backend",
    )
