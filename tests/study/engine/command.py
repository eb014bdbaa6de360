"""``secateur study run`` in a process of its own, with a group of its own, to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[3]
PATIENCE = 120.0


def write_instance(folder: Path, n: int, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    matrix = np.triu(rng.integers(-20, 21, (n, n)))
    lines = [f"{i} {j} {matrix[i, j]}" for i in range(n) for j in range(i, n)]
    (folder / f"random-{n}.coo").write_text("# vartype=BINARY\n" + "\n".join(lines) + "\n")


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-m", "secateur", "study", "run", "study.toml", *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )


def kill(process: subprocess.Popen[str]) -> None:
    """All of its group, as a machine that loses its power."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, err
    return out if code == 0 else err


def until(said, process: subprocess.Popen[str] | None = None) -> bool:
    """Whether it came true before the process ended."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if said():
            return True
        if process is not None and process.poll() is not None:
            return False
        time.sleep(0.01)
    raise AssertionError("it never came true")
