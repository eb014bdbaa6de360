"""Whether Leap can be used from here: the packages that it needs, and a token."""

from __future__ import annotations

from typing import Any

from secateur.backends import Availability
from secateur.errors import BackendUnavailable
from secateur_backends.leap_config import Access, find_access
from secateur_backends.leap_options import NO_TOKEN_REMEDY, TOKEN_REMEDY, install_remedy, installed


def availability_with(packages: tuple[str, ...]) -> Availability:
    """Are they installed, and is a token configured? Imports nothing of D-Wave, sends nothing.

    Arguments:
        packages: the distributions that the backend needs.
    """
    missing = _missing(packages)
    if missing:
        return Availability(
            False, detail=f"{', '.join(missing)} not installed", remedy=install_remedy(missing)
        )
    versions = installed(packages)
    about = ", ".join(f"{name} {version}" for name, version in versions.items())
    access = find_access()
    if access.token:
        return Availability(True, licensed=True, detail=f"{about}; token from {access.source}")
    detail = access.trouble or f"no token; looked at {', '.join(access.looked_at)}"
    return Availability(True, licensed=False, detail=detail, remedy=TOKEN_REMEDY)


def needed_packages(backend: str, packages: tuple[str, ...]) -> None:
    """Check that they are installed.

    Raises:
        BackendUnavailable: some are not.
    """
    if missing := _missing(packages):
        raise BackendUnavailable(
            f"backend {backend!r} needs {', '.join(missing)}, not installed here",
            backend=backend,
            remedy=install_remedy(missing),
        )


def needed_access(backend: str, options: Any) -> Access:
    """The token that a backend's options, the environment or ``dwave.conf`` give.

    Raises:
        BackendUnavailable: there is none, or a file that may have it cannot be read.
    """
    access = find_access(options.token, options.profile, options.config_file)
    if access.token:
        return access
    looked = ", ".join(access.looked_at)
    what = "needs a Leap API token and none was found"
    if access.trouble:
        what = f"cannot look for its token: {access.trouble}"
    raise BackendUnavailable(
        f"backend {backend!r} {what}; looked at {looked}",
        backend=backend,
        remedy=NO_TOKEN_REMEDY,
    )


def _missing(packages: tuple[str, ...]) -> list[str]:
    versions = installed(packages)
    return [name for name in packages if name not in versions]
