"""Does a shrunk Gram, or a ridge of each layer's own, beat one ridge where patches are few?

    python benchmarks/shrinkage.py

Positions of one picture are not independent: the samples that say how far a layer's Gram matrix is
off are *patches*. Ways: a fixed ridge; the intensity of Ledoit and Wolf (2004) towards the scaled
identity, from the variance over patches; the same towards the diagonal (Schäfer and Strimmer 2005);
the oracle-approximating one (Chen, Wiesel, Eldar and Hero 2010) for as many samples as patches; and
the ridge of a list that predicts left-out patches best, chosen for each layer. PSNR is on test
photographs, compensated; one selection (residual) for all ways. Every row is appended to a file of
lines as it ends; `--resume` skips what is there. The seed is of the calibration crops.
"""

from __future__ import annotations

import argparse
import itertools
import json
from typing import Any

import common
import numpy as np
import torch
from fit import NETWORKS, QUICK, Cell, lines_of, table_lines
from torch import Tensor

import secateur
from secateur.methods import Method
from secateur.pruning.finishing import Body
from secateur.surgery.compensation import fitting
from secateur.surgery.compensation.equations import Equations, Solution
from secateur.surgery.compensation.rows import Sums
from secateur.tasks.denoising import denoising_task
from secateur.tasks.photographs import load_photographs

FIXED = (1e-3, 1e-2, 3e-2)
WAYS = (
    *(f"ridge {ridge:g}" for ridge in FIXED),
    "Ledoit-Wolf, identity",
    "shrunk, diagonal",
    "oracle-approximating",
    "ridge of each layer, left-out patches",
)
LIST = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
FOLDS = 4
Part = tuple[Tensor, Tensor, Tensor, Tensor, int]


