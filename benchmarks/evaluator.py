"""What a refinement pays for a mask: the masked network, one mask after the other, and our way.

    python benchmarks/evaluator.py            # a table, and result files
    python benchmarks/evaluator.py --json     # two ratios a network on stdout, nothing else

The masks are those that an exchange search and a tensor train ask for, in the groups in which they
ask for them. Every mask is evaluated on the whole selection split, so that racing is counted
nowhere. The ways take turns, group by group, within one run; times are ratios to the masked
network's on one thread, the start (and with it the first use of our way) apart. One process is
timed by the processor's clock, which others on the machine disturb less, two by the wall's.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

from common import clocks, one_core, parser, write

WAYS = {
    "masked": "masked, one after the other",
    "cut": "cut, one after the other",
    "one": "ours, one process",
    "two": "ours, two processes",
}


@dataclass
class Asked:
    """A metric that writes down which masks it is asked for together."""

    races: Any
    groups: list[list[Any]] = field(default_factory=list)

    @property
    def spent(self) -> float:
        return self.races.spent

    @property
    def quick_cost(self) -> float:
        return self.races.quick_cost

    def full(self, bits):
        return self.races.full(bits)

    def quick(self, bits):
        return self.races.quick(bits)

    def fulls(self, rows):
        return self.races.fulls(rows)

    def quicks(self, rows):
        self.groups.append(list(rows))
        return self.races.quicks(rows)


def networks(quick: bool) -> dict[str, tuple[Any, Any]]:
    """Networks and tasks by name."""
    import networks_digits
    import networks_models
    import torch
    from torch.nn import functional as F

    from secateur.tasks import Task
    from secateur.tasks.denoising import denoising_task
    from secateur.zoo import pretrained_chain, pretrained_halfunet

    torch.manual_seed(0)
    resnet = networks_models.ResNet(
        (lambda width: width // 8) if quick else networks_models.dense
    ).eval()
    digits = networks_digits.digits()
    images = networks_digits.batches(digits.selection, seed=0, signal=False)
    images = images[: 1 if quick else 4]
    classify = Task(images, lambda o, t: F.cross_entropy(o, t, reduction="none"), name="digits",
                    likelihood="categorical")  # fmt: skip
    if quick:
        return {"resnet": (resnet, classify)}
    task = denoising_task(patches=32, selection_patches=32)
    return {
        "chain": (pretrained_chain(), task),
        "halfunet": (pretrained_halfunet(), task),
        "resnet": (resnet, classify),
    }


def asked(network: Any, task: Any, amount: float, evaluations: int, seed: int) -> Any:
    """An evaluator, the start, and the groups of masks that refinements ask for."""
    from secateur.metric import Evaluator
    from secateur.network import find_channels, keep_one_each
    from secateur.objectives import fisher_qubo
    from secateur.problem import Problem, count
    from secateur.problem.moves import Moves
    from secateur.refine import Exchange, Races, TensorTrain, refine
    from secateur.statistics import collect_statistics

    channels = find_channels(network, task.example())
    statistics = collect_statistics(network, task, channels, probes=2)
    ones = round(amount * len(channels))
    problem = Problem(fisher_qubo(statistics), [count(ones), *keep_one_each(channels)])
    start = Moves(problem).incumbent()
    evaluator = Evaluator(network, channels, task)
    groups = []
    for method in (Exchange(evaluations), TensorTrain(evaluations, rank=1)):
        metric = Asked(Races(evaluator, workers=1))
        refine(metric, problem, start, method, seed=seed)
        groups += [rows for rows in metric.groups if len(rows) > 1]
    return evaluator, start, groups


def timed(evaluator: Any, start: Any, groups: list[list[Any]], two: bool) -> dict[str, Any]:
    """Seconds of every way on the same masks, and how far their values are apart."""
    from secateur.refine import Races

    ways = {
        "masked": Races(evaluator, state=evaluator.masking, workers=1),
        "cut": Races(evaluator, state=evaluator.cutting, workers=1),
        "one": Races(evaluator, workers=1),
        **({"two": Races(evaluator, workers=2)} if two else {}),
    }
    first: dict[str, float] = {}
    seconds, wall = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0.0)
    for way, races in ways.items():
        with clocks() as taken:
            races.full(start)
        first[way] = taken["cpu"]
    worst, number = 0.0, 0
    for rows in groups:
        values = {}
        for way, races in ways.items():
            with clocks() as taken:
                values[way] = races.fulls(rows)
            seconds[way] += taken["cpu"]
            wall[way] += taken["wall"]
        number += len(rows)
        for found in values.values():
            gaps = [abs(a - b) for a, b in zip(found, values["masked"], strict=True)]
            worst = max(worst, *gaps)
    for races in ways.values():
        races.close()
    speedup = {
        way: wall["masked"] / wall[way] if way == "two" else seconds["masked"] / seconds[way]
        for way in ways
    }
    return {
        "masks": number,
        "cpu": seconds,
        "wall": wall,
        "speedup": speedup,
        "first": first,
        "difference": worst,
    }


def main() -> None:
    made = parser(__doc__, "evaluator.json")
    made.add_argument("--json", action="store_true", help="print two ratios a network, and no more")
    made.add_argument("--amount", type=float, default=0.75, help="of the channels, pruned")
    made.add_argument("--evaluations", type=int, default=10, help="of each of the two refinements")
    made.add_argument("--seed", type=int, default=0)
    arguments = made.parse_args()
    import torch

    torch.set_num_threads(1)
    two = len(os.sched_getaffinity(0)) > 1
    if not two:
        print("one core only: two processes are not timed", file=sys.stderr)
    rows = []
    for name, (network, task) in networks(arguments.quick).items():
        evaluations = 2 if arguments.quick else arguments.evaluations
        began = time.perf_counter()
        evaluator, start, groups = asked(
            network, task, arguments.amount, evaluations, arguments.seed
        )
        groups = groups[:2] if arguments.quick else groups
        row = {"network": name, **timed(evaluator, start, groups, two)}
        row["total"] = time.perf_counter() - began
        rows.append(row)
        print(f"{name}: {row['total']:.0f} s", file=sys.stderr, flush=True)
    if arguments.json:
        answer = {
            f"speedup_{cores}_core{'s' if cores == 'two' else ''}": {
                row["network"]: row["speedup"].get(cores) for row in rows
            }
            for cores in ("one", "two")
        }
        print(json.dumps(answer))
        return
    write(Path(arguments.output), {"amount": arguments.amount, "rows": rows}, table)


def table(content: dict[str, Any]) -> str:
    from secateur.report.columns import Column
    from secateur.report.table import markdown

    columns = (
        Column("network", itemgetter("network")),
        Column("masks", itemgetter("masks")),
        Column("ms masked", lambda r: 1e3 * r["cpu"]["masked"] / r["masks"], format=".1f"),
        *(
            Column(WAYS[way], lambda r, way=way: r["speedup"].get(way), format=".2f")
            for way in WAYS
            if way != "masked"
        ),
        Column("first use, s", lambda r: r["first"]["one"], format=".2f"),
        Column("difference", itemgetter("difference"), format=".1e"),
    )
    return "\n".join(
        [
            "# What a refinement pays for a mask",
            "",
            f"Candidates of an exchange search and a tensor train at {content['amount']:.0%}, each "
            "evaluated on the whole selection split: times faster than the masked network, one "
            "mask after the other, on one thread; by the processor's clock, two processes by the "
            "wall's.",
            "",
            markdown(columns, content["rows"]),
        ]
    )


if __name__ == "__main__":
    one_core()
    main()
