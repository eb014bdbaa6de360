"""Where the token goes: to the address that was asked for, encrypted, and to no other.

D-Wave's client sends the token with every request: in plain http, along a redirect to any host, to
whatever address an answer names, and to the address that a ``dwave.conf`` in the working folder
names, which may have come with somebody's repository. It sends it even to the list of regions,
which needs none. Here plain http is refused except on this machine, no request leaves the host that
was chosen, and a file of the working folder that chooses it is named.
"""

from __future__ import annotations

import configparser
import ipaddress
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secateur.errors import BackendUnavailable
from secateur_backends.leap_config import Access, config_paths

logger = logging.getLogger(__name__)

_ADDRESSES = ("endpoint", "metadata_api_endpoint", "leap_api_endpoint")
"""Settings that are, or lead to, the address."""
_CHOOSES = ("endpoint", "region", "leap_api_endpoint")
"""Of these, one that is set higher up hides those below."""
_VARIABLES = {
    "endpoint": "DWAVE_API_ENDPOINT",
    "region": "DWAVE_API_REGION",
    "leap_api_endpoint": "DWAVE_LEAP_API_ENDPOINT",
    "metadata_api_endpoint": "DWAVE_METADATA_API_ENDPOINT",
    "proxy": "DWAVE_API_PROXY",
    "permissive_ssl": "",
}
_OWN = "dwavesys.com"
_REMEDY = "use an https address; plain http is only for a service on this machine (localhost)"


@dataclass(frozen=True)
class Origin:
    """What tells addresses apart, as the library that connects reads them."""

    scheme: str
    host: str
    port: int | None

    @classmethod
    def of(cls, url: str) -> Origin:
        """Of an address; of something that is none, with an empty host."""
        from urllib3.exceptions import LocationParseError
        from urllib3.util import parse_url

        try:
            read = parse_url(url)
        except LocationParseError:
            return cls("", "", None)
        scheme = (read.scheme or "").lower()
        port = read.port or {"http": 80, "https": 443}.get(scheme)
        return cls(scheme, (read.host or "").strip("[]").lower(), port)

    @property
    def here(self) -> bool:
        """On this machine."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def own(self) -> bool:
        """D-Wave's, encrypted."""
        of_theirs = self.host == _OWN or self.host.endswith(f".{_OWN}")
        return self.scheme == "https" and of_theirs

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def check_addresses(config: Mapping[str, Any], backend: str) -> None:
    """Refuse plain http, except to this machine, before anything is sent.

    Arguments:
        config: of the client, from all its sources.
        backend: the backend's name.

    Raises:
        BackendUnavailable: an address of another machine in plain http.
    """
    for name in _ADDRESSES:
        to = Origin.of(str(config.get(name) or ""))
        if to.scheme == "http" and not to.here:
            raise BackendUnavailable(
                f"backend {backend!r}: `{name}` is an address of {to.host} in plain http, where "
                "anybody on the way could read the token; nothing was sent",
                backend=backend,
                remedy=_REMEDY,
            )


