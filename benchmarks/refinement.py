"""Refinement on the compensated metric beside its controls, at equal cost.

    python benchmarks/refinement.py --resume

Every search starts from the residual's greedy selection and sees two thirds of the selection crops
and the calibration crops, all masks compensated quickly. What it found is then compensated truly
and measured on what it saw, on the third that was held back, and on test photographs that nothing
saw. The controls: swaps at random, and no search but four times the calibration crops in the fit.
The setting "reference" is that of the paper's own experiment: eight layers, masked, not tied.

Rows are appended to a file beside the output; ``--resume`` goes on where it ends, seeds outermost.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from itertools import product
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from common import one_core, parser, write

from secateur.report.columns import Column
from secateur.report.table import markdown

Cell = tuple[str, float, int]
"""Network, amount and seed."""
AMOUNTS = {"halfunet": (0.65, 0.75, 0.85), "chain": (0.65, 0.75, 0.85), "reference": (0.36, 0.75)}
MORE = 4
"""Times the calibration crops, in the fit that is the control."""
DATA = "no search, 4 × the data in the fit"
RANDOM = "random swaps"
QUICK = {"patches": 6, "patch": 32, "selection_patches": 6, "test_patches": 2}
"""The task of the tiny configuration."""
AT = (0.1, 0.3, 1.0)
"""Shares of the evaluations at which the curve is told."""


def refiners(evaluations: int) -> dict[str, Any]:
    from secateur.refine import Exchange, TensorTrain

    return {
        RANDOM: Exchange(evaluations, guide="random"),
        "swaps guided by the QUBO": Exchange(evaluations),
        "law of rank 1": TensorTrain(evaluations, rank=1, neighbours=0.0),
        "law of rank 4": TensorTrain(evaluations, rank=4, neighbours=0.0),
        "law of rank 1 and guided swaps": TensorTrain(evaluations, rank=1),
    }


class Case:
    """A network measured with the calibration crops of a seed.

    Arguments:
        name: of the network, or "reference".
        seed: of the crops and the searches.
        quick: a tiny task.
    """

    def __init__(self, name: str, seed: int, quick: bool) -> None:
        from secateur import measure
        from secateur.tasks.denoising import denoising_task
        from secateur.zoo import pretrained_chain, pretrained_halfunet

        self.small = QUICK if quick else {}
        self.compensated = name != "reference"
        network = pretrained_chain() if name == "chain" else pretrained_halfunet()
        self.seed, self.task = seed, denoising_task(seed=seed, **self.small)
        ignored = () if self.compensated else ("decoder.0.0", "decoder.1.0")
        self.measured = measure(
            network,
            self.task,
            tied=self.compensated,
            ignored=ignored,
            probes=2 if quick else 20,
            seed=seed,
        )

    def more_calls(self) -> list[Any]:
        from secateur.tasks.denoising import denoising_task

        patches = self.small.get("patches", 96)
        more = denoising_task(seed=self.seed, **self.small | {"patches": MORE * patches})
        return [batch.call for batch in more.batches("calibration")]


def cells(case: Case, amount: float, evaluations: int, skip: set[str]) -> Iterator[dict[str, Any]]:
    """One row a method, the start first."""
    import secateur
    from secateur.methods import Method, resolve
    from secateur.metric import evaluate
    from secateur.network import count_of
    from secateur.network.cut import cut
    from secateur.problem import count
    from secateur.pruning.finishing import body_of
    from secateur.pruning.refining import part_of, races_of, searched_and_held
    from secateur.pruning.selecting import with_room
    from secateur.refine import refine
    from secateur.surgery import compensate

    measured, channels = case.measured, case.measured.channels
    objective = "residual" if case.compensated else "fisher"
    method = resolve(Method(objective, "greedy", compensated=case.compensated))
    number = count(count_of(amount, channels))
    problem = method.objective.problem(measured.statistics, with_room(channels, [number]))
    start = secateur.solve(problem, backend="greedy").bits
    body = body_of(measured.subject, method)
    network = measured.subject.network
    searched, held = searched_and_held(case.task, network, compensated=case.compensated)
    seen, apart = part_of(case.task, searched), part_of(case.task, held)

    def values(made: Any) -> dict[str, float]:
        return {
            "searched": evaluate(made, seen),
            "selection": evaluate(made, case.task, "selection"),
            "held": evaluate(made, apart),
            "test": evaluate(made, case.task),
        }

    def true(bits: Any) -> dict[str, float]:
        return values(body.made(bits == 0, compensated=case.compensated).network)

    before = true(start)
    if "start" not in skip:
        yield {"method": "start", "dense": evaluate(network, case.task), "true": before}
    if case.compensated and DATA not in skip:
        begun = time.process_time()
        keep = start == 0
        fitted = compensate(network, channels, keep, case.more_calls())
        seconds = time.process_time() - begun
        yield {"method": DATA, "seconds": seconds, "true": values(cut(fitted, channels, keep))}
    for name, refiner in refiners(evaluations).items():
        if name in skip:
            continue
        begun = time.process_time()
        races, _, _ = races_of(body, seen, compensated=case.compensated)
        setup = time.process_time() - begun
        begun = time.process_time()
        found = refine(races, problem, start, refiner, seed=case.seed)
        seconds = time.process_time() - begun
        after = true(found.bits)
        yield {
            "method": name,
            "seconds": seconds,
            "setup": setup,
            "evaluations": found.evaluations,
            "own": [found.start, found.value],
            "history": [list(point) for point in found.history],
            "true": after,
            "kept": all(after[split] > before[split] for split in ("selection", "held")),
        }


def measure_all(arguments: argparse.Namespace) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    rows_file: Path = arguments.output.with_suffix(".rows.jsonl")
    rows_file.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    if arguments.resume and rows_file.exists():
        rows = [json.loads(line) for line in rows_file.read_text().splitlines()]
    else:
        rows_file.write_text("")
    evaluations = arguments.evaluations
    for seed, name in product(range(arguments.seeds), arguments.networks):
        case: Case | None = None
        for amount in arguments.amounts or AMOUNTS[name]:
            key = {"network": name, "seed": seed, "amount": amount, "budget": evaluations}
            done = {row["method"] for row in rows if key.items() <= row.items()}
            every = {"start", *refiners(evaluations), *([] if name == "reference" else [DATA])}
            if done >= every:
                continue
            case = case or Case(name, seed, arguments.quick)
            for cell in cells(case, amount, evaluations, done):
                rows.append(key | cell)
                with rows_file.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
                short = {name: value for name, value in cell.items() if name != "history"}
                print(json.dumps(key | short), flush=True)
    wanted = [row for row in rows if row["budget"] == evaluations]
    return {"evaluations": evaluations, "rows": wanted}


COLUMNS = (
    Column("method", lambda row: row["method"]),
    Column("seconds", lambda row: row["seconds"], format=".0f"),
    Column("believed", lambda row: row["own"], left=True),
    *(
        Column(title, lambda row, split=split: row[split], left=True)
        for title, split in (("searched", "searched"), ("held back", "held"), ("test", "test"))
    ),
    Column("better on test", lambda row: row["better"], left=True),
    Column("kept", lambda row: row["kept"], left=True),
)

TOGETHER = (
    Column("method", lambda line: line["method"]),
    Column("gain", lambda line: line["gain"]),
    Column("least", lambda line: line["least"]),
    Column("worse than the start", lambda line: line["worse"]),
    Column("less random swaps", lambda line: line.get("against", "")),
)


def table(content: dict[str, Any]) -> str:
    """Gains over the start in dB, mean and single seeds."""
    rows = content["rows"]
    lines = [
        "# What a refinement gains",
        "",
        f"dB over its start, mean over seeds (single seeds in brackets), after "
        f"{content['evaluations']} evaluations: as the search believed at "
        + ", ".join(f"{share:.0%}" for share in AT)
        + " of them, and of the true compensation on what it searched, on the third of the "
        "selection crops that was held back, and on test photographs. CPU seconds of one thread. "
        "Kept: better on the selection split and on what was held back, as `refine=` demands.",
    ]
    for network, amount in dict.fromkeys((row["network"], row["amount"]) for row in rows):
        own = [row for row in rows if (row["network"], row["amount"]) == (network, amount)]
        start = {row["seed"]: row for row in own if row["method"] == "start"}
        dense = np.mean([row["dense"] for row in start.values()])
        before = np.mean([row["true"]["test"] for row in start.values()])
        lines += [
            "",
            f"## {network}, {amount:.0%} pruned",
            "",
            f"Dense {dense:.2f} dB, start {before:.2f} dB on test photographs. "
            f"Seeds: {len(start)}. {verdict(own, start)}",
            "",
            markdown(COLUMNS, [_line(own, start, name) for name in _methods(own)]),
        ]
    return "\n".join([*lines, "", *_together(rows)])


def explained(content: dict[str, Any]) -> str:
    """The table of the explanation: the gains on test, by network and amount."""
    gains = _by_cell(content["rows"])
    names = list(gains)

    def line(title: str, chosen: Callable[[Cell], bool]) -> list[str]:
        means = [np.mean([v for k, v in gains[name].items() if chosen(k)]) for name in names]
        return [title, *(f"{value:+.2f}" for value in means)]

    amounts = dict.fromkeys(key[:2] for key in gains[RANDOM])
    rows = [line(f"{n}, {a:.0%}", lambda k, of=(n, a): k[:2] == of) for n, a in amounts]
    rows.append(line("all", lambda k: True))
    columns = [Column("network", itemgetter(0), left=True)]
    columns += [Column(name, itemgetter(k + 1)) for k, name in enumerate(names)]
    return markdown(columns, rows)


def _by_cell(rows: list[dict[str, Any]]) -> dict[str, dict[Cell, float]]:
    """Gains on test of the compensated cells, by method."""
    start: dict[Cell, float] = {}
    gains: dict[str, dict[Cell, float]] = {}
    for row in rows:
        key = row["network"], row["amount"], row["seed"]
        if row["network"] == "reference":
            continue
        if row["method"] == "start":
            start[key] = row["true"]["test"]
        else:
            gains.setdefault(row["method"], {})[key] = row["true"]["test"] - start[key]
    return gains


def _together(rows: list[dict[str, Any]]) -> list[str]:
    """The gains on test over every network, amount and seed, and paired with random swaps'."""
    gains = _by_cell(rows)
    if not gains:
        return []
    lines = []
    for name, own in gains.items():
        values = np.array(list(own.values()))
        line = {"method": name, "gain": f"{values.mean():+.2f}", "least": f"{values.min():+.2f}"}
        line["worse"] = f"{np.sum(values < 0)} of {len(own)}"
        pairs = [own[key] - gains[RANDOM][key] for key in own]
        if name != RANDOM and len(pairs) > 1:
            error = np.std(pairs, ddof=1) / len(pairs) ** 0.5
            line["against"] = f"{np.mean(pairs):+.2f} ± {error:.2f}"
        lines.append(line)
    return [
        f"## All {len(gains[RANDOM])} compensated cells",
        "",
        "Gains on test photographs over every network, amount and seed, and less random swaps' in "
        "the same cell, with the standard error over cells.",
        "",
        markdown(TOGETHER, lines),
    ]


