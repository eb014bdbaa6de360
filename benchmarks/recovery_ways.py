"""Ways to win back what pruning cost, each with the same seconds, for benchmarks/recovery.py."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from secateur.measured import Measured
from secateur.methods import Method, resolve
from secateur.network.call import Call
from secateur.network.cut import cut
from secateur.network.device import device_of
from secateur.progress import track
from secateur.pruning.finishing import body_of
from secateur.recover import Distil
from secateur.recover.matching import Distance, distance_of
from secateur.recover.training import Schedule, Training
from secateur.recover.work import Work
from secateur.surgery.compensation import fit
from secateur.surgery.finetune import tune, warm_cosine
from secateur.tasks.noise import sensor_noise
from secateur.tasks.photographs import load_photographs
from secateur.zoo.crops import training_crops

MANY = 10_000_000
"""Steps, where seconds end it."""


def trained(work: Work, distance: Distance, own: Distil, seed: int) -> None:
    """Distillation's own loop, with another distance."""
    how = Schedule(own.steps, own.seconds, own.looks, own.patience, own.optimiser)
    with track("recovering", own.steps) as bar:
        training = Training(work, distance, how, seed, bar)
        training.train(own.learning_rate or training.best_rate())


@dataclass(frozen=True)
class Supervised(Distil):
    """The same loop towards the labels of the task's ``unlabelled`` split."""

    name: ClassVar[str] = "supervised"

    def recover(self, work: Work, seed: int) -> None:
        device = device_of(work.dense)
        targets = [batch.targets for batch in work.task.batches("unlabelled", device)]
        work.taught = targets.__getitem__  # type: ignore[method-assign]
        trained(work, lambda own, aim: work.task.losses(own, aim).mean(), self, seed)


@dataclass(frozen=True)
class Features(Distil):
    """The output, and what each convolution or linear layer reads, in units of its variance."""

    name: ClassVar[str] = "features"
    reads: ClassVar[dict[str, Tensor]] = {}
    weight: ClassVar[float] = 0.1

    def recover(self, work: Work, seed: int) -> None:
        plain = distance_of(work.task, work.dense, self.temperature)
        own, aim = _reads(work.network, self.reads), _reads(work.dense, self.reads)

        def both(call: Call) -> tuple[Any, dict[str, Tensor]]:
            aim.clear()
            with torch.no_grad():
                outputs = work.dense(*call.args, **call.kwargs)
            return outputs, {path: aim[path][:, kept] for path, kept in self.reads.items()}

        cache: dict[int, Any] = {}

        def taught(number: int) -> Any:
            if number not in cache:
                cache[number] = both(work.call(number))
            return cache[number]

        def distance(outputs: Any, wanted: Any) -> Tensor:
            total = plain(outputs, wanted[0])
            for path, one in wanted[1].items():
                spread = one.var(unbiased=False).clamp_min(1e-12)
                total = total + self.weight / len(wanted[1]) * (
                    (own[path] - one).square().mean() / spread
                )
            return total

        work.taught = taught  # type: ignore[method-assign]
        trained(work, distance, self, seed)


def _reads(network: nn.Module, paths: dict[str, Tensor]) -> dict[str, Tensor]:
    """What modules read in the last run, by path."""
    seen: dict[str, Tensor] = {}
    for path in paths:

        def keep(_: nn.Module, inputs: tuple[Tensor, ...], path: str = path) -> None:
            seen[path] = inputs[0]

        network.get_submodule(path).register_forward_pre_hook(keep)
    return seen


def kept_reads(measured: Measured, keep: np.ndarray) -> dict[str, Tensor]:
    """Which inputs of each convolution and linear layer stay: a cut of weights that count."""
    marked = copy.deepcopy(measured.network)
    paths = [
        path
        for path, module in marked.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Linear)) and getattr(module, "groups", 1) == 1
    ]
    for path in paths:
        weight = marked.get_submodule(path).weight.data
        numbers = torch.arange(weight.shape[1], dtype=weight.dtype)
        weight.copy_(numbers.view(1, -1, *[1] * (weight.ndim - 2)).expand_as(weight))
    slim = cut(marked, measured.channels, keep)
    reads = {
        path: slim.get_submodule(path).weight.data[0].flatten(1)[:, 0]
        for path in paths[1:]
        if slim.get_submodule(path).weight.ndim == 4
    }
    return {path: numbers.round().long() for path, numbers in reads.items()}


def refitted(measured: Measured, keep: np.ndarray) -> nn.Module:
    """The same mask, fitted to calibration and unlabelled inputs together."""
    task, device = measured.task, device_of(measured.network)

    class Calls:
        def __iter__(self) -> Any:
            for split in ("calibration", "unlabelled"):
                yield from (batch.call for batch in task.batches(split, device))

    done = fit(measured.network, measured.channels, keep, Calls())
    return cut(done.network, measured.channels, keep).eval()


def swept(measured: Measured, keep: np.ndarray) -> nn.Module:
    """The same mask and data, fitted a second time from where the first ended."""
    calls = body_of(measured.subject, resolve(Method("residual"))).all_calls
    once = fit(measured.network, measured.channels, keep, calls).network
    again = fit(measured.network, measured.channels, keep, calls, start=once).network
    return cut(again, measured.channels, keep).eval()


def tuned(network: nn.Module, task: Any, data: list, seed: int, settled: bool) -> nn.Module:
    """One pass of supervised fine-tuning, by the plain recipe or the settled one at 1e-4."""
    if not settled:
        return tune(network, task, data, seed=seed).network
    return tune(
        network,
        task,
        data,
        seed=seed,
        optimiser=lambda parameters: torch.optim.Adam(parameters, lr=1e-4),
        schedule=warm_cosine,
        settled=True,
    ).network


def training_pairs(count: int, size: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Noisy and clean crops as the example networks were trained on."""
    generator = torch.Generator().manual_seed(900 + seed)
    clean = training_crops(load_photographs().train, count, size, generator)
    noisy = sensor_noise(clean, generator)
    return list(zip(noisy.split(16), clean.split(16), strict=True))


def distil(kind: type[Distil], seconds: float, quick: bool, **options: Any) -> Distil:
    """A recovery that ends after so many seconds; in the tiny configuration after a few steps."""
    if quick:
        return kind(steps=12, looks=2, **options)
    return kind(steps=MANY, seconds=seconds, **options)


def on(task: Any, unlabelled: Any) -> Any:
    """The task with other inputs for recovery."""
    return replace(task, unlabelled=unlabelled)
