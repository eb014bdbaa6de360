"""How the example networks were trained; the recipe is deterministic in its steps and its seed."""

from __future__ import annotations

import json
import logging
import math
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from secateur.errors import FileError, OptionError
from secateur.network.run import evaluation
from secateur.plainfile import usual_rights
from secateur.progress import track
from secateur.report.output import cause, save_somewhere
from secateur.tasks import Task
from secateur.tasks.denoising import psnr
from secateur.tasks.photographs import Photographs
from secateur.versions import versions
from secateur.zoo.architectures import ARCHITECTURES, OWN, sizes_of
from secateur.zoo.crops import Crops, Simulated

logger = logging.getLogger("secateur")
FLOOR = 1e-4
"""Added to a crop's squared error before its logarithm, so that dark, easy crops do not rule."""
STATE = "state.safetensors"


@dataclass(frozen=True)
class Recipe:
    """Everything that determines the trained weights, but for the photographs.

    Arguments:
        network: "halfunet" or "chain".
        width: of the network.
        levels: of a Half-UNet.
        depth: of a chain.
        unshuffle: of the network.
        batch_norm: of the network.
        leak: of the network.
        steps: of Adam.
        batch: crops a step.
        patch: side of a crop in pixels.
        learning_rate: the highest; it warms up over the first 2 % and falls along a cosine.
        seed: of weights, crops and noise.
        settled: from this share of the steps on, batch norm uses its running statistics, as it will
            in use: those of 16 crops of few photographs are far from those of a picture. Much
            earlier, or at twice the learning rate, a third of the filters is dead at the end, and
            there is nothing to learn from pruning them.
    """

    network: str = "halfunet"
    width: int = 48
    levels: int = 4
    depth: int = 8
    unshuffle: int = 2
    batch_norm: bool = True
    leak: float = 0.0
    steps: int = 6000
    batch: int = 16
    patch: int = 64
    learning_rate: float = 1e-3
    seed: int = 0
    settled: float = 0.85

    def __post_init__(self) -> None:
        if self.network not in ARCHITECTURES:
            raise OptionError(
                f"network is {self.network!r}", remedy=f"use one of {', '.join(ARCHITECTURES)}"
            )
        for name in ("width", "levels", "depth", "unshuffle", "steps", "batch", "patch"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}", remedy="use at least 1")
        levels = self.levels if self.network == "halfunet" else 1
        coarsest = self.unshuffle * 2 ** (levels - 1)
        if self.patch % coarsest:
            raise OptionError(
                f"patch is {self.patch}, no multiple of {coarsest}",
                remedy=f"{levels} levels and unshuffle {self.unshuffle} need one",
            )
        if not 0 <= self.settled <= 1:
            raise OptionError(f"settled is {self.settled}", remedy="use a share from 0 to 1")
        if not 0 < self.learning_rate < 1 or self.seed < 0:
            raise OptionError(
                f"learning_rate is {self.learning_rate} and seed is {self.seed}",
                remedy="use a learning rate between 0 and 1 and a seed of at least 0",
            )

    @property
    def weights(self) -> str:
        """The file of the trained network."""
        return f"{self.network}.safetensors"

    @property
    def about(self) -> str:
        """The file that says how it was trained."""
        return f"{self.network}.json"

    def build(self) -> nn.Module:
        """A new network with the recipe's initial weights."""
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return ARCHITECTURES[self.network](**sizes_of(self.network, asdict(self)))

    def to_json(self) -> dict[str, Any]:
        """As plain data, without the sizes that this network does not have."""
        others = set(OWN.values()) - {OWN[self.network]}
        return {name: value for name, value in asdict(self).items() if name not in others}

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        warm = max(1, self.steps // 50)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        done = (step - warm) / max(1, self.steps - warm)
        return self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * done))