def _methods(rows: list[dict[str, Any]]) -> list[str]:
    return [name for name in dict.fromkeys(row["method"] for row in rows) if name != "start"]


def _gains(rows: list[dict[str, Any]], start: dict[int, Any], name: str, split: str) -> list[float]:
    return [
        row["true"][split] - start[row["seed"]]["true"][split]
        for row in rows
        if row["method"] == name
    ]


def _line(rows: list[dict[str, Any]], start: dict[int, Any], name: str) -> dict[str, Any]:
    own = [row for row in rows if row["method"] == name]
    line: dict[str, Any] = {"method": name, "seconds": np.mean([row["seconds"] for row in own])}
    for split in ("searched", "held", "test"):
        gains = _gains(rows, start, name, split)
        single = ", ".join(f"{gain:+.2f}" for gain in gains)
        line[split] = f"{np.mean(gains):+.2f} ({single})"
    line["better"] = f"{sum(gain > 0 for gain in _gains(rows, start, name, 'test'))} of {len(own)}"
    searches = [row for row in own if "history" in row]
    line["kept"] = f"{sum(row['kept'] for row in searches)} of {len(own)}" if searches else ""
    line["own"] = " ".join(f"{np.mean(gains):+.2f}" for gains in _curve(searches))
    return line


def _curve(searches: list[dict[str, Any]]) -> list[list[float]]:
    """What the searches believed to have gained at each share of the evaluations."""

    def gain(row: dict[str, Any], share: float) -> float:
        most = share * row["budget"] + 1e-9
        found = [value for spent, value in row["history"] if spent <= most]
        return max(found, default=row["own"][0]) - row["own"][0]

    return [[gain(row, share) for row in searches] for share in AT] if searches else []


