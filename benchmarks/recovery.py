"""Recovery without labels: decibels (or accuracy) against seconds, beside its controls.

    python benchmarks/recovery.py --resume

Both example networks and a small residual network for digits, five calibration seeds. Rows are
appended to ``recovery.jsonl`` as they are made; with ``--resume`` those that are there are not made
again. What is a side question is asked on two seeds at 75 %, the curve over seconds on one.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import common
import networks_digits as digits
import networks_models as models
import numpy as np
import recovery_ways as ways
import torch
from torch import nn
from torch.nn import functional as F

import secateur
from secateur.metric import evaluate
from secateur.recover import Distil, recover
from secateur.report.columns import Column
from secateur.report.table import markdown
from secateur.tasks import Task
from secateur.tasks.denoising import NoisyCrops, denoising_task
from secateur.tasks.photographs import load_photographs
from secateur.zoo import pretrained_chain, pretrained_halfunet

ZOO = {"halfunet": pretrained_halfunet, "chain": pretrained_chain}
NETWORKS = (*ZOO, "digits")
AMOUNTS = ("50%", "75%", "85%")
SECONDS = 20.0
CURVE = (5.0, 10.0, 40.0, 60.0)
TUNED = ("tuned as before", "tuned, settled", "tuned, settled, training photographs")
SIDE = 2
TINY = {"patches": 8, "patch": 32, "selection_patches": 4, "test_patches": 4, "unlabelled": 16}
KEY = ("seed", "network", "amount", "way", "seconds")


def cells(seeds: int, networks: tuple[str, ...]) -> list[dict[str, Any]]:
    """What is measured, seeds outermost."""
    made = []

    def add(way: str, amount: str, seconds: float = SECONDS) -> None:
        made.append(dict(zip(KEY, (seed, network, amount, way, seconds), strict=True)))

    for seed in range(seeds):
        for network in networks:
            for amount in AMOUNTS:
                add("distil", amount)
            if seed < SIDE:
                for way in (
                    "distil, Adam alone",
                    "supervised",
                    "more data in the fit",
                    "a second sweep",
                    "taylor, distil",
                ):
                    add(way, "75%")
                for way in ("distil", *TUNED):
                    add(way, "0%")
                if network != "digits":
                    add("features too", "75%")
                    add("training photographs", "75%")
            if seed == 0 and network != "digits":
                for seconds in CURVE:
                    add("distil", "75%", seconds)
                add("between two rounds", "75%")
    return made


class Place:
    """A network and its data under one calibration seed; measured once."""

    def __init__(self, name: str, seed: int, quick: bool) -> None:
        self.name, self.seed, self.quick = name, seed, quick
        self.dense, self.task, self.labelled = self._digits() if name == "digits" else self._zoo()
        self.measured = secateur.measure(
            self.dense, self.task, seed=seed, probes=2 if quick else 20
        )
        self.made = cache(self._made)

    def _zoo(self) -> tuple[nn.Module, Task, list]:
        small = TINY if self.quick else {}
        task = denoising_task(seed=self.seed, **small)
        more = {**small, "patches": 16 if self.quick else 768}
        return ZOO[self.name](), task, list(denoising_task(seed=self.seed, **more).calibration)

    def _digits(self) -> tuple[nn.Module, Task, list]:
        data = digits.digits()
        torch.manual_seed(0)
        network = models.ResNet(models.narrower(0.25))
        number = 1 if self.quick else 8
        digits.fit(network, list(digits.epochs_of(data, number, 0, False)), 3e-3, warm=0.3)
        few = tuple(part[:96] for part in data.train)
        many = digits.batches(data.train, seed=70 + self.seed, signal=False)
        return (
            network,
            Task(
                calibration=digits.batches(few, seed=10 + self.seed, signal=False),
                selection=digits.batches(data.selection, seed=1, signal=False, copies=4),
                test=digits.batches(data.test, seed=2, signal=False, copies=2),
                unlabelled=[x for x, _ in many],
                loss=F.cross_entropy,
                metric=lambda outputs, labels: (outputs.argmax(1) == labels).float(),
                metric_name="accuracy",
                likelihood="categorical",
            ),
            many,
        )

    def _made(self, objective: str, amount: str) -> tuple[nn.Module, np.ndarray]:
        if amount == "0%":
            return self.dense, np.ones(len(self.measured.channels), dtype=bool)
        method = secateur.Method(objective, "greedy")
        result = self.measured.prune(method, amount=amount)
        return result.network, result.selection.bits == 0

    def row(self, cell: dict[str, Any]) -> dict[str, Any]:
        """Measure a cell."""
        way, amount, seconds = cell["way"], cell["amount"], cell["seconds"]
        objective = "taylor" if way.startswith("taylor") else "residual"
        start, keep = self.made(objective, amount)
        cpu, wall = time.process_time(), time.perf_counter()
        network, more = self._again(way, start, keep, seconds)
        row = {
            **cell,
            "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
            "dense": evaluate(self.dense, self.task),
            "start": evaluate(start, self.task),
            "value": evaluate(network, self.task),
            "selection_start": evaluate(start, self.task, "selection"),
            "selection_value": evaluate(network, self.task, "selection"),
        }
        return row | more

    def _again(
        self, way: str, start: nn.Module, keep: np.ndarray, seconds: float
    ) -> tuple[nn.Module, dict[str, Any]]:
        if way == "more data in the fit":
            return ways.refitted(self.measured, keep), {}
        if way == "a second sweep":
            return ways.swept(self.measured, keep), {}
        if way.startswith("tuned"):
            settled, data = way != "tuned as before", self.labelled
            if "training photographs" in way and self.name != "digits":
                count, size = (16, 32) if self.quick else (768, 64)
                data = ways.training_pairs(count, size, self.seed)
            return ways.tuned(start, self.task, data, self.seed, settled), {}
        if way == "between two rounds":
            return self._between(seconds, int((~keep).sum())), {}
        task, kind = self.task, Distil
        if way == "supervised":
            task, kind = ways.on(task, self.labelled), ways.Supervised
        elif way == "training photographs":
            crops = task.unlabelled
            own = load_photographs().train
            other = NoisyCrops(own, crops.count, crops.patch, crops.batch, self.seed)
            task = ways.on(task, other)
        elif way == "features too":
            ways.Features.reads.clear()
            ways.Features.reads.update(ways.kept_reads(self.measured, keep))
            kind = ways.Features
        options = {"optimiser": "adam"} if "Adam" in way else {}
        how = ways.distil(kind, seconds, self.quick, **options)
        done = recover(start, self.dense, task, how, seed=self.seed)
        return done.network, {"looks": list(done.looks)}

    def _between(self, seconds: float, count: int) -> nn.Module:
        """Half of what is to go, half of the seconds; then the rest of both."""
        how = ways.distil(Distil, seconds / 2, self.quick)
        method = secateur.Method("residual", "greedy", recover=how)
        first = self.measured.prune(method, amount=count // 2)
        probes = 2 if self.quick else 20
        rest = count - count // 2
        again = secateur.prune(first, self.task, amount=rest, method=method, probes=probes)
        return again.network


def main() -> None:
    common.one_core()
    parser = common.parser(__doc__, "recovery.json")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--resume", action="store_true", help="go on with the rows that are there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    file = arguments.output.with_suffix(".jsonl")
    if not arguments.resume:
        file.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = _rows(file)
    wanted = cells(1 if arguments.quick else arguments.seeds, tuple(arguments.networks))
    if arguments.quick:
        wanted = [cell for cell in wanted if cell["amount"] in ("75%", "0%")]
        wanted = [cell for cell in wanted if cell["seconds"] == SECONDS]
    there = {tuple(row[name] for name in KEY) for row in rows}
    place: Place | None = None
    for cell in wanted:
        if tuple(cell.values()) in there:
            continue
        if place is None or (place.name, place.seed) != (cell["network"], cell["seed"]):
            place = Place(cell["network"], cell["seed"], arguments.quick)
        row = place.row(cell)
        with file.open("a") as lines:
            lines.write(json.dumps(row) + "\n")
        rows.append(row)
        print(f"{cell}: {row['start']:.3f} -> {row['value']:.3f}, {row['cpu']:.0f} s", flush=True)
    known = {tuple(row[name] for name in KEY): row for row in rows}
    made = [known[tuple(cell.values())] for cell in wanted]
    common.write(arguments.output, {"rows": made}, table)


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


COLUMNS = (
    Column("network", itemgetter(0)),
    Column("amount", itemgetter(1), left=True),
    Column("way", itemgetter(2), left=True),
    Column("for", itemgetter(3), unit="s", format="g"),
    Column("seeds", itemgetter(4)),
    Column("dense", itemgetter(5), format=".3f"),
    Column("start", itemgetter(6), format=".3f"),
    Column("after", itemgetter(7), format=".3f"),
    Column("gain", itemgetter(8), format="+.3f"),
    Column("least", itemgetter(9), format="+.3f"),
    Column("CPU", itemgetter(10), unit="s", format=".0f"),
)


def table(content: dict[str, Any]) -> str:
    """Means over seeds on the test split, and the least of what was won."""
    groups = defaultdict(list)
    for row in content["rows"]:
        groups[row["network"], row["amount"], row["way"], row["seconds"]].append(row)
    lines = [
        "# Recovery without labels",
        "",
        "Test photographs in dB, and the accuracy of digits; `residual` by greedy search, "
        "compensated, then recovered for so many seconds. The gain is paired by seed.",
        "",
    ]
    table_rows = []
    for (network, amount, way, seconds), rows in groups.items():
        gains = np.array([row["value"] - row["start"] for row in rows])
        means = [np.mean([row[name] for row in rows]) for name in ("dense", "start", "value")]
        spent = np.mean([row["cpu"] for row in rows])
        table_rows.append(
            [network, amount, way, seconds, len(rows), *means, gains.mean(), gains.min(), spent]
        )
    lines += [markdown(COLUMNS, table_rows), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
