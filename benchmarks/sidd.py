"""The reference's setting from start to end, for whoever has SIDD (Abdelhamed et al. 2018).

    python benchmarks/sidd.py --sidd DIR --work FOLDER
    python benchmarks/sidd.py --sidd DIR --work FOLDER --resume

A Half-UNet learns to denoise SIDD's sRGB pictures (``DIR`` holds SIDD_Small_sRGB_Only or
SIDD_Medium_Srgb, and the validation blocks if you have them), 36 % of its filters go, each by
itself, and what every method leaves is measured masked ⇒ compensated ⇒ recovered; then the
refinement by a tensor train beside its controls, on eight layers and on all. It trains for hours
and prunes for more; ``FOLDER`` holds the crops, the network and every row, and ``--resume`` goes
on where it stopped.

What is *not* said by it. SIDD cannot be had where this project is tested: there it runs on a tree
of a few small pictures in SIDD's layout, which shows that it runs and nothing about decibels. And
of arXiv 2604.05856 only the claims are known (Half-UNet, SIDD, 36 %, +0.26 dB over greedy Taylor,
about +0.12 dB by the tensor train on eight layers): its network's size, its training, its
coefficients, which layers, its solver's settings and its crops are ours here. The numbers of this
table are ours too, and are to be read beside the controls in it, not beside the paper's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common
import torch
from safetensors.torch import load_file
from sidd_methods import LAYERS, greedy, objectives, refinements
from sidd_table import table
from sidd_tiles import Tiles, cut_tiles
from torch import nn

import secateur
from secateur.errors import FileError, SecateurError
from secateur.measured import Measured
from secateur.methods import Method
from secateur.tasks import Task
from secateur.tasks.sidd import sidd_task, split_pairs
from secateur.zoo.train import STATE, Recipe, train_network

QUICK: dict[str, Any] = {
    **{"width": 4, "levels": 4, "unshuffle": 2, "steps": 4, "batch": 4, "patch": 16, "seeds": 1},
    **{"tiles": 3, "tile": 24, "patches": 4, "crop": 16, "selection_patches": 4, "test_blocks": 3},
    **{"evaluations": 3, "recover_steps": 2, "probes": 2},
}
"""The tiny configuration."""
FEW = ("taylor", "hybrid", "auto", "hybrid, tensor train of rank 4, compensated")
"""Its methods."""


def parsed() -> argparse.Namespace:
    parser = common.parser(__doc__, "sidd.json")
    parser.add_argument("--sidd", type=Path, required=True, help="the folder of the data set")
    parser.add_argument("--work", type=Path, required=True, help="of crops, network and rows")
    parser.add_argument("--resume", action="store_true", help="go on with what is in --work")
    parser.add_argument("--amount", default="36%")
    for name, default, what in (
        ("seeds", 3, "calibrations"),
        ("width", 64, "filters of every convolution"),
        ("levels", 5, "resolutions"),
        ("unshuffle", 1, "2 trains and prunes in a quarter of the time"),
        ("steps", 20_000, "of the training"),
        ("batch", 16, "crops a step"),
        ("patch", 64, "side of a crop to train on"),
        ("tiles", 128, "cut of each pair to train on"),
        ("tile", 128, "their side"),
        ("patches", 96, "to calibrate on"),
        ("crop", 64, "side of those, and of the selection's"),
        ("selection-patches", 64, "to choose on"),
        ("test-blocks", 160, "of the validation blocks, evenly"),
        ("probes", 20, "of the Fisher, each crop"),
        ("evaluations", 300, "of every refinement"),
        ("recover-steps", 1000, "of every recovery"),
        ("threads", 1, "of PyTorch"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=what)
    arguments = parser.parse_args()
    if arguments.quick:
        vars(arguments).update(QUICK)
    return arguments


def main() -> None:
    arguments = parsed()
    torch.set_num_threads(arguments.threads)
    try:
        network, about = trained(arguments)
        rows = Rows(arguments.work / "rows.jsonl", settings(arguments, about), arguments.resume)
        for seed in range(arguments.seeds):
            task = task_of(arguments, seed)
            for part, layers, methods in parts(arguments):
                measure_part(arguments, network, task, seed, part, layers, methods, rows)
        content = {"settings": rows.settings, "network": about, "runs": rows.runs}
        common.write(arguments.output, content, table)
    except SecateurError as error:
        sys.exit(f"{type(error).__name__}: {error}")


def parts(
    arguments: argparse.Namespace,
) -> Sequence[tuple[str, int | None, tuple[Method, ...]]]:
    """What is asked: its name, of how many layers, by which methods."""
    searches = (greedy(), *refinements(arguments.evaluations))
    made = (
        ("objectives", None, objectives(arguments.recover_steps)),
        (f"refinement, {LAYERS} layers", LAYERS, searches),
        ("refinement, all layers", None, searches),
    )
    if not arguments.quick:
        return made
    return [
        (part, layers, tuple(m for m in methods if name_of(m) in FEW))
        for part, layers, methods in made
    ]


def task_of(arguments: argparse.Namespace, seed: int) -> Task:
    return sidd_task(
        arguments.sidd,
        seed=seed,
        patches=arguments.patches,
        patch=arguments.crop,
        selection_patches=arguments.selection_patches,
        test_blocks=arguments.test_blocks,
    )


def trained(arguments: argparse.Namespace) -> tuple[nn.Module, dict[str, Any]]:
    """The Half-UNet, trained on the scenes of calibration, or as it was left in the folder."""
    names = ("width", "levels", "unshuffle", "steps", "batch", "patch")
    recipe = Recipe("halfunet", **{name: getattr(arguments, name) for name in names})
    folder = arguments.work / "network"
    if not (arguments.resume and (folder / recipe.about).exists()):
        pairs = split_pairs(arguments.sidd)["calibration"]
        files = cut_tiles(
            pairs, arguments.work / "tiles", number=arguments.tiles, size=arguments.tile
        )
        tiles = Tiles(files, arguments.tile, task_of(arguments, seed=0))
        resume = arguments.resume and (folder / STATE).exists()
        train_network(recipe, tiles, folder, resume=resume, command="benchmarks/sidd.py")
    about = json.loads((folder / recipe.about).read_text())
    if about["recipe"] != json.loads(json.dumps(recipe.to_json())):
        raise FileError(
            f"{folder} holds a network of another recipe",
            remedy="give the options that it was trained with, or another --work",
        )
    network = recipe.build()
    network.load_state_dict(load_file(folder / recipe.weights))
    about["sha256"] = hashlib.sha256((folder / recipe.weights).read_bytes()).hexdigest()[:16]
    return network.eval(), about


def settings(arguments: argparse.Namespace, about: dict[str, Any]) -> dict[str, Any]:
    """What decides a row, but for its seed: rows of others are not beside each other."""
    names = ("amount", "patches", "crop", "selection_patches", "test_blocks", "probes")
    names = (*names, "evaluations", "recover_steps")
    return {name: getattr(arguments, name) for name in names} | {"weights": about["sha256"]}


def measure_part(
    arguments: argparse.Namespace,
    network: nn.Module,
    task: Task,
    seed: int,
    part: str,
    layers: int | None,
    methods: tuple[Method, ...],
    rows: Rows,
) -> None:
    """Every method's row that is not there yet."""
    left = [method for method in methods if not rows.has(seed, part, name_of(method))]
    if not left:
        return
    stays = () if layers is None else all_layers(network)[layers:]
    measured = secateur.measure(
        network, task, seed=seed, tied=False, probes=arguments.probes, ignored=stays
    )
    for method in left:
        result = measured.prune(method, amount=arguments.amount)
        dense, row = result.to_json()["rows"]
        rows.add({"seed": seed, "part": part, "name": name_of(method), **row, "dense": dense})
        print(f"seed {seed}, {part}: {said(measured, row)}", flush=True)


