"""A ResNet-50 from its channels to the smaller network: time and memory of every stage.

    python benchmarks/scale.py            26 560 filters, tied and untied, 64 images of 224 px
    python benchmarks/scale.py --quick    an eighth of the width, 4 images of 64 px

Each way runs in a process of its own, so that its peak of memory is its own. Written to
benchmarks/results/scale.json and .md.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import clocks, one_core, parser, peak_memory, percent, verdict, write

from secateur.report.columns import named
from secateur.report.table import markdown

AMOUNT, OBJECTIVE = "50%", "residual"
WAYS = ("tied", "untied")
CHILD = "--child"


def find(network: Any, task: Any, tied: bool, probes: int) -> Any:
    """The first half of ``secateur.measure``."""
    from secateur.methods import Measuring
    from secateur.pruning.subject import look_at

    return look_at(network, task, Measuring(tied=tied, probes=probes))


def measure(subject: Any) -> Any:
    """The other half."""
    from secateur.measured import measure_subject

    return measure_subject(subject)


def make(statistics: Any) -> Any:
    """Every coupling is there, as random weights have Fisher couplings that cannot be trusted."""
    from secateur.network import count_of
    from secateur.problem import count
    from secateur.pruning import make_problem

    demands = [count(count_of(AMOUNT, statistics.channels))]
    return make_problem(statistics, OBJECTIVE, demands)


def select(problem: Any, seconds: float) -> Any:
    import secateur

    return secateur.solve(problem, time_limit=seconds)


def compensate(network: Any, task: Any, channels: Any, keep: Any) -> Any:
    from secateur.surgery.compensation import fit

    calls = [batch.call for batch in task.batches("calibration")]
    return fit(network, channels, keep, calls, fit_batches=None).network


def cut(network: Any, channels: Any, keep: Any) -> Any:
    from secateur.network.cut import cut

    return cut(network, channels, keep)


def check(network: Any, task: Any, channels: Any, keep: Any, slim: Any) -> float:
    from secateur.surgery import check_cut

    return check_cut(network, channels, keep, slim, next(task.batches("calibration")).call)


def one(way: str, given: dict[str, Any]) -> dict[str, Any]:
    """One way, in this process: what it came to, and each stage's time and peak so far."""
    from scale_network import make_network, make_task, settle

    from secateur.statistics import reliability
    from secateur.surgery import count_parameters

    stages: list[dict[str, Any]] = []

    def timed(name: str, work: Callable[..., Any], *arguments: Any) -> Any:
        fresh_peak()
        with clocks() as seconds:
            found = work(*arguments)
        stages.append({"stage": name, **seconds, "peak_mib": peak_memory()})
        told = (
            f"{seconds['cpu']:.1f} s of the core, {seconds['wall']:.1f} s, {peak_memory():.0f} MiB"
        )
        print(f"{way}: {name}: {told}", file=sys.stderr, flush=True)
        return found

    network = make_network(given["divisor"])
    task = make_task(given["images"], given["pixels"], given["batch"])
    settle(network, task)
    before = peak_memory()
    subject = timed("channels", find, network, task, way == "tied", given["probes"])
    channels = subject.channels
    statistics = timed("statistics", measure, subject).statistics
    trust = timed("reliability", reliability, statistics)
    problem = timed("QUBO", make, statistics)
    del statistics
    selection = timed("selection", select, problem, given["limit"])
    keep = np.asarray(selection.bits) == 0
    about = {
        "way": way,
        "channels": len(channels),
        "groups": len(channels.groups),
        "widest": max(group.size for group in channels.groups),
        "couplings": len(problem.quadratic[2]),
        "count": int((~keep).sum()),
        "energy": selection.energy,
        "bound": selection.bound,
        "gap": selection.gap,
        "selection_timings": selection.timings,
        "before_mib": before,
        "reliability": trust,
    }
    del problem, selection
    fitted = timed("compensation", compensate, network, task, channels, keep)
    slim = timed("cut", cut, fitted, channels, keep)
    difference = timed("check", check, fitted, task, channels, keep, slim)
    left, dense = count_parameters(slim), count_parameters(network)
    return {**about, "difference": difference, "parameters": [dense, left], "stages": stages}


