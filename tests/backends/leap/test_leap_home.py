"""The token goes to the address that was chosen, and to nobody else; over real HTTP."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from secateur.backends import Status
from secateur.errors import BackendError, BackendUnavailable
from secateur_backends.leap import Leap
from secateur_backends.leap_qpu import LeapQPU
from secateur_backends.leap_route import Origin

from .client import make_problem
from .conftest import Solve, options_for
from .server import TOKEN, Fault, LeapServer

ASKED = ("list", "submit", "poll", "answer")
UPLOADED = ("upload", "upload-status", "part", "combine")
REGIONS = "application/vnd.dwave.metadata.regions+json; version=1.0.0"


class Stranger:
    """Any HTTP server that is not the one that was chosen; writes down all that it hears.

    It is reached at ``near``, which is this machine, and at ``far``, which is the same socket by
    an address that does not say so: what a service elsewhere looks like.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.answer: tuple[str, bytes] = ("application/json", b"[]")
        stranger = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                stranger.heard.append(f"{self.requestline}\n{self.headers}\n{body!r}")
                kind, data = stranger.answer
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_PUT = do_DELETE = do_CONNECT = do_GET  # noqa: N815

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Stranger:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def near(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/sapi/v2/"

    @property
    def far(self) -> str:
        return self.near.replace("127.0.0.1", "0.0.0.0")

    @property
    def told(self) -> bool:
        return any(TOKEN in said for said in self.heard)


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with Stranger() as running:
        yield running


def test_the_vendors_own_client_tells_the_stranger(
    stranger: Stranger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tests below would see if nothing were done."""
    from dwave.cloud.client import Client

    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    (tmp_path / "dwave.conf").write_text(f"[defaults]\nendpoint = {stranger.far}\n")
    with Client.from_config(cache_enabled=False) as client, pytest.raises(Exception):  # noqa: B017, PT011
        client.get_solvers()
    assert stranger.told


# --- plain http


def solve_by(stranger: Stranger, by: str, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    """Set the stranger's far address in one of the ways, and solve."""
    given: dict[str, Any] = {"journal": str(here / "journal"), "backoff": 0.01, "wait": 5.0}
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    match by:
        case "option":
            given["endpoint"] = stranger.far
        case "environment":
            monkeypatch.setenv("DWAVE_API_ENDPOINT", stranger.far)
        case "leap endpoint":
            monkeypatch.setenv("DWAVE_LEAP_API_ENDPOINT", stranger.far)
        case "user's file":
            path = here / "config_home/dwave/dwave.conf"
            path.parent.mkdir(parents=True)
            path.write_text(f"[a]\nendpoint = {stranger.far}\n")
        case "working folder":
            (here / "dwave.conf").write_text(f"[a]\nendpoint = {stranger.far}\n")
        case "file by option":
            (here / "my.conf").write_text(f"[a]\nendpoint = {stranger.far}\ntoken={TOKEN}\n")
            given["config_file"] = str(here / "my.conf")
        case "list of regions":
            monkeypatch.setenv("DWAVE_METADATA_API_ENDPOINT", stranger.far)
            given["region"] = "eu-central-1"
        case "a listed region":
            monkeypatch.setenv("DWAVE_METADATA_API_ENDPOINT", stranger.near)
            stranger.answer = (REGIONS, regions(stranger.far))
            given["region"] = "eu-central-1"
    Leap().solve(make_problem(ones=3), Leap.make_options(given))


def regions(endpoint: str) -> bytes:
    listed = [{"code": "eu-central-1", "name": "Europe", "endpoint": endpoint}]
    return json.dumps(listed).encode()


@pytest.mark.parametrize(
    "by",
    [
        "option",
        "environment",
        "leap endpoint",
        "user's file",
        "working folder",
        "file by option",
        "list of regions",
        "a listed region",
    ],
)
def test_plain_http_to_another_machine_is_refused(
    by: str, stranger: Stranger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackendUnavailable, match=r"an address of 0\.0\.0\.0 in plain http") as seen:
        solve_by(stranger, by, monkeypatch, tmp_path)
    assert "https" in str(seen.value.remedy)
    assert TOKEN not in str(seen.value)
    assert not stranger.told
    assert len(stranger.heard) == (by == "a listed region")  # asked for it without the token


def test_the_list_of_regions_is_asked_for_without_the_token(
    stranger: Stranger, solve: Solve, server: LeapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DWAVE_METADATA_API_ENDPOINT", stranger.near)
    stranger.answer = (REGIONS, regions(server.endpoint))
    found = solve(make_problem(ones=3), endpoint=None, region="eu-central-1")
    assert found.status is Status.FEASIBLE
    assert len(server.accepted) == 1
    assert stranger.heard
    assert not stranger.told


@pytest.mark.parametrize(
    ("url", "here", "own"),
    [
        ("http://localhost:8000/sapi", True, False),
        ("http://LOCALHOST/", True, False),
        ("http://127.0.0.1:1/", True, False),
        ("http://[::1]:8080/", True, False),
        ("http://localhost.example.com/", False, False),
        ("http://127.0.0.1@example.com/", False, False),
        ("http://example.com#@localhost/", False, False),
        ("http://example.com\\@localhost/", False, False),
        ("http://0.0.0.0/", False, False),
        ("https://cloud.dwavesys.com/sapi/", False, True),
        ("https://na-west-1.cloud.dwavesys.com/sapi/v2", False, True),
        ("http://cloud.dwavesys.com/sapi/", False, False),
        ("https://evildwavesys.com/", False, False),
        ("https://dwavesys.com.example.com/", False, False),
        ("", False, False),
    ],
)
def test_what_is_this_machine_and_what_is_the_vendors(url: str, here: bool, own: bool) -> None:
    assert (Origin.of(url).here, Origin.of(url).own) == (here, own)


# --- sent on to another address


@pytest.mark.usefixtures("fast_uploads")
@pytest.mark.parametrize(
    ("step", "backend"),
    [
        *((step, backend) for step in ASKED for backend in (Leap, LeapQPU)),
        *((step, Leap) for step in UPLOADED),  # a chip's problem is sent with the job
    ],
)
def test_no_redirect_takes_the_token_to_another_host(
    step: str, backend: Any, stranger: Stranger, server: LeapServer, journal: Path
) -> None:
    server.always[step] = Fault(redirect=stranger.near)
    options = options_for(backend(), server, journal, wait=0.5, retries=0)
    with pytest.raises(BackendError) as seen:
        backend().solve(make_problem(), options)
    assert not stranger.heard
    assert TOKEN not in str(seen.value)
    # the client repeats a poll until the time is up, and does not say what became of a part
    if step not in ("poll", "upload-status"):
        assert "it was not followed" in str(seen.value)


def test_no_redirect_while_looking_for_a_job(
    stranger: Stranger, server: LeapServer, solve: Solve
) -> None:
    server.faults["submit"].append(Fault(drop="after"))
    server.always["find"] = Fault(redirect=stranger.near)
    with pytest.raises(BackendError, match="it could not be asked"):
        solve(make_problem())
    assert not stranger.heard


def test_a_redirect_within_the_host_is_followed(server: LeapServer, solve: Solve) -> None:
    server.faults["list"].append(Fault(redirect=f"{server.endpoint}solvers/remote/"))
    assert solve(make_problem()).status is Status.FEASIBLE


# --- proxies


@pytest.mark.parametrize("by", ["http_proxy", "ALL_PROXY", "DWAVE_API_PROXY"])
def test_plain_http_does_not_go_through_a_proxy_elsewhere(
    by: str,
    stranger: Stranger,
    server: LeapServer,
    solve: Solve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(by, stranger.far)
    with pytest.raises(BackendUnavailable, match=r"the proxy 0\.0\.0\.0 would read the token"):
        solve(make_problem())
    assert not stranger.heard
    assert server.steps == []


# --- the file of the working folder


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING)
    return caplog


def warned(said: pytest.LogCaptureFixture) -> list[str]:
    records = [r.getMessage() for r in said.records if r.name.startswith("secateur")]
    return [text for text in records if "in the working folder" in text]


@pytest.mark.parametrize("by", ["option", "environment", "user's file"])
def test_an_endpoint_of_the_working_folder_is_told(
    by: str,
    server: LeapServer,
    solve: Solve,
    tmp_path: Path,
    said: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: dict[str, Any] = {"token": None, "endpoint": None}
    if by == "option":
        given["token"] = TOKEN
    elif by == "environment":
        monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    else:
        path = tmp_path / "config_home/dwave/dwave.conf"
        path.parent.mkdir(parents=True)
        path.write_text(f"[defaults]\ntoken = {TOKEN}\n")
    (tmp_path / "dwave.conf").write_text(f"[defaults]\nendpoint = {server.endpoint}\n")
    solve(make_problem(), **given)
    (text,) = warned(said)
    assert str(tmp_path / "dwave.conf") in text
    assert "`endpoint`" in text
    assert "127.0.0.1" in text
    assert TOKEN not in text


def test_what_else_a_file_of_the_working_folder_can_do(
    server: LeapServer, solve: Solve, tmp_path: Path, said: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "dwave.conf").write_text(
        "[defaults]\npermissive_ssl = true\nproxy = https://127.0.0.1:9/\n"
    )
    with pytest.raises(BackendUnavailable, match="could not be reached"):
        solve(make_problem(), retries=0)
    about = sorted(text.split("`")[1] for text in warned(said))
    assert about == ["permissive_ssl", "proxy"]


@pytest.mark.parametrize(
    "case", ["endpoint given", "token there too", "file named", "off", "vendor's", "user's folder"]
)
def test_no_warning_where_nothing_is_led_astray(
    case: str,
    server: LeapServer,
    solve: Solve,
    tmp_path: Path,
    said: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: dict[str, Any] = {}
    text = f"[defaults]\nendpoint = {server.endpoint}\n"
    match case:
        case "token there too":
            text += f"token = {TOKEN}\n"
            given = {"token": None, "endpoint": None}
        case "file named":
            given = {"endpoint": None, "config_file": "dwave.conf"}
        case "off":
            text = "[defaults]\npermissive_ssl = false\n"
        case "vendor's":
            text = "[defaults]\nregion = na-west-1\n"
        case "user's folder":
            given = {"endpoint": None}
            (tmp_path / "dwave").mkdir()
            monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
            monkeypatch.chdir(tmp_path / "dwave")
    Path("dwave.conf").write_text(text)
    assert solve(make_problem(), **given).status is Status.FEASIBLE
    assert warned(said) == []