class Shrunk(Equations):
    """Equations that remember what each patch added; batches are of one patch.

    Attributes:
        way: of ``WAYS``.
        patches: so many there are.
        intensities: that were used, of each layer and group, in units of ridge.
    """

    way = WAYS[0]
    patches = 1
    intensities: list[float] = []  # noqa: RUF012

    def __init__(self, *, shifted: bool) -> None:
        super().__init__(shifted=shifted)
        self.parts: list[Part] = []

    def add(self, columns: Tensor, rest: Tensor) -> None:
        super().add(columns, rest)
        own = Equations(shifted=self.shifted)
        own.add(columns, rest)
        self._remember(own)

    def add_sums(self, sums: Sums) -> None:
        super().add_sums(sums)
        own = Equations(shifted=self.shifted)
        own.add_sums(sums)
        self._remember(own)

    def _remember(self, own: Equations) -> None:
        assert own.gram is not None
        upper = own.gram.triu()
        gram = upper + upper.triu(1).transpose(1, 2)
        self.parts.append((gram, own.cross, own.mean, own.lack, own.count))

    def solve(self, ridge: float) -> Solution:
        """With what the way says; ``ridge`` is not looked at."""
        each = len(self.parts) // self.patches  # a patch may come in several pieces
        assert each * self.patches == len(self.parts)
        patches = [_sum(self.parts[k : k + each]) for k in range(0, len(self.parts), max(each, 1))]
        whole = _sum(patches)
        groups = [self._group(whole, patches, g) for g in range(whole[0].shape[0])]
        change = torch.stack(groups)
        lack, mean = whole[3], whole[2]
        shift = (
            (lack - (mean[:, :, None] * change).sum(1)) / max(whole[4], 1)
            if self.shifted
            else torch.zeros_like(lack)
        )
        return Solution(change.transpose(1, 2), shift, self.before, self.before)

    def _group(self, whole: Part, patches: list[Part], group: int) -> Tensor:
        """The change of one group's weights, shape ``(columns, outputs)``."""
        gram, cross = self._centred(whole, group, whole)
        alive = whole[0][group].diagonal() > 0
        energy = float(whole[0][group].diagonal().sum() / alive.sum().clamp(min=1)) or 1.0
        if self.way.startswith("ridge "):
            if self.way in WAYS[: len(FIXED)]:
                ridge = FIXED[WAYS.index(self.way)]
            else:
                ridge = self._left_out(patches, group)
            pull = torch.full_like(gram.diagonal(), ridge * energy)
        else:
            pull = self._pull(gram, [self._centred(whole, group, one)[0] for one in patches], alive)
        floor = 1e-6 * energy
        self.intensities.append(float(pull.mean()) / energy)
        change = torch.linalg.solve(gram + torch.diag(pull.clamp(min=floor)), cross)
        return torch.where(alive[:, None], change, torch.zeros_like(change))

    def _centred(self, whole: Part, group: int, part: Part) -> tuple[Tensor, Tensor]:
        """Sums of a part about the means of the whole."""
        gram, cross, total, lack, count = (t[group] if isinstance(t, Tensor) else t for t in part)
        if not self.shifted:
            return gram, cross
        mean, out = whole[2][group] / whole[4], whole[3][group] / whole[4]
        gram = gram - mean[:, None] * total - total[:, None] * mean
        gram = gram + count * mean[:, None] * mean
        cross = cross - mean[:, None] * lack - total[:, None] * out
        return gram, cross + count * mean[:, None] * out

    def _pull(self, gram: Tensor, each: list[Tensor], alive: Tensor) -> Tensor:
        """What is added to the diagonal: shrinking by ρ and a ridge of ρ/(1-ρ) are the same."""
        n, p = len(each), max(int(alive.sum()), 1)
        scale = gram.diagonal().sum() / p
        target = scale * torch.ones_like(gram.diagonal())
        spread = torch.stack(each) - gram / n
        if self.way == "oracle-approximating":
            square, trace = gram.square().sum(), gram.diagonal().sum().square()
            share = ((1 - 2 / p) * square + trace) / ((n + 1 - 2 / p) * (square - trace / p))
        elif self.way == "shrunk, diagonal":
            target = gram.diagonal()
            apart = 1 - torch.eye(len(gram), dtype=gram.dtype)
            noise = (spread * apart).square().sum() * n / max(n - 1, 1)
            share = noise / (gram * apart).square().sum().clamp(min=1e-300)
        else:
            share = spread.square().sum() / (gram - torch.diag(target)).square().sum()
        share = share.nan_to_num(0.0).clamp(0.0, 0.99)
        return target * share / (1 - share)

    def _left_out(self, patches: list[Part], group: int) -> float:
        """The ridge that predicts patches best that it has not seen."""
        errors = dict.fromkeys(LIST, 0.0)
        folds = min(FOLDS, len(patches))
        for fold in range(folds if folds > 1 else 0):
            seen = _sum([one for k, one in enumerate(patches) if k % folds != fold])
            rest = _sum(patches[fold::folds])
            gram, cross = self._centred(seen, group, seen)
            held, wanted = self._centred(seen, group, rest)
            energy = seen[0][group].diagonal()
            energy = energy.sum() / (energy > 0).sum().clamp(min=1)
            for ridge in LIST:
                eye = torch.eye(len(gram), dtype=gram.dtype)
                change = torch.linalg.solve(gram + (ridge * energy + 1e-12) * eye, cross)
                errors[ridge] += float((change * (held @ change - 2 * wanted)).sum())
        return min(errors, key=errors.__getitem__)


def _sum(parts: list[Part]) -> Part:
    gram, cross, mean, lack, count = parts[0]
    for one in parts[1:]:
        gram, cross = gram + one[0], cross + one[1]
        mean, lack, count = mean + one[2], lack + one[3], count + one[4]
    return gram, cross, mean, lack, count


