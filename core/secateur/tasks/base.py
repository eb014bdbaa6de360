"""What a network is for: data, a loss, a metric.

A task is plain data. The pruning code asks it for batches and for one number a sample; it never
learns what the network does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from secateur.errors import DataError, MetricError

Batch = tuple[Tensor, Tensor]
Score = Callable[[Tensor, Tensor], Tensor]
Split = Literal["calibration", "selection", "test"]


@dataclass(frozen=True)
class Task:
    """Data, loss and metric of a trained network.

    Each split is an iterable of ``(inputs, targets)`` batches that can be iterated many times (a
    list, a ``DataLoader``; not a generator).

    Arguments:
        calibration: what the statistics are measured on and the compensation is fitted to.
        loss: ``loss(outputs, targets)``, one number a sample, shape ``(batch,)``; a loss that
            returns a scalar (``torch.nn.functional.mse_loss``) is called sample by sample.
        metric: what you report, in the same form; the negative loss unless given.
        selection: what choices between candidates are made on (refinement, batch-norm
            re-estimation); the calibration split unless given.
        test: what is reported, and never used to choose; the selection split unless given.
        metric_name: the metric's column in tables and files.
        metric_unit: printed behind the metric, "dB" for instance.
        higher_is_better: whether more of the metric is better.
        likelihood: what the outputs parametrise, for the true Fisher: "gaussian" (regression) or
            "categorical" (logits, class in dimension 1).
        name: used in results.
    """

    calibration: Iterable[Batch]
    loss: Score
    metric: Score | None = None
    selection: Iterable[Batch] | None = None
    test: Iterable[Batch] | None = None
    metric_name: str = "metric"
    metric_unit: str = ""
    higher_is_better: bool = True
    likelihood: Literal["gaussian", "categorical"] = "gaussian"
    name: str = "task"

    def __post_init__(self) -> None:
        for split in ("calibration", "selection", "test"):
            data = getattr(self, split)
            if data is not None and isinstance(data, Iterator):
                raise DataError(
                    f"the {split} split is a {type(data).__name__}: it can be iterated only once",
                    remedy="pass a list of batches or a DataLoader",
                )
        if self.likelihood not in ("gaussian", "categorical"):
            raise DataError(
                f"likelihood is {self.likelihood!r}",
                remedy='use "gaussian" for regression or "categorical" for classification',
            )

    def batches(self, split: Split, device: torch.device | None = None) -> Iterator[Batch]:
        """The checked batches of a split, on a device.

        Raises:
            DataError: a batch is no pair of tensors, is empty, or is not finite.
        """
        data = getattr(self, split)
        if data is None:
            data = self.calibration if split == "selection" else self.selection or self.calibration
        empty = True
        for number, batch in enumerate(data):
            empty = False
            yield check_batch(batch, f"batch {number} of the {split} split", device)
        if empty:
            raise DataError(f"the {split} split has no batches", remedy="give it some data")

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each sample, shape ``(batch,)``; differentiable."""
        return per_sample(self.loss, outputs, targets, "loss")

    def metrics(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The metric of each sample, shape ``(batch,)``."""
        if self.metric is None:
            return -self.losses(outputs, targets)
        return per_sample(self.metric, outputs, targets, self.metric_name)


def check_batch(batch: object, where: str, device: torch.device | None = None) -> Batch:
    """A batch as a pair of finite tensors on ``device``.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise DataError(
            f"{where} is a {type(batch).__name__}", remedy="yield pairs (inputs, targets)"
        )
    for side, tensor in zip(("inputs", "targets"), batch, strict=True):
        if not isinstance(tensor, Tensor):
            raise DataError(
                f"the {side} of {where} are a {type(tensor).__name__}", remedy="yield tensors"
            )
        if tensor.ndim == 0 or len(tensor) == 0:
            raise DataError(f"the {side} of {where} are empty", remedy="drop empty batches")
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            bad = int((~torch.isfinite(tensor)).sum())
            raise DataError(
                f"the {side} of {where} hold {bad} values that are NaN or infinite",
                remedy="clean the data; a score computed from NaN would be NaN for every channel",
            )
    inputs, targets = batch
    if len(inputs) != len(targets):
        raise DataError(
            f"{where} has {len(inputs)} inputs and {len(targets)} targets",
            remedy="give every sample its target",
        )
    return inputs.to(device), targets.to(device)


def per_sample(score: Score, outputs: Tensor, targets: Tensor, name: str) -> Tensor:
    """``score`` for every sample of a batch, whether it reduces over the batch or not.

    A score that returns a scalar is evaluated sample by sample: that is right for any reduction,
    where multiplying by the batch size would be right for the mean only.

    Raises:
        MetricError: the result has another shape or is not finite.
    """
    values = score(outputs, targets)
    if not isinstance(values, Tensor):
        values = torch.as_tensor(values)
    if values.ndim == 0:
        values = torch.stack(
            [
                torch.as_tensor(score(outputs[i : i + 1], targets[i : i + 1])).reshape(())
                for i in range(len(outputs))
            ]
        )
    if values.shape != (len(outputs),):
        raise MetricError(
            f"the {name} of a batch of {len(outputs)} has the shape {tuple(values.shape)}",
            remedy="return one number a sample, shape (batch,), or a scalar",
        )
    finite = torch.isfinite(values.detach())
    if not bool(finite.all()):
        raise MetricError(
            f"the {name} is {values.detach()[~finite][0].item()} for {int((~finite).sum())} of "
            f"{len(outputs)} samples",
            remedy="check the network's weights and the data, or bound the metric",
        )
    return values