def tell_of_working_folder(
    access: Access, config: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    """Warn if a ``dwave.conf`` of the working folder sends a token from elsewhere to a place of
    its own.

    Arguments:
        access: the token.
        config: of the client, from all its sources, with the address that follows from it.
        given: what was given explicitly: endpoint, region, profile, config_file.
    """
    told = _of_working_folder(access, config, given)
    to = Origin.of(str(config.get("endpoint") or ""))
    path = Path("dwave.conf").resolve()
    for name in told:
        said = ""
        if name in _ADDRESSES or name == "region":
            if not to.own:
                said = f"the token from {access.source} is sent to {to.host}"
        elif name == "proxy":
            proxy = Origin.of(str(config["proxy"])).host
            said = f"the token from {access.source} is sent to {to.host} by way of {proxy}"
        elif str(config["permissive_ssl"]).lower() not in ("", "0", "false", "off", "none"):
            said = (
                f"the token from {access.source} is sent to {to.host} without a look at its "
                "certificate"
            )
        if said:
            logger.warning(
                "%s in the working folder sets `%s`: %s; move the file away if that is not "
                "wanted, or name another one with the option `config_file`",
                path,
                name,
                said,
            )


def _of_working_folder(
    access: Access, config: Mapping[str, Any], given: Mapping[str, Any]
) -> list[str]:
    """The settings about the way that are taken from the working folder's file."""
    here = Path("dwave.conf")
    if given.get("config_file") or os.environ.get("DWAVE_CONFIG_FILE") or not here.is_file():
        return []  # a file that was named is meant
    if any(path.is_file() and path.samefile(here) for path in config_paths()[:-1]):
        return []  # the user's own folder
    parser = configparser.ConfigParser(default_section="defaults")
    try:
        parser.read_string(here.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        return []  # looking for the token has said so
    whole = configparser.ConfigParser(default_section="defaults")
    for path in config_paths():
        whole.read(path, encoding="utf-8")
    profile = given.get("profile") or os.environ.get("DWAVE_PROFILE")
    profile = profile or whole.defaults().get("profile") or next(iter(whole.sections()), None)
    section = parser[str(profile)] if profile in parser else parser.defaults()
    if section.get("token") == access.token:
        return []
    higher = {name for name, var in _VARIABLES.items() if given.get(name) or os.environ.get(var)}
    if higher.intersection(_CHOOSES):
        higher.update(_CHOOSES)
    return [name for name in _VARIABLES if section.get(name) and name not in higher]


def keep_home(session: Any, endpoint: str) -> Any:
    """Let a session of ``requests`` send to the endpoint's host only; returns the session.

    Every hop of a redirect and every address that an answer names passes here.
    """
    home = Origin.of(endpoint)
    for adapter in session.adapters.values():
        adapter.send = _kept(adapter.send, home)
    return session


def _kept(send: Callable[..., Any], home: Origin) -> Callable[..., Any]:
    def checked(request: Any, *args: Any, **kwargs: Any) -> Any:
        import requests
        from requests.utils import select_proxy

        there = Origin.of(str(request.url))
        if there != home and not (there.own and home.own):
            raise requests.exceptions.InvalidURL(
                f"{home} named another address, at {there}; it was not followed, as the token "
                "would have gone with it"
            )
        proxy = select_proxy(request.url, kwargs.get("proxies"))
        if there.scheme == "http" and proxy and not Origin.of(proxy).here:
            raise requests.exceptions.InvalidURL(
                f"the proxy {Origin.of(proxy).host} would read the token on its way to {there}, "
                "which is plain http; it was not used"
            )
        return send(request, *args, **kwargs)

    return checked


def guarded_client(kind: str, backend: str, access: Access, given: Mapping[str, Any]) -> Any:
    """D-Wave's client, whose token goes to one host.

    Arguments:
        kind: "qpu" or "hybrid".
        backend: the backend's name.
        access: the token.
        given: all that the client is given, beside the token.

    Raises:
        BackendUnavailable: an address in plain http.
    """
    from dwave.cloud.client import hybrid, qpu
    from dwave.cloud.config import load_config, validate_config_v1
    from dwave.cloud.regions import resolve_endpoints

    config = load_config(client=kind, token=access.token, **given)
    check_addresses(config, backend)
    # regions are public: they are asked for without the token
    known = {name: value for name, value in config.items() if name not in ("token", "client")}
    chosen = resolve_endpoints(validate_config_v1(known))
    config = {**config, "endpoint": chosen.endpoint, "region": None}
    check_addresses(config, backend)
    tell_of_working_folder(access, config, given)
    config.pop("client", None)
    base: Any = {"qpu": qpu.Client, "hybrid": hybrid.Client}[kind]

    class Guarded(base):
        """The client with all its sessions guarded."""

        def create_session(self) -> Any:
            return keep_home(super().create_session(), self.config.endpoint)

        @property
        def solvers_session(self) -> Any:
            known = getattr(self, "_solvers_session", None) is not None
            made = super().solvers_session
            if not known:
                keep_home(made.session, self.config.endpoint)
            return made

    return Guarded(**config)
