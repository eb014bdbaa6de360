"""Where the seconds of the demo go, stage by stage.

    python benchmarks/demo_stages.py --output benchmarks/results/demo-stages.json

Runs ``secateur demo`` in this process under a profile, and adds up what each stage took by the
clock of the process, what it called included. A stage that runs within another (the metric within
a refinement) is counted in both.
"""

from __future__ import annotations

import contextlib
import cProfile
import io
import pstats
import tempfile
import time
from pathlib import Path

from common import one_core, parser, rows_of, write

STAGES = {
    "find_channels": "the channels, and a trial of them",
    "collect_statistics": "measuring",
    "solve": "solving the QUBOs",
    "refine": "refining, on the true metric",
    "fit": "compensating",
    "check_cut": "holding the cut against the mask",
    "reestimate_batch_norm": "batch norm again",
    "evaluate": "the metric of networks",
    "measure_speed": "timing them",
    "count_macs": "counting MACs",
    "save_result": "saving, with figures",
}


def main() -> None:
    given = parser(__doc__, "demo-stages.json").parse_args()
    one_core()
    content = measured(["--evaluations", "2"] if given.quick else [])
    content["quick"] = given.quick
    write(given.output, content, table)


def measured(arguments: list[str]) -> dict:
    """The CPU seconds of each stage, of the imports before, and of all."""
    started = time.process_time()
    import secateur.pipeline
    import secateur.report
    import secateur.tasks.denoising
    import secateur.zoo  # noqa: F401
    from secateur.cli import run

    imports = time.process_time() - started
    profile = cProfile.Profile(time.process_time)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        command = ["demo", "--output", str(Path(folder) / "demo"), *arguments]
        started = time.process_time()
        code = profile.runcall(run, command)
        total = time.process_time() - started
    if code:
        raise SystemExit(code)
    stats = pstats.Stats(profile).stats
    seconds = dict.fromkeys(STAGES, 0.0)
    calls = dict.fromkeys(STAGES, 0)
    for (file, _, name), (_, number, _, cumulative, _) in stats.items():
        if name in STAGES and "secateur" in file:
            seconds[name] = max(seconds[name], cumulative)
            calls[name] = max(calls[name], number)
    return {"imports": imports, "total": total, "seconds": seconds, "calls": calls}


def table(content: dict) -> str:
    rows = [["imports", "", f"{content['imports']:.1f}"]]
    for name, text in STAGES.items():
        rows.append([text, str(content["calls"][name]), f"{content['seconds'][name]:.1f}"])
    rows.append(["all after the imports", "", f"{content['total']:.1f}"])
    return "\n".join(
        [
            "# Where the seconds of the demo go",
            "",
            "CPU seconds on one core, under a profile; a stage within another counts in both.",
            "",
            rows_of(["stage", "calls", "seconds"], rows),
            "",
        ]
    )


if __name__ == "__main__":
    main()
