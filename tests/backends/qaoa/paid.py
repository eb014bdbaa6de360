"""A small problem on a real device, and what its journal says; for tests of money."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from secateur.backends import Solution
from secateur.backends.call import run
from secateur_backends.qaoa_device import QAOADevice

from .ibm_server import DEVICE
from .problems import random_problem

PROBLEM = random_problem(3, seed=1, ones=1)
OPTIONS = {"device": f"ibm:{DEVICE}", "shots": 100, "iterations": 3, "reps": 1, "max_charge_s": 60}
JOBS, SESSIONS = ("POST", "/jobs"), ("POST", "/sessions")


def solve(backend: Any = QAOADevice, **options: Any) -> Solution:
    return run(backend, PROBLEM, OPTIONS | options)


def records() -> list[dict[str, Any]]:
    folder = Path(os.environ["XDG_STATE_HOME"]) / "secateur" / "ibm"
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    return sorted(found, key=lambda record: record["created"])


def states() -> list[str]:
    return [record["state"] for record in records()]
