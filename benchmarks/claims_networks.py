"""The networks that the claims are about: trained, with data for every calibration seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import networks_digits as digits
import networks_models as models
import numpy as np
import torch
from networks_cell import cross_entropy, right
from torch import nn

import secateur
from secateur.tasks.denoising import denoising_task
from secateur.tasks.photographs import load_photographs
from secateur.zoo import (
    Chain,
    HalfUNet,
    pretrained_chain,
    pretrained_halfunet,
    pretrained_small_halfunet,
)

Labelled = Sequence[tuple[torch.Tensor, torch.Tensor]]
DENOISERS = ("halfunet", "chain", "small-halfunet")
CLASSIFIER = "resnet"
_PRETRAINED = {
    "halfunet": pretrained_halfunet,
    "chain": pretrained_chain,
    "small-halfunet": pretrained_small_halfunet,
}
DENOISED = ("20%", "36%", "50%", "65%", "75%", "85%")
CLASSIFIED = ("50%", "70%", "85%")
"""Shares of the channels."""
BATCH = 16
LABELLED_SEED = 10_000
"""Apart from the seeds of calibration."""


@dataclass(frozen=True)
class Case:
    """A trained network and what it is judged by.

    Arguments:
        name: of it.
        network: dense, in evaluation mode.
        amounts: shares of its channels.
        task: of a calibration seed; selection and test are the same for each.
        labelled: batches to fine-tune on, of a seed and a number of steps; nobody calibrates on
            them.
        rate: of the fine-tuning.
        unit: of the metric in tables, and what a metric is multiplied by for it.
        quick: the tiny configuration.
    """

    name: str
    network: nn.Module
    amounts: tuple[str, ...]
    task: Callable[[int], secateur.Task]
    labelled: Callable[[int, int], Labelled]
    rate: float
    unit: tuple[str, float]
    quick: bool


def cases(
    names: Sequence[str],
    *,
    quick: bool,
    cache: Path,
    mnist: Path | None,
    plain_colours: bool = False,
) -> Iterator[Case]:
    """The networks that are named.

    Arguments:
        names: ``halfunet``, ``chain``, ``small-halfunet``, ``resnet``.
        quick: the tiny configuration.
        cache: where a trained classifier is kept.
        mnist: a file with MNIST as Keras packs it (``mnist.npz``); scikit-learn's digits without.
        plain_colours: a denoiser's calibration crops keep the colours of their photographs.
    """
    for name in names:
        if name == CLASSIFIER:
            yield _classifier(cache, mnist, quick)
        else:
            yield _denoiser(name, quick, plain_colours)


def _tiny(name: str) -> nn.Module:
    """Untrained, of the same kind: it is about the benchmark, not about decibels."""
    torch.manual_seed(0)
    return (Chain(width=8, depth=3) if name == "chain" else HalfUNet(width=8, levels=2)).eval()


def _denoiser(name: str, quick: bool, plain_colours: bool) -> Case:
    network = _tiny(name) if quick else _PRETRAINED[name]()
    photographs = load_photographs()
    small: dict[str, Any] = (
        {"patches": 8, "patch": 32, "selection_patches": 4, "test_patches": 4, "unlabelled": 16}
        if quick
        else {"unlabelled": 256}  # as many as so short a recovery gets to see
    )

    def labelled(seed: int, steps: int) -> Labelled:
        more = small | {"patches": steps * BATCH, "batch": BATCH}
        made = denoising_task(photographs, seed=LABELLED_SEED + seed, **more)
        return [(one.call.args[0], one.targets) for one in made.batches("calibration")]

    return Case(
        name,
        network,
        DENOISED,
        lambda seed: denoising_task(
            photographs, seed=seed, varied_colours=not plain_colours, **small
        ),
        labelled,
        5e-5,
        ("dB", 1.0),
        quick,
    )


def _classifier(cache: Path, mnist: Path | None, quick: bool) -> Case:
    """A ResNet-14 of a quarter of its width: it has skips, so that channels are tied."""
    part = 16 if quick else 4
    kind = replace(
        models.KINDS["ResNet"], build=lambda _: models.ResNet(lambda width: width // part)
    )
    data = digits.digits() if mnist is None else mnist_digits(mnist)
    if quick:
        data = digits.Digits(*(tuple(part[:64] for part in split) for split in astuple(data)))
    network = trained(kind, "digits" if mnist is None else "mnist", data, cache, quick)
    number = 64 if quick else 512

    def task(seed: int) -> secateur.Task:
        order = torch.as_tensor(np.random.default_rng(seed).permutation(len(data.train[0])))
        chosen = tuple(part[order[:number]] for part in data.train)
        rest = tuple(part[order] for part in data.train)
        copies: dict[str, Any] = {"copies": 1, "size": digits.BATCH}
        return secateur.Task(
            calibration=digits.batches(chosen, seed=100 + seed, signal=False, **copies),
            selection=digits.batches(
                data.selection, seed=12, signal=False, copies=1 if quick else 4
            ),
            test=digits.batches(data.test, seed=13, signal=False, copies=1 if quick else 4),
            unlabelled=[
                x for x, _ in digits.batches(rest, seed=200 + seed, signal=False, **copies)
            ],
            loss=cross_entropy,
            metric=right,
            metric_name="accuracy",
            likelihood="categorical",
            name="digits",
        )

    def labelled(seed: int, steps: int) -> Labelled:
        epoch, made = 0, []
        while len(made) < steps:
            made += digits.batches(data.train, seed=LABELLED_SEED + 97 * seed + epoch, signal=False)
            epoch += 1
        return made[:steps]

    return Case(CLASSIFIER, network, CLASSIFIED, task, labelled, 1e-4, ("%", 100.0), quick)


def trained(
    kind: models.Kind, name: str, data: digits.Digits, cache: Path, quick: bool
) -> nn.Module:
    """The classifier, from the cache if it was trained there before."""
    epochs = 1 if quick else kind.epochs
    file = cache / f"claims-resnet-{name}-{epochs}-{'tiny' if quick else 'quarter'}.pt"
    torch.manual_seed(0)
    network = kind.build(models.dense)
    if file.exists():
        network.load_state_dict(torch.load(file, weights_only=True))
        return network.eval()
    digits.fit(network, list(digits.epochs_of(data, epochs, 0, False)), kind.rate, warm=0.3)
    cache.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), file)
    return network


def mnist_digits(file: Path) -> digits.Digits:
    """MNIST with its own test set; 2 000 of the others choose, and the rest are trained on."""
    with np.load(file) as packed:
        parts = {name: packed[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    images = {
        name: torch.as_tensor(parts[f"x_{name}"] / 255.0, dtype=torch.float32)[:, None]
        for name in ("train", "test")
    }
    classes = {name: torch.as_tensor(parts[f"y_{name}"]).long() for name in ("train", "test")}
    return digits.Digits(
        (images["train"][2000:], classes["train"][2000:]),
        (images["train"][:2000], classes["train"][:2000]),
        (images["test"], classes["test"]),
    )
