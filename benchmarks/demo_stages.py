"""Where the seconds of the demo go, stage by stage.

    python benchmarks/demo_stages.py --before benchmarks/results/demo-stages-before.json

Runs ``secateur demo`` in this process, and adds up what each stage took by the clock of the
process, what it called included. A stage that runs within another (the metric within a recovery) is
counted in both. With another commit's ``core`` and ``backends`` on PYTHONPATH it times that one;
``--before`` puts the JSON of such a run beside. The committed figures are of two commits before the
demo drew a curve, when it pruned the large Half-UNet at one amount.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common import one_core, parser, write

STAGES = {
    "find_channels": "the channels, and a trial of them",
    "collect_statistics": "measuring",
    "solve": "solving the QUBOs",
    "fit": "compensating",
    "recover": "recovering, without labels",
    "check_cut": "holding the cut against the mask",
    "reestimate_batch_norm": "batch norm again",
    "evaluate": "the metric of networks",
    "measure_speed": "timing them",
    "count_macs": "counting MACs",
    "save_curve": "saving the curve, with its pictures",
    "save_somehow": "saving the networks, with figures",
}
QUICK = ["--network", "halfunet", "--amount", "85%", "--steps", "1"]
MODULES = (
    "secateur.pipeline",
    "secateur.report.curve",
    "secateur.report.folder",
    "secateur.solving.api",
    "secateur.tasks.denoising",
    "secateur.zoo",
)


def main() -> None:
    options = parser(__doc__, "demo-stages.json")
    options.add_argument("--before", type=Path, help="the JSON of another commit's run")
    given = options.parse_args()
    one_core()
    content = measured(QUICK if given.quick else [])
    if given.before is not None:
        content["before"] = json.loads(given.before.read_text())
    content["quick"] = given.quick
    write(given.output, content, table)


def measured(arguments: list[str]) -> dict:
    """The CPU seconds of each stage, of the imports before, and of all."""
    started = time.process_time()
    for name in MODULES:
        with contextlib.suppress(ModuleNotFoundError):  # another commit may have other rooms
            importlib.import_module(name)
    from secateur.cli import run

    imports = time.process_time() - started
    seconds, calls = dict.fromkeys(STAGES, 0.0), dict.fromkeys(STAGES, 0)
    watch(seconds, calls)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        command = ["demo", "--output", str(Path(folder) / "demo"), *arguments]
        started = time.process_time()
        code = run(command)
        total = time.process_time() - started
    if code:
        raise SystemExit(code)
    return {"imports": imports, "total": total, "seconds": seconds, "calls": calls}


def watch(seconds: dict[str, float], calls: dict[str, int]) -> None:
    """Put a clock around the functions of the stages, wherever they are known by their names."""
    watched: dict[int, Callable] = {}
    for module in [m for name, m in sys.modules.items() if name.startswith("secateur")]:
        for name, thing in list(vars(module).items()):
            ours = getattr(thing, "__module__", "") or ""
            if name in STAGES and inspect.isfunction(thing) and ours.startswith("secateur"):
                made = watched.setdefault(id(thing), timed(thing, name, seconds, calls))
                setattr(module, name, made)


def timed(function: Callable, name: str, seconds: dict, calls: dict) -> Callable:
    """The function, whose outermost calls are added up."""
    depth = 0

    @functools.wraps(function)
    def call(*args, **kwargs):
        nonlocal depth
        depth += 1
        started = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            depth -= 1
            if not depth:
                seconds[name] += time.process_time() - started
                calls[name] += 1

    return call


def table(content: dict) -> str:
    from secateur.report.columns import named
    from secateur.report.table import markdown

    before = content.get("before")
    names = ["stage", "calls", *(["seconds before"] if before else []), "seconds"]

    def row(text: str, calls: object, *keys: str) -> list[str]:
        values = []
        for run in ([before] if before else []) + [content]:
            value = run
            for key in keys:
                value = value.get(key, 0)  # another commit may have other stages
            values.append(f"{value:.1f}" if value else "")
        return [text, str(calls), *values]

    rows = [row("imports", "", "imports")]
    rows += [row(text, content["calls"][name], "seconds", name) for name, text in STAGES.items()]
    rows.append(row("all after the imports", "", "total"))
    lines = ["CPU seconds on one core; a stage within another counts in both."]
    if before:
        lines.append(f"Before: {before['of']}.")
    return "\n".join(
        ["# Where the seconds of the demo go", "", *lines, "", markdown(named(*names), rows), ""]
    )


if __name__ == "__main__":
    main()
