"""Losses and metrics of a user's own: one number a sample, whatever the outputs are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from secateur.errors import MetricError, NetworkError
from secateur.faults import is_passed_on
from secateur.network.trees import (
    describe_tree,
    owned,
    replace_tensors,
    take_samples,
    tensors_in,
)
from secateur.tasks.batches import take_targets

Score = Callable[[Any, Any], Any]
"""``score(outputs, targets)``, with what the network gave and what the data gave."""


def batch_size(outputs: Any) -> int:
    """The number of samples that outputs are of: the length of their first tensor.

    Raises:
        MetricError: they hold no tensor with a batch dimension.
    """
    for tensor in tensors_in(outputs).values():
        if tensor.ndim > 0:
            return len(tensor)
    raise MetricError(
        f"the network's outputs are {describe_tree(outputs)}: none has a batch dimension",
        remedy="return tensors whose dimension 0 is the batch",
    )


def check_outputs(outputs: Any) -> None:
    """Refuse outputs that cannot be trusted.

    A single tensor must be finite; of several, parts may be infinite (a masked logit), not NaN.

    Raises:
        NetworkError: they are not.
    """
    for path, tensor in tensors_in(outputs).items():
        if not tensor.is_floating_point():
            continue
        values = tensor.detach()
        bad = ~torch.isfinite(values) if tensor is outputs else torch.isnan(values)
        if bool(bad.any()):
            at = f" (outputs{path})" if path else ""
            raise NetworkError(
                f"the network's outputs are NaN or infinite on the calibration data{at}",
                remedy="check its weights, and that the data are scaled as in training",
            )


def per_sample(
    score: Score,
    outputs: Any,
    targets: Any,
    name: str,
    *,
    size: int | None = None,
    shared: tuple[int | str, ...] = (),
) -> Tensor:
    """``score`` for every sample of a batch, whether it reduces over the batch or not.

    A score that returns a scalar is evaluated sample by sample: that is right for any reduction,
    where multiplying by the batch size would be right for the mean only.

    Arguments:
        score: the user's.
        outputs: what the network gave.
        targets: what the data gave.
        name: "loss", or the metric's.
        size: the number of samples; the length of the outputs' first tensor unless given.
        shared: names of the targets that belong to all samples.

    Raises:
        MetricError: it raises, its result has another shape or is not finite, or it cannot be
            told apart by sample.
    """
    size = batch_size(outputs) if size is None else size
    values = _called(score, outputs, targets, name)
    if values.ndim == 0 and size == 1:
        values = values.reshape(1)
    elif values.ndim == 0:
        values = _one_by_one(score, outputs, targets, name, size, shared)
    if values.shape != (size,):
        raise MetricError(
            f"the {name} of a batch of {size} has the shape {tuple(values.shape)}",
            remedy="return one number a sample, shape (batch,), or a scalar",
        )
    finite = torch.isfinite(values.detach())
    if not bool(finite.all()):
        raise MetricError(
            f"the {name} is {values.detach()[~finite][0].item()} for {int((~finite).sum())} of "
            f"{size} samples",
            remedy="check the network's weights and the data, or bound the metric",
        )
    return values


def _called(score: Score, outputs: Any, targets: Any, name: str) -> Tensor:
    try:
        values = score(outputs, targets)
    except BaseException as error:  # the user's code, which may end Python
        if is_passed_on(error):
            raise
        raise MetricError(
            f"the {name} raised {type(error).__name__}: {error}; the outputs were "
            f"{describe_tree(outputs)}, the targets "
            + ("None" if targets is None else describe_tree(targets)),
            remedy="it is called as score(outputs, targets) with what the network gives and what "
            "the data give"
            + (
                "; these batches have no targets: yield pairs (inputs, targets), where there is "
                "one alone [(inputs, targets)], or say what they are with "
                "Task(adapter=lambda batch: (inputs, targets))"
                if targets is None
                else ""
            ),
        ) from error
    if isinstance(values, Tensor):
        return values
    try:
        return torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise MetricError(
            f"the {name} is a {type(values).__name__}",
            remedy="return one number a sample, shape (batch,), or a scalar",
        ) from error


def _one_by_one(
    score: Score,
    outputs: Any,
    targets: Any,
    name: str,
    size: int,
    shared: tuple[int | str, ...],
) -> Tensor:
    def one(outputs: Any, index: int) -> Tensor:
        here = slice(index, index + 1)
        return _called(
            score,
            take_samples(outputs, here, size),
            take_targets(targets, here, size, shared),
            name,
        ).reshape(-1)

    mixed = {
        path: tensor
        for path, tensor in tensors_in(outputs).items()
        if tensor.is_floating_point() and not owned(tensor, size)
    }
    if mixed:
        _refuse_mixed(lambda spoilt: one(spoilt, 0), outputs, mixed, name, size)
    return torch.cat([_single(one(outputs, index), name) for index in range(size)])


def _single(value: Tensor, name: str) -> Tensor:
    if len(value) != 1:
        raise MetricError(
            f"the {name} is a scalar for the batch and {len(value)} numbers for one sample",
            remedy="return one number a sample, shape (batch,), or a scalar",
        )
    return value


def _refuse_mixed(
    one: Callable[[Any], Tensor], outputs: Any, mixed: dict[str, Tensor], name: str, size: int
) -> None:
    """A scalar of the whole batch must not be made of outputs that are not split by sample.

    Whether it is shows when they are replaced by NaN.
    """
    for path, tensor in mixed.items():
        spoilt = replace_tensors(outputs, {id(tensor): torch.full_like(tensor, float("nan"))})
        with torch.no_grad():
            try:
                spoils = bool(torch.isnan(one(spoilt)).any())
            except MetricError:  # it looks at them
                spoils = True
        if spoils:
            raise MetricError(
                f"the {name} is a scalar and depends on outputs{path}, of shape "
                f"{tuple(tensor.shape)}, which is not divided by sample (the batch has {size})",
                remedy="return one number a sample, shape (batch,), made of outputs whose "
                "dimension 0 is the batch, or give batches of one sample",
            )