def verdict(rows: list[dict[str, Any]], start: dict[int, Any]) -> str:
    """Where it paid: on test, more than its spread over seeds, and more than the controls."""

    def mean(name: str) -> float:
        return float(np.mean(_gains(rows, start, name, "test")))

    controls = [name for name in _methods(rows) if name in (RANDOM, DATA)]
    paid = []
    for name in _methods(rows):
        gains = _gains(rows, start, name, "test")
        sure = len(gains) > 1 and np.mean(gains) > 2 * np.std(gains, ddof=1) / len(gains) ** 0.5
        if name not in controls and sure and all(mean(name) > mean(one) for one in controls):
            paid.append(f"{name} ({mean(name):+.2f} dB)")
    if len(start) < 2:
        return "One seed decides nothing."
    if not paid:
        return "No search paid: none gains twice its standard error and more than every control."
    return "It paid: " + ", ".join(paid) + "."


def main() -> None:
    made = parser(__doc__, "refinement.json")
    made.add_argument("--seeds", type=int, default=5)
    made.add_argument("--evaluations", type=int, default=300)
    made.add_argument("--networks", nargs="+", default=list(AMOUNTS), choices=list(AMOUNTS))
    made.add_argument("--amounts", nargs="+", type=float, help="shares; by network unless given")
    made.add_argument("--resume", action="store_true", help="go on with the rows that there are")
    arguments = made.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.evaluations = 1, 3
        arguments.amounts, arguments.networks = [0.75], ["halfunet", "reference"]
    one_core()
    write(arguments.output, measure_all(arguments), table)


if __name__ == "__main__":
    main()
