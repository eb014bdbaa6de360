"""One network and one seed: everybody's networks, their accuracy, then all their times at once."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networks_digits as digits
import networks_models as models
import torch
from networks_time import prepared, taking_turns, usable, version_of
from networks_torch_pruning import MODES, TorchPruning, found, macs, widths
from torch import Tensor, nn
from torch.nn import functional as F

import secateur

UNIFORM = "uniformly narrower"
COPIES = 2
"""Everybody may look at every training digit in so many places, to choose and to fit."""
MEASURED = 8
"""Batches of 32 that ours chooses by; it fits to all, as Torch-Pruning's gradients are of all."""
SEARCH = 10.0
"""Seconds that a solver of ours may take."""


@dataclass
class Cell:
    """What is the same for all networks that are made of one."""

    name: str
    seed: int
    network: nn.Module
    data: digits.Digits
    calibration: digits.Batches
    selection: digits.Batches
    test: digits.Batches
    small: bool
    rows: list[dict[str, Any]] = field(default_factory=list)
    networks: list[nn.Module] = field(default_factory=list)

    @property
    def kind(self) -> models.Kind:
        return models.KINDS[self.name]

    @property
    def example(self) -> Tensor:
        return self.test[0][0][:1]

    @property
    def task(self) -> secateur.Task:
        return secateur.Task(
            calibration=self.calibration,
            selection=self.selection,
            test=self.test,
            loss=cross_entropy,
            metric=right,
            metric_name="accuracy",
            likelihood="categorical",
            name="digits",
        )

    def add(self, method: str, share: float, network: nn.Module, seconds: float) -> None:
        """A row of the table; a copy is tuned for it, and the network itself is timed."""
        row: dict[str, Any] = {
            "network": self.name,
            "seed": self.seed,
            "method": method,
            "share": share,
            "macs": macs(network, self.example),
            "parameters": sum(p.numel() for p in network.parameters()),
            "widths": list(widths(network)),
        }
        if method != UNIFORM:
            row["seconds"] = seconds
            row["accuracy"] = digits.accuracy(network, self.test)
            if method != "dense":
                tuned = copy.deepcopy(network)
                epoch = 0.1 if self.small else 1.0
                digits.tune(tuned, self.data, self.kind, self.seed, epoch)
                row["tuned"] = digits.accuracy(tuned, self.test)
        self.rows.append(row)
        self.networks.append(network)
        print({key: value for key, value in row.items() if key != "widths"}, flush=True)

    def measure(self, seconds: float) -> None:
        """The times of all rows, in the same run for each runtime."""
        for runtime in usable():
            calls = {
                str(number): prepared(runtime, network, self.example)
                for number, network in enumerate(self.networks)
            }
            for number, taken in taking_turns(calls, seconds=seconds).items():
                self.rows[int(number)][f"{runtime}_ms"] = taken


def cross_entropy(outputs: Tensor, classes: Tensor) -> Tensor:
    return F.cross_entropy(outputs, classes, reduction="none")


def right(outputs: Tensor, classes: Tensor) -> Tensor:
    return (outputs.argmax(1) == classes).float()


def cell_of(name: str, seed: int, cache: Path, small: bool) -> Cell:
    """The trained network with its data; placed the same way for every seed."""
    data, kind = digits.digits(), models.KINDS[name]
    torch.set_num_threads(1)
    network = digits.trained(name, seed, data, cache, 1 if small else None)
    copies = 1 if small else COPIES
    fitted, test = (
        tuple(part[: 96 if small else None] for part in split) for split in (data.train, data.test)
    )
    return Cell(
        name,
        seed,
        network,
        data,
        digits.batches(fitted, seed=11, signal=kind.signal, copies=copies),
        digits.batches(data.selection, seed=12, signal=kind.signal, copies=copies),
        digits.batches(test, seed=13, signal=kind.signal, copies=copies),
        small,
    )


def run(
    names: Sequence[str],
    seeds: Sequence[int],
    shares: Sequence[float],
    objectives: Sequence[str],
    *,
    cache: Path,
    torch_pruning: Path | None,
    seconds: float,
    small: bool,
) -> Iterator[dict[str, Any]]:
    """What is known after each cell; what each row is, see ``Cell.add``."""
    version = found(torch_pruning)
    rows: list[dict[str, Any]] = []
    for name in names:
        for seed in seeds:
            cell = cell_of(name, seed, cache, small)
            fill(cell, shares, objectives, version is not None)
            cell.measure(seconds)
            rows += cell.rows
            yield {
                "rows": rows,
                "seeds": list(seeds),
                "shares": list(shares),
                "judged": objectives[0],
                "runtimes": {runtime: version_of(runtime) for runtime in usable()},
                "torch_pruning": version,
                "digits": {"train": 1057, "test": digits.TEST, "copies": COPIES},
                "quick": small,
            }


def fill(cell: Cell, shares: Sequence[float], objectives: Sequence[str], rival: bool) -> None:
    """Dense, ours, theirs, and the uniformly narrower network of ours' MACs."""
    cell.add("dense", 1.0, cell.network, 0.0)
    dense = cell.rows[0]["macs"]
    started = time.process_time()
    measured = secateur.measure(cell.network, cell.task, **measuring(cell))
    print(f"measured in {time.process_time() - started:.1f} s, for all shares", flush=True)
    for share in shares:
        for objective in objectives:
            started = time.process_time()
            cell.add(
                f"secateur, {objective}",
                share,
                ours(cell, measured, share, objective),
                time.process_time() - started,
            )
    judged = [row for row in cell.rows if row["method"] == f"secateur, {objectives[0]}"]
    for row in judged:
        cell.add(UNIFORM, row["share"], uniform(cell, row["macs"]), 0.0)
    for mode, everywhere in MODES.items() if rival else ():
        started = time.process_time()
        pruner = TorchPruning(
            cell.network, cell.calibration, everywhere=everywhere, step=models.STEP
        )
        for share in shares:
            network = pruner.pruned(share)
            cell.add(mode, share, network, time.process_time() - started)
            started = time.process_time()
    assert macs(cell.network, cell.example) == dense, "somebody changed the trained network"


def ours(cell: Cell, measured: secateur.Measured, share: float, objective: str) -> nn.Module:
    """At most the share of the MACs, widths in steps of 16."""
    result = measured.prune(
        objective=objective,
        budget={"macs": share},
        multiple=models.STEP,
        time_limit=limit(cell),
    )
    return result.network


def measuring(cell: Cell) -> dict[str, Any]:
    """Of ``secateur.measure``, whatever is asked for afterwards."""
    return {
        "norm_over": "kept",
        "seed": cell.seed,
        "probes": 2 if cell.small else 20,
        "measure_batches": MEASURED,
    }


def limit(cell: Cell) -> float:
    """Seconds that a solver of ours may take."""
    return 1.0 if cell.small else SEARCH


def uniform(cell: Cell, wanted: int) -> nn.Module:
    """The network of the same family, every width narrower by one factor, nearest to the MACs."""
    torch.manual_seed(cell.seed)
    made = {}
    for part in range(8, 64):
        network = cell.kind.build(models.narrower(part / 64))
        made.setdefault(abs(macs(network, cell.example) - wanted), network)
    return made[min(made)]