def train_network(
    recipe: Recipe,
    photographs: Photographs | Crops,
    folder: Path,
    *,
    resume: bool = False,
    save_every: int = 250,
    command: str = "",
    tell: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Train, and write the weights and a JSON file of what made them; return the latter.

    Every step draws its crops and noise from a generator of its own, so a run that was stopped and
    resumed gives the same weights as one that was not (with the same number of threads).

    Arguments:
        recipe: what to train.
        photographs: with a ``train`` split, to which noise is added; or ``Crops`` of your own.
        folder: a new one, or with ``resume`` the one of the run to go on with.
        resume: go on from the state in the folder.
        save_every: steps between two states on disk.
        command: recorded in the JSON file.
        tell: gets what the JSON file will hold before anything is written at the end.

    Raises:
        FileError: the folder exists (without ``resume``), or its state is missing, corrupt or of
            another recipe; or the network was written to another folder, which is named.
    """
    crops = Simulated(photographs) if isinstance(photographs, Photographs) else photographs
    network = recipe.build()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    first, spent = 0, 0.0
    curve: list[dict[str, float]] = []
    if resume:
        first, spent, curve = _load_state(folder / STATE, recipe, crops.source, network, optimizer)
    else:
        refuse_another_run(folder)
    folder.mkdir(parents=True, exist_ok=True)
    task = crops.task()
    begun = time.monotonic()

    def save(step: int) -> None:
        about = {
            "recipe": recipe.to_json(),
            "photographs": crops.source,
            "step": step,
            "seconds": spent + time.monotonic() - begun,
            "curve": curve,
        }
        try:
            _save_state(folder / STATE, about, network, optimizer)
        except (OSError, SafetensorError) as error:
            if step == first:
                raise FileError(
                    f"{folder / STATE} cannot be written: {cause(error)}",
                    remedy="choose another folder, on a disk with space",
                ) from error
            logger.warning("the state of step %d is not saved: %s", step, cause(error))

    save(first)  # whenever it is stopped, there is a state to go on from
    with track("training", recipe.steps) as bar:
        bar.advance(first)
        for step in range(first, recipe.steps):
            loss = _step(recipe, network, optimizer, crops, step)
            if step + 1 == recipe.steps or (step + 1) % save_every == 0:
                quality = mean_psnr(network, task, "selection")
                curve.append({"step": step + 1, "loss": loss, "psnr": quality})
                save(step + 1)
            left = (time.monotonic() - begun) / (step + 1 - first) * (recipe.steps - step - 1)
            seen = f"{curve[-1]['psnr']:.2f} dB, " if curve else ""
            bar.advance(1, f"{seen}{left / 60:.0f} min left")
    about = {
        "network": type(network).__name__,
        "recipe": recipe.to_json(),
        "command": command,
        "photographs": crops.source,
        "psnr_noisy": mean_psnr(nn.Identity(), task, "test"),
        "psnr": mean_psnr(network, task, "test"),
        "parameters": sum(p.numel() for p in network.parameters()),
        "seconds": round(spent + time.monotonic() - begun, 1),
        "threads": torch.get_num_threads(),
        "processor": platform.processor() or platform.machine(),
        "versions": versions(),
        "curve": curve,
    }
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    if tell is not None:
        tell(about)
    saved = save_somewhere(
        lambda place: _finish(place, recipe, weights, about), folder, folder=True
    )
    if saved.error is not None:
        raise saved.error
    (folder / STATE).unlink()
    return about


def refuse_another_run(folder: Path) -> None:
    """A run without ``resume`` makes its folder.

    Raises:
        FileError: it exists.
    """
    if folder.exists():
        raise FileError(f"{folder} exists already", remedy="choose another, or give --resume")


def _finish(
    folder: Path, recipe: Recipe, weights: dict[str, Tensor], about: dict[str, Any]
) -> None:
    """Write the trained network into its folder, or a new one."""
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _atomically(folder / recipe.weights, lambda path: save_file(weights, path))
        text = json.dumps(about, indent=2) + "\n"
        _atomically(folder / recipe.about, lambda path: Path(path).write_text(text))
    except BaseException:
        if new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def mean_psnr(network: nn.Module, task: Task, split: Any) -> float:
    """Mean PSNR in dB over a split, in evaluation mode."""
    with evaluation(network), torch.no_grad():
        values = [psnr(network(*b.call.args), b.targets) for b in task.batches(split)]
    return float(torch.cat(values).mean())


def _step(
    recipe: Recipe,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    crops: Crops,
    step: int,
) -> float:
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step + 1)
    noisy, clean = crops.draw(recipe.batch, recipe.patch, generator)
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate(step)
    network.train()
    if step >= recipe.settled * recipe.steps:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
    error = (network(noisy) - clean).square().flatten(1).mean(1)
    loss = (error + FLOOR).log().mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _atomically(path: Path, write: Any) -> None:
    """A file appears complete or not at all, whatever interrupts the writing."""
    draft = path.with_name(f".{path.name}.part")
    try:
        write(str(draft))
        usual_rights(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _save_state(
    path: Path, about: dict[str, Any], network: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    tensors = {f"network.{name}": tensor for name, tensor in network.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{index}.{key}": value for key, value in state.items()}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    _atomically(path, lambda draft: save_file(tensors, draft, {"about": json.dumps(about)}))


def _load_state(
    path: Path,
    recipe: Recipe,
    source: str,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> tuple[int, float, list[dict[str, float]]]:
    if not path.exists():
        raise FileError(
            f"there is no {path} to resume", remedy="start without --resume, or name its folder"
        )
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        before = {**about["recipe"], "photographs": about["photographs"]}
        done = int(about["step"]), float(about["seconds"]), list(about["curve"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise FileError(
            f"{path} is corrupt: {error}", remedy="remove its folder and start again"
        ) from error
    now = {**recipe.to_json(), "photographs": source}
    changed = [f"{k} was {before.get(k)} and is {v}" for k, v in now.items() if before.get(k) != v]
    if changed:
        raise FileError(
            f"{path} is of another run: {', '.join(changed)}",
            remedy="give the options that it was started with",
        )
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("adam."):
            _, index, key = name.split(".")
            state.setdefault(int(index), {})[key] = tensor
    try:
        network.load_state_dict(
            {name[8:]: tensor for name, tensor in tensors.items() if name.startswith("network.")}
        )
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    except (RuntimeError, ValueError) as error:
        raise FileError(
            f"{path} does not hold the whole state: {error}",
            remedy="remove its folder and start again",
        ) from error
    return done
