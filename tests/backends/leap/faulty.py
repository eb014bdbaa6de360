"""After a fault: what the user sees, and what is on the bill."""

from __future__ import annotations

from typing import Any

import pytest

from secateur.backends import Solution
from secateur.errors import BackendError
from secateur.problem import Problem

from .conftest import Solve, best_energy, make_problem
from .server import LeapServer


@pytest.fixture
def problem() -> Problem:
    return make_problem(ones=3)


def paid_once(server: LeapServer, problem: Problem, found: Solution) -> None:
    assert found.samples.first.energy == pytest.approx(best_energy(problem))
    assert len(server.accepted) == 1
    assert server.charged == pytest.approx(3.0, abs=0.1)
    assert found.timings.access == pytest.approx(server.charged)


def refused(solve: Solve, problem: Problem, kind: type[BackendError], **given: Any) -> BackendError:
    with pytest.raises(kind) as caught:
        solve(problem, **given)
    assert "'leap'" in str(caught.value)
    assert caught.value.backend == "leap"
    assert caught.value.remedy
    # the client's errors may quote the token, and must not be printed below ours
    assert caught.value.__cause__ is None
    return caught.value
