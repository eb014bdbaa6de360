"""How many patches the fit wants, and the statistics; and which objective stands few of them.

    python benchmarks/fit.py --seeds 3
    python benchmarks/fit.py --few --amounts 75% --output benchmarks/results/fit-few.json

PSNR is on test photographs. Every row is appended to a file of lines as it ends; `--resume` skips
what is there. The seed is of the calibration crops.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import common
import numpy as np
import torch

import secateur
from secateur.methods import Method
from secateur.methods.ridge import RIDGES
from secateur.pruning.finishing import Body
from secateur.report.columns import Column
from secateur.report.table import markdown
from secateur.tasks.denoising import denoising_task
from secateur.tasks.photographs import load_photographs
from secateur.zoo import pretrained_chain, pretrained_halfunet, pretrained_small_halfunet

NETWORKS = {
    "chain": pretrained_chain,
    "halfunet": pretrained_halfunet,
    "small-halfunet": pretrained_small_halfunet,
}
BATCH, USUAL = 16, 96
PATCHES = (48, 96, 192, 384, 768, 1536)
FEW = (8, 16, 32, 64, 96)
OBJECTIVES = ("taylor", "fisher", "residual", "residual+fisher")
QUICK = {"patch": 32, "selection_patches": 4, "test_patches": 4}

Cell = dict[str, Any]
Run = Callable[[dict[str, Any]], Iterator[Cell]]


class Networks:
    """Measured networks; one at a time is held.

    Arguments:
        quick: few probes and small crops.
    """

    def __init__(self, quick: bool) -> None:
        self.quick, self.photographs = quick, load_photographs()
        self.key: tuple[Any, ...] = ()
        self.measured: Any = None
        self.selections: dict[str, Any] = {}

    def of(self, name: str, seed: int, patches: int, unlabelled: int) -> Any:
        """A network that was measured on so many patches."""
        key = name, seed, patches, unlabelled
        if key != self.key:
            task = denoising_task(
                self.photographs,
                seed=seed,
                patches=patches,
                unlabelled=unlabelled,
                batch=min(2 if self.quick else BATCH, patches),
                **(QUICK if self.quick else {}),
            )
            self.measured = secateur.measure(
                NETWORKS[name](), task, seed=seed, probes=2 if self.quick else 20
            )
            self.key, self.selections = key, {}
        return self.measured

    def selection(self, objective: str, amount: str) -> Any:
        """What goes of the network that was asked for last; made once."""
        if amount not in self.selections:
            method = Method(objective, compensated=False)
            self.selections[amount] = self.measured.prune(method, amount=amount).selection
        return self.selections[amount]


def curve(given: argparse.Namespace, networks: Networks) -> Iterator[tuple[Cell, Run]]:
    """The fit alone, on more patches than the statistics, and both on as many."""
    most, size = max(given.patches), 2 if given.quick else BATCH
    for seed, name, kind in itertools.product(
        range(given.seeds), given.networks, ("fit", "statistics and fit")
    ):
        for patches, amount in itertools.product(given.patches, given.amounts):
            cell = {"seed": seed, "network": name, "kind": kind, "patches": patches}

            def run(cell: Cell) -> Iterator[Cell]:
                measured = networks.of(
                    cell["network"],
                    cell["seed"],
                    given.usual if cell["kind"] == "fit" else cell["patches"],
                    most if cell["kind"] == "fit" else 0,
                )
                chosen = networks.selection(given.objective, cell["amount"])
                with common.clocks() as seconds:
                    worth = measured.evaluate(chosen, fit_batches=-(-cell["patches"] // size))
                yield {
                    "psnr": worth.compensated,
                    "dense": worth.dense,
                    "seconds": seconds["cpu"],
                }

            yield cell | {"amount": amount}, run


def few(given: argparse.Namespace, networks: Networks) -> Iterator[tuple[Cell, Run]]:
    """Every objective, everything on so many patches; and one of them with other ridges."""
    for seed, name, patches, amount in itertools.product(
        range(given.seeds), given.networks, given.patches, given.amounts
    ):
        cell = {"seed": seed, "network": name, "patches": patches, "amount": amount}

        def run(cell: Cell) -> Iterator[Cell]:
            measured = networks.of(cell["network"], cell["seed"], cell["patches"], 0)
            for objective in given.objectives:
                chosen = measured.prune(
                    Method(objective, compensated=False), amount=cell["amount"]
                ).selection
                for ridge in given.ridges if objective == given.objective else RIDGES[:1]:
                    body = Body(measured.subject, ridge=ridge, fit_batches=None)
                    made = body.made(chosen.bits == 0, compensated=True)
                    yield {
                        "method": objective,
                        "ridge": ridge,
                        "psnr": made.metric_compensated,
                        "selection": body.evaluator.slim(made.network, "selection"),
                        "dense": measured.dense_metric,
                    }

        yield cell, run


def chosen_rows(rows: list[Cell]) -> list[Cell]:
    """The rows by the names of the table, and what the selection split takes of them.

    ``objective="auto"`` fits every candidate with the first ridge and takes the best on the
    selection split, ``ridge="auto"`` fits one selection with each of ``RIDGES``.
    """
    made = []
    for row in rows:
        plain = row["ridge"] == RIDGES[0]
        name = row["method"] + ("" if plain else f", ridge {row['ridge']:g}")
        made.append(row | {"method": name})
    for some in _grouped(rows, "seed", "network", "patches", "amount").values():
        first = [row for row in some if row["ridge"] == RIDGES[0]]
        made.append(max(first, key=_on_selection) | {"method": "auto"})
        for (objective,), own in _grouped(some, "method").items():
            tried = [row for row in own if row["ridge"] in RIDGES]
            if len(own) > 1:
                best = max(tried, key=_on_selection)
                made.append(best | {"method": f"{objective}, ridge auto"})
    return made


def _on_selection(row: Cell) -> float:
    return float(row["selection"])


def lines_of(path: Path) -> list[Cell]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> None:
    common.one_core()
    parser = common.parser(__doc__, "fit.json")
    parser.add_argument("--few", action="store_true", help="objectives on 8 to 96 patches")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--amounts", nargs="+", default=["50%", "75%", "85%"])
    parser.add_argument("--patches", nargs="+", type=int)
    parser.add_argument(
        "--objective",
        default="residual",
        help="of the curve's selections, and the one that is fitted with every ridge",
    )
    parser.add_argument("--ridges", nargs="+", type=float, default=list(RIDGES))
    parser.add_argument("--objectives", nargs="+", default=list(OBJECTIVES))
    parser.add_argument("--resume", action="store_true", help="skip what the file of lines has")
    given = parser.parse_args()
    given.patches = given.patches or list(FEW if given.few else PATCHES)
    if given.quick:
        given.seeds, given.networks, given.amounts = 1, given.networks[:1], given.amounts[:1]
        given.patches = [2] if given.few else [2, 4]
        given.objectives = ["taylor", "residual"]
    given.usual = 2 if given.quick else USUAL
    torch.set_num_threads(1)
    lines = given.output.with_suffix(".jsonl")
    lines.parent.mkdir(parents=True, exist_ok=True)
    done = lines_of(lines) if given.resume else []
    lines.write_text("".join(json.dumps(row) + "\n" for row in done))
    networks = Networks(given.quick)
    cells = list((few if given.few else curve)(given, networks))
    for cell, run in cells:
        if any(cell.items() <= row.items() for row in done):
            continue
        rows = [cell | row for row in run(cell)]  # all of a cell, or none of it
        with lines.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        print(*rows, sep="\n", flush=True)
    wanted = [cell for cell, _ in cells]
    rows = [r for r in lines_of(lines) if any(cell.items() <= r.items() for cell in wanted)]
    content = {"few": given.few, "objective": given.objective, "usual": given.usual, "rows": rows}
    common.write(given.output, content, few_table if given.few else curve_table)


def _grouped(rows: list[Cell], *names: str) -> dict[tuple[Any, ...], list[Cell]]:
    found: dict[tuple[Any, ...], list[Cell]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in names), []).append(row)
    return found


def _mean(rows: list[Cell], name: str = "psnr") -> float:
    return float(np.mean([row[name] for row in rows]))


def table_lines(head: list[str], body: list[list[str]]) -> list[str]:
    columns = [Column(name, itemgetter(k), left=True) for k, name in enumerate(head)]
    return [markdown(columns, body), ""]


def curve_table(content: dict[str, Any]) -> str:
    """Decibels against patches, mean over seeds; seconds of the fit."""
    rows = content["rows"]
    seeds = len({row["seed"] for row in rows})
    lines = ["# Patches for the fit", ""]
    lines += [
        f"PSNR in dB on the test photographs, compensated; selections of {content['objective']}; "
        f"seeds: {seeds}. *fit*: statistics on {content['usual']} patches. In brackets the "
        "seconds of the processor that fit and measuring took.",
        "",
    ]
    counts = sorted({row["patches"] for row in rows})
    for (name,), own in _grouped(rows, "network").items():
        lines += [f"## {name}, dense {_mean(own, 'dense'):.2f}", ""]
        body = []
        for (amount, kind), some in _grouped(own, "amount", "kind").items():
            by = _grouped(some, "patches")
            cells = [
                f"{_mean(by[n,]):.2f} ({_mean(by[n,], 'seconds'):.0f})" if (n,) in by else "–"
                for n in counts
            ]
            body.append([amount, kind, *cells])
        lines += table_lines(["pruned", "on as many patches", *map(str, counts)], sorted(body))
    return "\n".join(lines)


def few_table(content: dict[str, Any]) -> str:
    """Decibels against few patches, and the mean paired difference to Taylor with its range."""
    rows = chosen_rows(content["rows"])
    seeds = len({row["seed"] for row in rows})
    lines = ["# Few patches", ""]
    lines += [
        "PSNR in dB on the test photographs, compensated, statistics and fit on so many patches; "
        f"seeds: {seeds}. In brackets the mean difference to Taylor, paired by seed, and its "
        "smallest and largest value. *auto* and *ridge auto*: what the selection split takes.",
        "",
    ]
    for (name, amount), own in _grouped(rows, "network", "amount").items():
        lines += [f"## {name}, {amount}", ""]
        counts = sorted({row["patches"] for row in own})
        body = []
        by = _grouped(own, "method", "patches", "seed")
        for method in dict.fromkeys(row["method"] for row in own):
            cells = []
            for n in counts:
                has = [k for k in sorted({row["seed"] for row in own}) if (method, n, k) in by]
                values = np.array([_mean(by[method, n, k]) for k in has])
                cell = f"{values.mean():.2f}" if has else "–"
                beside = [k for k in has if ("taylor", n, k) in by]
                if method != "taylor" and beside and len(beside) == len(has):
                    lead = values - np.array([_mean(by["taylor", n, k]) for k in has])
                    cell += f" ({lead.mean():+.2f}; {lead.min():+.2f} … {lead.max():+.2f})"
                cells.append(cell)
            body.append([method, *cells])
        lines += table_lines(["method", *map(str, counts)], body)
    return "\n".join(lines)


if __name__ == "__main__":
    main()
