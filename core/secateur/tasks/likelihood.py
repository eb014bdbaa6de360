"""Which of a network's outputs are the parameters of the likelihood, and how steep the loss is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from secateur.errors import MetricError
from secateur.faults import is_passed_on
from secateur.network.trees import describe_tree, replace_tensors, tensors_in
from secateur.tasks.base import Task

NAMES = (".logits", "['logits']", ".out", "['out']")
"""Where several outputs take part in the loss, logits are looked for here (torchvision: out)."""


_FITS = {
    "categorical": (functional.cross_entropy, nn.CrossEntropyLoss),
    "bernoulli": (functional.binary_cross_entropy_with_logits, nn.BCEWithLogitsLoss),
}
"""The losses of PyTorch that say what the outputs are."""


def likelihood_note(task: Task) -> tuple[str, ...]:
    """What to tell where the loss is of classes, and the likelihood that of regression; or ()."""
    for fitting, (function, kind) in _FITS.items():
        if task.likelihood == "gaussian" and (task.loss is function or isinstance(task.loss, kind)):
            name = getattr(task.loss, "__name__", type(task.loss).__name__)
            return (
                f"the loss is {name}, and the likelihood gaussian, as for regression: "
                f'Task(likelihood="{fitting}") takes the outputs for what they are',
            )
    return ()


@dataclass(frozen=True)
class Probed:
    """One tensor of the outputs, and the loss's derivative with respect to it.

    Arguments:
        tensor: as the network (or the task's ``prediction``) gave it.
        point: the same values, at which the loss was taken; None if it is no output itself.
        slope: ``∂L/∂point``, of its shape, differentiable where the loss is; None like ``point``.
    """

    tensor: Tensor
    point: Tensor | None
    slope: Tensor | None


def likelihood_outputs(task: Task, outputs: Any, targets: Any, size: int) -> list[Probed]:
    """The tensors that the likelihood is about.

    The task's ``prediction`` says; else a tensor is itself, and of several those are taken that the
    loss depends on: for a categorical likelihood the one, or else the one called "logits" or "out",
    for the others all of them.

    Arguments:
        task: its loss is differentiated once.
        outputs: what the network gave.
        targets: of the same samples.
        size: the number of samples.

    Raises:
        MetricError: it cannot be told, or the loss depends on none.
    """
    found = {path: t for path, t in tensors_in(outputs).items() if t.is_floating_point()}
    points = {id(t): t.detach().clone().requires_grad_() for t in found.values()}
    if not points:
        raise MetricError(
            f"the network's outputs are {describe_tree(outputs)}: no floating-point tensor",
            remedy="return tensors that the loss can be differentiated by",
        )
    with torch.enable_grad():
        losses = task.losses(replace_tensors(outputs, points), targets, size=size)
        keys = list(points)
        slopes: tuple[Tensor | None, ...] = (None,) * len(keys)
        if losses.requires_grad:
            slopes = torch.autograd.grad(
                losses.sum(), [points[key] for key in keys], create_graph=True, allow_unused=True
            )
    used = {key: slope for key, slope in zip(keys, slopes, strict=True) if slope is not None}
    if not used:
        raise MetricError(
            "the loss does not depend on the network's outputs in a way that can be differentiated",
            remedy="use a smooth loss of the outputs, without detach(), argmax or .item()",
        )

    def probed(tensor: Tensor) -> Probed:
        if id(tensor) in points:
            return Probed(tensor, points[id(tensor)], used.get(id(tensor)))
        return Probed(tensor, None, None)

    if task.prediction is not None:
        return [probed(_predicted(task, outputs))]
    taking = {path: t for path, t in found.items() if id(t) in used}
    if len({id(t) for t in taking.values()}) == 1:
        return [probed(next(iter(taking.values())))]
    if task.likelihood != "categorical":
        return [probed(t) for t in {id(t): t for t in taking.values()}.values()]
    named = [taking[path] for path in NAMES if path in taking]
    if named:
        return [probed(named[0])]
    raise MetricError(
        f"the loss depends on several outputs ({', '.join(f'outputs{path}' for path in taking)}), "
        'and with likelihood="categorical" it must be known which are the logits',
        remedy="say it: Task(prediction=lambda outputs: outputs[0])",
    )


def at_random(task: Task, outputs: Any, targets: Any, size: int, one: Probed) -> Probed:
    """The same output, with the loss's derivative at standard normal values instead.

    What a loss of the softmax is like (over which dimension, with which weight of each position)
    does not depend on the logits; where the network is sure of itself it drowns in rounding.

    Arguments:
        task: its loss is differentiated once.
        outputs: what the network gave.
        targets: of the same samples.
        size: the number of samples.
        one: from ``likelihood_outputs``; comes back as it is if it is no output itself.
    """
    if one.point is None:
        return one
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(one.tensor.shape, generator=generator, dtype=torch.float64)
    point = values.to(one.tensor).detach().requires_grad_()
    with torch.enable_grad():
        fixed = {id(t): t.detach() for t in tensors_in(outputs).values()}
        there = replace_tensors(outputs, {**fixed, id(one.tensor): point})
        losses = task.losses(there, targets, size=size)
        (slope,) = torch.autograd.grad(losses.sum(), point, create_graph=True, allow_unused=True)
    return Probed(one.tensor, point, slope)


def _predicted(task: Task, outputs: Any) -> Tensor:
    assert task.prediction is not None
    try:
        predicted = task.prediction(outputs)
    except BaseException as error:  # the user's code, which may end Python
        if is_passed_on(error):
            raise
        raise MetricError(
            f"prediction raised {type(error).__name__}: {error}; the outputs were "
            f"{describe_tree(outputs)}",
            remedy="it is called with what the network gives",
        ) from error
    if not isinstance(predicted, Tensor) or not predicted.is_floating_point():
        raise MetricError(
            f"prediction gave a {type(predicted).__name__}"
            + (f" of {predicted.dtype}" if isinstance(predicted, Tensor) else ""),
            remedy="return one floating-point tensor of the outputs",
        )
    return predicted
