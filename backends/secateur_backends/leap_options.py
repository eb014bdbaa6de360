"""The options that all Leap backends have, and what follows from them."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secateur.backends import BackendOptions, option
from secateur_backends.leap_jobs import default_folder
from secateur_backends.leap_service import Connection

TOKEN_REMEDY = "`dwave config create`, or set DWAVE_API_TOKEN"
NO_TOKEN_REMEDY = (
    "`dwave config create`, or set DWAVE_API_TOKEN. `secateur backends` lists backends that need "
    "none."
)


@dataclass(frozen=True)
class LeapOptions(BackendOptions):
    """The options that all Leap backends have."""

    token: str | None = option(
        None, "Leap API token; better in DWAVE_API_TOKEN or dwave.conf", secret=True
    )
    endpoint: str | None = option(
        None, "address of the solver API; overrides the region", identifies=False
    )
    region: str | None = option(None, "Leap region, na-west-1 for instance")
    profile: str | None = option(None, "section of dwave.conf to use", identifies=False)
    config_file: str | None = option(
        None, "a dwave.conf to use instead of the usual ones", identifies=False
    )
    solver_name: str | None = option(None, "a solver by name instead of the newest one online")
    label: str | None = option(
        None, "begins the service's labels of the jobs, for its dashboard", identifies=False
    )
    max_charge_s: float | None = option(
        None,
        "refuse, before anything is sent, if all jobs of this problem, earlier runs' among them, "
        "were charged more; None: 60 s, or no limit where charging is allowed",
        least=0,
        unit="s",
    )
    dry_run: bool = option(False, "list the solver, tell size and charge, and send nothing")
    journal: str | None = option(
        None,
        "folder that records jobs and answers; None: $XDG_STATE_HOME/secateur/leap",
        identifies=False,
    )
    replay: bool | str = option(
        False, "take a recorded answer, offline: true, or a journal folder or one of its files"
    )
    again: bool = option(
        False, "pay for a new sample even if the journal holds an answer to the same problem"
    )
    resubmit: bool = option(
        False,
        "if an earlier job of this problem cannot be settled, pay for another one",
        identifies=False,
    )
    cancel_on_interrupt: bool = option(
        False, "on Ctrl-C cancel the job; otherwise it goes on and can be fetched", identifies=False
    )
    wait: float = option(
        3600.0, "give up waiting for the answer after this", least=0, unit="s", identifies=False
    )
    request_timeout: float = option(60.0, "for one request", least=0.01, unit="s", identifies=False)
    retries: int = option(
        4, "repetitions of requests that are safe to repeat", least=0, most=100, identifies=False
    )
    backoff: float = option(
        1.0,
        "pause before the first repetition; doubles each time",
        least=0,
        unit="s",
        identifies=False,
    )


def installed(packages: tuple[str, ...]) -> dict[str, str]:
    """The versions of those packages that are installed, found without importing them."""
    versions = {}
    for name in packages:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def install_remedy(missing: list[str]) -> str:
    """How to install them."""
    return f"pip install 'secateur[leap]' (brings {', '.join(missing)})"


def journal_folder(options: Any) -> Path:
    """The journal's folder."""
    return Path(options.journal).expanduser() if options.journal else default_folder()


def replay_from(options: Any) -> bool | str:
    """Whether to replay, and from where; the command line passes "true" as a text."""
    text = str(options.replay).lower()
    return text == "true" if text in ("true", "false") else options.replay


def service_name(options: Any) -> str:
    """What tells services apart."""
    return "|".join(str(v or "") for v in (options.endpoint, options.region, options.profile))


def connection(options: Any) -> Connection:
    """How to reach the service."""
    names = ("endpoint", "region", "profile", "config_file")
    return Connection(
        config={n: getattr(options, n) for n in names if getattr(options, n) is not None},
        request_timeout=options.request_timeout,
        wait=options.wait,
        retries=options.retries,
        backoff=options.backoff,
    )
