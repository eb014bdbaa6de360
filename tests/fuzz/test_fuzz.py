"""Inputs that were valid, made wrong: a right answer or an error with a remedy, and nothing else.

No traceback, no hang, no much memory, no end of the process. A fixed number of cases of a fixed
seed; ``python -m tests.fuzz.cases images=9000=1`` tries others.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CASES = {"options": 120, "folders": 200, "checkpoints": 200, "images": 700, "problems": 1500}


@pytest.fixture(scope="module")
def said():
    """Of one process for all kinds: most of its time is the import of PyTorch."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.cases", *(f"{k}={n}" for k, n in CASES.items())],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", CASES)
def test_no_case_is_anything_else(name, said):
    for told, fault in said[name]["wrong"]:
        print(told, fault, sep="\n")
    assert said[name]["wrong"] == []
    outcomes = said[name]["outcomes"]
    assert sum(outcomes.values()) == CASES[name]
    good = sum(outcomes.get(word, 0) for word in ("answer", "loaded", "read"))
    assert good >= CASES[name] // 50  # the cases are not all hopeless
    assert CASES[name] - good >= CASES[name] // 10