def fresh_peak() -> None:
    """The peak of memory is of what comes now, where the system can do that (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def run(ways: list[str], given: dict[str, Any]) -> dict[str, Any]:
    rows = []
    for way in ways:
        command = [sys.executable, str(Path(__file__)), CHILD, way, json.dumps(given)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{way}: the child ended with {done.returncode}")
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return {"rows": rows, "amount": AMOUNT, **given}


WHY = {
    "channels": "the network is run on atoms, and cut on trial in every way to decide its folds",
    "statistics": "one forward pass, and a backward pass for the loss and for every probe",
    "reliability": "the couplings of two halves of the images are compared",
    "QUBO": "every coupling inside a group is written into one problem",
    "selection": "the search and the proof take the seconds that they are given",
    "compensation": "both networks run over all images, and every layer that reads a channel that "
    "goes is fitted by least squares",
    "cut": "the network is copied",
    "check": "the masked and the cut network run over one batch",
}


def longest(row: dict[str, Any]) -> dict[str, Any]:
    return max(row["stages"], key=lambda stage: stage["cpu"])


def table(content: dict[str, Any]) -> str:
    rows = content["rows"]
    stages = [one["stage"] for one in rows[0]["stages"]]
    body = []
    for k, name in enumerate(stages):
        body.append([name])
        for row in rows:
            stage = row["stages"][k]
            body[-1] += [f"{stage['cpu']:.1f}", f"{stage['wall']:.1f}", f"{stage['peak_mib']:.0f}"]
    body.append(["in all"])
    for row in rows:
        cpu, wall = (sum(s[clock] for s in row["stages"]) for clock in ("cpu", "wall"))
        body[-1] += [f"{cpu:.1f}", f"{wall:.1f}", f"{peak(row):.0f}"]
    lines = [
        "# A ResNet-50, stage by stage",
        "",
        f"Random weights, {content['images']} images of {content['pixels']} px in batches of "
        f"{content['batch']}, {content['probes']} Fisher probes an image, {content['amount']} of "
        f"the channels pruned by the residual QUBO, {content['limit']:g} s for the selection, "
        "compensated, cut, and held against the mask. Peak memory is of the whole process during "
        "the stage, PyTorch, network and images included "
        f"({rows[0]['before_mib']:.0f} MiB before the first). CPU s are of the work, s of the "
        "clock, which the limit of the selection is of too: where the machine has other work (see "
        "the load), it is proven less far.",
        "",
    ]
    for row in rows:
        dense, left = row["parameters"]
        stage = longest(row)
        lines += [
            f"- {row['way']}: {spaced(row['channels'])} channels in {row['groups']} groups, the "
            f"widest {row['widest']}, {spaced(row['couplings'])} couplings; "
            f"{spaced(row['count'])} go ({bounded(row['gap'])}), {spaced(left)} of "
            f"{spaced(dense)} parameters stay; cut and masked network differ by "
            f"{row['difference']:.1g}. Longest: {stage['stage']} ({WHY[stage['stage']]}).",
        ]
    head = [
        "stage",
        *(f"{row['way']}: {unit}" for row in rows for unit in ("CPU s", "s", "peak MiB")),
    ]
    return "\n".join([*lines, "", markdown(named(*head), body)])


def bounded(gap: float | None) -> str:
    return verdict(gap) if not gap else f"no more than {percent(gap)} % from the optimum"


def peak(row: dict[str, Any]) -> float:
    return max(stage["peak_mib"] for stage in row["stages"])


def spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def main() -> None:
    arguments = parser(__doc__, "scale.json")
    arguments.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    arguments.add_argument("--images", type=int, default=64)
    arguments.add_argument("--batch", type=int, default=8)
    arguments.add_argument("--probes", type=int, default=4)
    arguments.add_argument("--limit", type=float, default=60.0, help="seconds for a selection")
    given = arguments.parse_args()
    one_core()
    quick = given.quick
    content = run(
        given.ways,
        {
            "divisor": 8 if quick else 1,
            "images": 4 if quick else given.images,
            "pixels": 64 if quick else 224,
            "batch": 2 if quick else given.batch,
            "probes": 2 if quick else given.probes,
            "limit": 2.0 if quick else given.limit,
        },
    )
    write(given.output, content, table)


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        print(json.dumps(one(sys.argv[2], json.loads(sys.argv[3]))))
    else:
        main()