def rows_of(cell: Cell, quick: bool) -> list[Cell]:
    """One network with one set of patches, all ways."""
    task = denoising_task(
        load_photographs(),
        seed=cell["seed"],
        patches=cell["patches"],
        unlabelled=0,
        batch=1,
        **(QUICK if quick else {}),
    )
    measured = secateur.measure(
        NETWORKS[cell["network"]](), task, seed=cell["seed"], probes=2 if quick else 20
    )
    method = Method("residual", compensated=False)
    keep = measured.prune(method, amount=cell["amount"]).selection.bits == 0
    made = []
    for way in WAYS:
        Shrunk.way, Shrunk.patches, Shrunk.intensities = way, cell["patches"], []
        fitting.Equations = Shrunk  # type: ignore[misc]
        try:
            body = Body(measured.subject, ridge=1e-3, fit_batches=None)
            done = body.made(keep, compensated=True)
        finally:
            fitting.Equations = Equations  # type: ignore[misc]
        made.append(
            cell
            | {
                "way": way,
                "psnr": done.metric_compensated,
                "selection": body.evaluator.slim(done.network, "selection"),
                "intensity": float(np.median(Shrunk.intensities)),
                "fitted": done.fitted,
                "dense": measured.dense_metric,
            }
        )
    return made


def main() -> None:
    common.one_core()
    parser = common.parser(__doc__, "shrinkage.json")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--patches", nargs="+", type=int, default=[8, 16])
    parser.add_argument("--amounts", nargs="+", default=["75%"])
    parser.add_argument("--resume", action="store_true", help="skip what the file of lines has")
    given = parser.parse_args()
    if given.quick:
        given.seeds, given.networks, given.patches = 1, given.networks[:1], [2]
    torch.set_num_threads(1)
    lines = given.output.with_suffix(".jsonl")
    lines.parent.mkdir(parents=True, exist_ok=True)
    rows = lines_of(lines) if given.resume else []
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for cell in cells(given):
        if any(cell.items() <= row.items() for row in rows):
            continue
        made = rows_of(cell, given.quick)
        rows += made
        with lines.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in made)
        print(*made, sep="\n", flush=True)
    wanted = cells(given)
    rows = [row for row in rows if any(cell.items() <= row.items() for cell in wanted)]
    common.write(given.output, {"rows": rows}, table)


def cells(given: argparse.Namespace) -> list[Cell]:
    names = ("seed", "network", "patches", "amount")
    every = itertools.product(range(given.seeds), given.networks, given.patches, given.amounts)
    return [dict(zip(names, one, strict=True)) for one in every]


def table(content: dict[str, Any]) -> str:
    """Mean decibels of each way, and what it is worth beside the default ridge."""
    rows = content["rows"]
    lines = ["# Shrunk Grams beside a ridge", ""]
    lines += [
        "PSNR in dB on the test photographs, compensated, the same selection (residual) for all; "
        f"seeds: {len({row['seed'] for row in rows})}. In brackets the mean difference to ridge "
        f"{FIXED[0]:g}, paired by seed, its smallest and largest value, and the median over layers "
        "of what is added to the diagonal, in units of ridge.",
        "",
    ]
    heads = sorted({(row["network"], row["amount"], row["patches"]) for row in rows})
    body = []
    for way in WAYS:
        cells = []
        for name, amount, patches in heads:
            own = [
                row
                for row in rows
                if (row["network"], row["amount"], row["patches"]) == (name, amount, patches)
            ]
            values = {row["seed"]: row for row in own if row["way"] == way}
            base = {row["seed"]: row["psnr"] for row in own if row["way"] == WAYS[0]}
            lead = np.array([row["psnr"] - base[seed] for seed, row in values.items()])
            pull = float(np.median([row["intensity"] for row in values.values()]))
            mean = np.mean([row["psnr"] for row in values.values()])
            told = f"{lead.mean():+.2f}; {lead.min():+.2f} … {lead.max():+.2f}; {pull:.2g}"
            cells.append(f"{mean:.2f} ({told})")
        body.append([way, *cells])
    return "\n".join(lines + table_lines(["way", *(f"{n}, {a}, {p}" for n, a, p in heads)], body))


if __name__ == "__main__":
    main()
