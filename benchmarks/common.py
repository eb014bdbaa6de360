"""What all benchmarks share: one thread, one clock, and results that say where they come from."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
RESULTS = Path(__file__).parent / "results"


def one_core() -> None:
    """Start again with one thread for numerical libraries: they read it when they are loaded."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.environ.update(dict.fromkeys(THREADS, "1"))
        os.execv(sys.executable, [sys.executable, *sys.argv])


def parser(text: str | None, output: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=(text or "").split("\n")[0])
    made.add_argument("--quick", action="store_true", help="a tiny configuration, in seconds")
    made.add_argument("--output", type=Path, default=RESULTS / output)
    return made


@contextlib.contextmanager
def clocks() -> Iterator[dict[str, float]]:
    """Seconds of the processor (this process, all threads) and of the wall."""
    seconds: dict[str, float] = {}
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        yield seconds
    finally:
        seconds["cpu"] = time.process_time() - cpu
        seconds["wall"] = time.perf_counter() - wall


def scip() -> str | type[Any]:
    """The plugin's name if it is installed, else its class from this repository, else its name."""
    from secateur.stages import BACKENDS, list_stages

    if any(entry.name == "scip" for entry in list_stages(BACKENDS)):
        return "scip"
    sys.path.append(str(Path(__file__).parents[1] / "plugins" / "scip"))
    try:
        from secateur_scip import SCIP
    except ModuleNotFoundError:
        return "scip"
    return SCIP


def peak_memory() -> float:
    """The largest resident memory of this process so far, in MiB.

    Linux counts that of the process that started this one into ``ru_maxrss``, so it is asked
    elsewhere.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def about() -> dict[str, Any]:
    """Where and with what it ran."""
    from secateur.backends.listing import describe_backends
    from secateur.versions import versions

    backends = {d.name: d.detail for d in describe_backends() if d.usable and d.detail}
    given = [Path(word).name if word.startswith("/") else word for word in sys.argv[1:]]
    return {
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *given]),
        "versions": versions() | backends,
        "threads": 1,
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "load": os.getloadavg()[0],
    }


def write(output: Path, content: dict[str, Any], table: Callable[[dict[str, Any]], str]) -> None:
    """The results as JSON and, beside it, as Markdown."""
    content = about() | content
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(content, indent=1) + "\n")
    names = {
        name: value.split(";")[0]
        for name, value in content["versions"].items()
        if name not in ("neal", "path-integral", "steepest-descent", "qaoa-device")
    }
    lines = [
        table(content).rstrip(),
        "",
        f"`{content['command']}`, one thread, on {content['processors']} cores, {content['system']}"
        f", load {content['load']:.1f} at the end ("
        + ", ".join(f"{name} {value}" for name, value in names.items())
        + ").",
        "",
    ]
    output.with_suffix(".md").write_text("\n".join(lines))


def percent(value: float | None) -> str:
    """A share in %, "none" without one."""
    if value is None:
        return "none"
    return "0" if abs(value) < 1e-9 else f"{100 * value:.3g}"


def verdict(gap: float | None) -> str:
    """The words of a selection."""
    if gap is None:
        return "no bound"
    return "proven" if gap == 0 else f"{100 * gap:.3g} %"