def said(measured: Measured, row: dict[str, Any]) -> str:
    values = [row[f"psnr{state}"] for state in ("", "_compensated", "_recovered")]
    shown = " ⇒ ".join("-" if value is None else f"{value:.2f}" for value in values)
    return f"{row['method']}: {shown} dB (dense {measured.dense_metric:.2f})"


def name_of(method: Method) -> str:
    """Its row's; that of an objective which chooses another would tell that one's too."""
    return method.name or str(method.objective)


def all_layers(network: nn.Module) -> tuple[str, ...]:
    """The paths of the layers whose filters can go, in the order of the network."""
    convolutions = [
        path for path, module in network.named_modules() if isinstance(module, nn.Conv2d)
    ]
    return tuple(convolutions[:-1])  # the head makes the image


class Rows:
    """Rows in a file that grows, one a line, below a line of the settings that they are of.

    Raises:
        FileError: the file exists and nothing is to be resumed, or it is of other settings.
    """

    def __init__(self, file: Path, settings: dict[str, Any], resume: bool) -> None:
        self.file, self.settings, self.runs = file, settings, []
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            self._append(settings)
            return
        if not resume:
            raise FileError(f"{file} exists already", remedy="choose another --work, or --resume")
        # a line that was being written when it was killed has no end, and is done again
        whole = file.read_text().rpartition("\n")[0].splitlines()
        file.write_text("".join(f"{line}\n" for line in whole))
        before, *self.runs = map(json.loads, whole)
        changed = [k for k, value in settings.items() if before.get(k) != value]
        if changed:
            raise FileError(
                f"{file} is of other settings: {', '.join(changed)}",
                remedy="give the options that it was started with, or another --work",
            )

    def has(self, seed: int, part: str, name: str) -> bool:
        return any((r["seed"], r["part"], r["name"]) == (seed, part, name) for r in self.runs)

    def add(self, row: dict[str, Any]) -> None:
        self.runs.append(row)
        self._append(row)

    def _append(self, content: dict[str, Any]) -> None:
        with self.file.open("a") as stream:
            stream.write(json.dumps(content) + "\n")


if __name__ == "__main__":
    common.one_core()
    main()
