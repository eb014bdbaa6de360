"""What pruning costs, by every objective and every peer: masked ⇒ compensated ⇒ recovered ⇒ tuned.

    python benchmarks/claims.py --resume

Every method prunes exactly the same number of channels of the same trained network. Each is given
the same compensation, the same recovery without labels and the same short fine-tuning. A row is
written to the JSON-lines file beside the output as soon as it is there; ``--resume`` skips it the
next time, so that the benchmark can be stopped at any moment. Seeds are outermost: whatever is
there is a table of fewer seeds, which ``--tables`` makes without going on.
"""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from claims_aims import aims
from claims_cells import Bench, Recipe, wanted_cells
from claims_figure import draw
from claims_methods import CONTENDERS, Contender
from claims_networks import CLASSIFIED, CLASSIFIER, DENOISED, DENOISERS, Case, cases
from claims_rows import Rows
from claims_tables import tables
from common import one_core, parser, write
from networks_digits import default_cache

ROWS = tuple(one.name for one in CONTENDERS)
SOON = 12
"""Cells after which the first estimate is told."""


def main() -> None:
    given = arguments()
    torch.set_num_threads(1)
    recipe = Recipe(
        steps=2 if given.quick else given.steps,
        tuning=2 if given.quick else given.tuning,
        fit_batches=given.fit_batches,
        tied=not given.untied,
        plain_colours=given.plain_colours,
        probes=2 if given.quick else 20,
    )
    rows = Rows(
        given.output.with_suffix(".jsonl"), recipe.key(), resume=given.resume or given.tables
    )
    known = list(
        cases(
            given.networks,
            quick=given.quick,
            cache=given.cache,
            mnist=given.mnist,
            plain_colours=given.plain_colours,
        )
    )
    everything = [
        (seed, case, amount, one)
        for seed in range(1 if given.quick else given.seeds)
        for case in known
        for amount, one in wanted_cells(case)
        if amount == "0%" or asked(given, case, amount, one)
    ]
    missing = [
        cell
        for cell in everything
        if not given.tables and not rows.has(cell[1].name, cell[0], cell[2], cell[3].name)
    ]
    print(f"{len(everything)} cells, {len(missing)} to make", flush=True)
    bench: Bench | None = None
    started, told = time.process_time(), 0.0
    for number, (seed, case, amount, one) in enumerate(missing):
        if bench is None or bench.case is not case or bench.seed != seed:
            bench = Bench(case, seed, recipe)
        row = bench.cell(amount, one)
        rows.add(case.name, seed, amount, one.name, kind=one.kind, **row)
        print(f"{case.name} seed {seed} {amount} {one.name}: {shown(row)}", flush=True)
        spent = time.process_time() - started
        if number + 1 >= SOON and spent - told > 60.0:
            told, left = spent, spent / (number + 1) * (len(missing) - number - 1)
            print(f"{spent:.0f} s of the processor, about {left:.0f} s more", flush=True)
    names = {case.name: case.unit for case in known}
    found = rows.of(everything_key(everything))
    content: dict[str, Any] = {
        "networks": {name: list(unit) for name, unit in names.items()},
        "recipe": recipe.key(),
        "seconds": round(sum(seconds(row) for row in found)),
        "runs": found,
    }
    content["aims"] = aims(content)
    write(given.output, content, tables)
    draw(content, given.output.with_suffix(".png"))


def asked(given: Namespace, case: Case, amount: str, one: Contender) -> bool:
    """Whether a cell is of those that were named; without names it is, but for options."""
    if given.quick and amount != case.amounts[0]:
        return False
    named = one.kind != "option" if given.methods is None else one.name in given.methods
    return named and amount in (given.amounts or [amount])


def everything_key(cells: list[tuple[int, Any, str, Any]]) -> list[tuple[str, int, str, str]]:
    return [(case.name, seed, amount, one.name) for seed, case, amount, one in cells]


def seconds(row: dict[str, Any]) -> float:
    """Of the processor, for one cell."""
    return float(sum(value for name, value in row.items() if name.endswith("_s")))


def shown(row: dict[str, Any]) -> str:
    stages = ("masked", "compensated", "recovered", "tuned")
    values = " ⇒ ".join(f"{row[stage]:.4g}" for stage in stages if stage in row)
    return f"{values} in {seconds(row):.1f} s"


def arguments() -> Namespace:
    made = parser(__doc__, "claims.json")
    made.add_argument("--networks", nargs="+", default=list(DENOISERS), metavar="NAME")
    made.add_argument("--seeds", type=int, default=5, help="of calibration, from 0")
    made.add_argument("--steps", type=int, default=Recipe.steps, help="of the recovery")
    made.add_argument("--tuning", type=int, default=Recipe.tuning, help="steps of fine-tuning")
    made.add_argument("--fit-batches", type=int, default=None, help="of the compensation")
    made.add_argument("--amounts", nargs="+", metavar="SHARE", help="only these, as 75%%")
    made.add_argument("--methods", nargs="+", metavar="NAME", help="these rows and no others")
    made.add_argument("--untied", action="store_true", help="every filter goes by itself")
    made.add_argument(
        "--plain-colours", action="store_true", help="calibrate on the photographs as they are"
    )
    made.add_argument("--resume", action="store_true", help="go on with the rows that are there")
    made.add_argument("--tables", action="store_true", help="only of the rows that are there")
    made.add_argument("--mnist", type=Path, help="mnist.npz for the classifier instead of digits")
    made.add_argument("--cache", type=Path, default=default_cache(), help="of the classifier")
    given = made.parse_args()
    shares = dict.fromkeys((*DENOISED, *CLASSIFIED))
    there = {"networks": (*DENOISERS, CLASSIFIER), "amounts": shares, "methods": ROWS}
    for what, names in there.items():
        wrong = sorted(set(getattr(given, what) or ()) - {*names})
        if wrong:
            made.error(f"--{what}: no {wrong[0]!r}; there are {', '.join(names)}")
    return given


if __name__ == "__main__":
    one_core()
    main()
