"""What every installed backend says of itself, without importing a plugin here.

The plugins are asked in a child process: one that prints, hangs or crashes while it is imported
is a row with that error, and neither the list nor the caller takes any harm. ``python -m
secateur.backends.listing NAME…`` is that child.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

PATIENCE = 20.0
"""Seconds for a plugin to be imported and to answer."""


@dataclass(frozen=True)
class BackendDescription:
    """One row of the list; what a plugin that fails cannot tell is None.

    Arguments:
        name: what users type.
        distribution: who registers it.
        version: of the distribution.
        installed: its packages are there.
        licensed: a licence or token is configured; None if none is needed or it cannot be told.
        usable: installed, and licensed if it has to be.
        detail: versions, the kind of licence, limits; or what is wrong.
        remedy: what to do if something is missing.
        capabilities: what it promises, by name.
    """

    name: str
    distribution: str
    version: str
    installed: bool | None = None
    licensed: bool | None = None
    usable: bool = False
    detail: str = ""
    remedy: str | None = None
    capabilities: dict[str, Any] | None = None


def describe_backends() -> list[BackendDescription]:
    """One description for each registered backend, by name; a name may occur twice."""
    from secateur.stages import BACKENDS, list_stages

    entries = list_stages(BACKENDS)
    answers = _ask([entry.name for entry in entries])
    return [
        BackendDescription(
            entry.name, entry.distribution, entry.version, **answers.get(entry.name, {})
        )
        for entry in entries
    ]


def _ask(names: list[str]) -> dict[str, dict[str, Any]]:
    """The answers of one child; of another for those that follow a plugin that killed it."""
    answers: dict[str, dict[str, Any]] = {}
    left = list(dict.fromkeys(names))
    while left:
        died = _child(left, answers)
        left = [name for name in left if name not in answers]
        if died is not None and left:
            answers[left.pop(0)] = {
                "detail": f"the plugin {died} while it was imported",
                "remedy": "report it to its distribution; the other backends are not affected",
            }
    return answers


def _child(names: list[str], answers: dict[str, dict[str, Any]]) -> str | None:
    """Fill in the answers to ``names`` in their order; how the child died, if it did.

    Its output is read by a thread that is not waited for: a plugin may have left a process behind
    that holds the pipe open.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", __name__, *names],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        start_new_session=True,
    )
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(child, lines), daemon=True).start()
    try:
        for name in names:
            line = _next(child, lines)
            if line is None:
                return f"hung for {PATIENCE:g} s"
            if not line:
                return f"ended Python with the code {child.wait()}"
            answers[name] = json.loads(line)
        return None
    finally:
        _end(child)


def _read(child: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
    assert child.stdout is not None
    with child.stdout as said:
        for line in said:
            if line.endswith("\n"):
                lines.put(line)
    lines.put("")


def _next(child: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> str | None:
    """The next line; "" from a child that ended before, None from one that does not answer."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        ended = child.poll() is not None
        try:
            return lines.get(timeout=0.2)
        except queue.Empty:
            if ended:  # and the pipe is held by somebody else
                return ""
    return None


def _end(child: subprocess.Popen[str]) -> None:
    """End the child and what plugins started in its session."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (AttributeError, OSError):  # another system, or nothing is left
        child.kill()
    child.wait()


def _describe(name: str) -> dict[str, Any]:
    from secateur.backends.guard import availability_of
    from secateur.backends.promised import check_backend
    from secateur.backends.registry import load_backend
    from secateur.errors import BackendError

    try:
        backend = load_backend(name)
        check_backend(backend)
        available = availability_of(backend)
        return {
            "installed": available.installed,
            "licensed": available.licensed,
            "usable": available.usable,
            "detail": available.detail,
            "remedy": available.remedy,
            "capabilities": asdict(backend.capabilities)
            | {"native": sorted(backend.capabilities.native)},
        }
    except BackendError as error:
        return {"detail": error.message, "remedy": error.remedy}
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the plugin's own code
        return {
            "detail": f"the plugin raised {type(error).__name__}: {error}",
            "remedy": "report it to its distribution; the other backends are not affected",
        }


def _main(names: list[str]) -> None:
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a plugin prints is not an answer
    own = os.getpid()
    from secateur.stages import read_once

    with read_once():
        for name in names:
            told = json.dumps(_describe(name))
            if os.getpid() != own:
                os._exit(0)  # a plugin forked, and this is its other half
            print(told, file=answer, flush=True)
    os._exit(0)  # all is said; what a plugin would do at the end of Python could hang, or take long


if __name__ == "__main__":
    _main(sys.argv[1:])
