from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secateur.backends import Solution
from secateur.problem import Problem, at_most
from secateur_backends.leap import Leap

from .client import make_problem
from .server import TOKEN, LeapServer


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration, token or journal of whoever runs the tests; no proxy; no pauses."""
    for name in [n for n in os.environ if n.startswith("DWAVE_") or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name in ("CONFIG_HOME", "CONFIG_DIRS", "STATE_HOME", "CACHE_HOME"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fast_uploads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's pauses between the retries of an upload are fixed: 2 and 4 seconds."""
    from types import SimpleNamespace

    from dwave.cloud.utils import decorators

    monkeypatch.setattr(decorators, "time", SimpleNamespace(sleep=lambda seconds: None))


@pytest.fixture
def server() -> Iterator[LeapServer]:
    with LeapServer() as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


Solve = Callable[..., Solution]


@pytest.fixture
def solve(server: LeapServer, journal: Path) -> Solve:
    """Solve with short pauses; more options by keyword."""

    def run(problem: Problem, backend: Any = None, **given: Any) -> Solution:
        backend = backend or Leap()
        return backend.solve(problem, options_for(backend, server, journal, **given))

    return run


def options_for(backend: Any, server: LeapServer, journal: Path, **given: Any) -> Any:
    usual = {
        "token": TOKEN,
        "endpoint": server.endpoint,
        "journal": str(journal),
        "backoff": 0.01,
        "retries": 2,
        "wait": 20.0,
        "request_timeout": 10.0,
    }
    return backend.make_options(usual | given)


def limited_problem() -> Problem:
    problem = make_problem()
    limit = at_most(1, problem.variables[:3], name="conv.0")
    return make_problem(ones=3, limits=[limit])


def best_energy(problem: Problem) -> float:
    n = problem.n
    z = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return float(problem.energies(z[problem.feasible(z)]).min())
