"""Random probes at a network's outputs, from which the true Fisher matrix is made.

For a loss with Hessian ``S`` at the output, probes ``v`` with ``E[vv'] = S`` give
``E[(v'J)'(v'J)] = J'SJ``: the Gauss–Newton matrix, which is the Fisher matrix of the likelihood.

- Gaussian likelihood (regression): ``S = s·I`` with ``s`` the loss's mean curvature at the output
  (at each of them, where there are several), measured by one Hessian–vector product. For the mean
  squared error that is 2/pixels exactly; for log-MSE it is 2/(pixels · MSE_s), up to a relative
  2/pixels.
- categorical likelihood (classification): ``v = √w·(p - e_y)`` with the class ``y`` drawn from the
  network's own softmax (Kunstner et al. 2019), so ``E[vv'] = w·(diag(p) - pp')``. The weight ``w``
  of every position (a pixel, a token) is measured by one Hessian–vector product: 1/positions for
  a mean, 0 where a label is ignored.
- Bernoulli likelihood (one logit each): ``v = √w·(σ - y)``, likewise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from secateur.errors import MetricError
from secateur.network.trees import describe_tensor
from secateur.tasks.base import Task
from secateur.tasks.likelihood import Probed, at_random, likelihood_outputs

Probe = list[tuple[Tensor, Tensor]]
"""Tensors of the outputs, each with its random cotangent."""


def fisher_probes(
    task: Task,
    outputs: Any,
    targets: Any,
    probes: int,
    generator: torch.Generator,
    size: int | None = None,
) -> Iterator[Probe]:
    """Random cotangents of the outputs that the likelihood is about.

    Arguments:
        task: gives the loss and the likelihood.
        outputs: what the network gave; the graph behind them is not used.
        targets: of the same samples.
        probes: how many.
        generator: of the random numbers, on the outputs' device.
        size: the number of samples; the length of the outputs' first tensor unless given.

    Raises:
        MetricError: the loss has no positive curvature at the output (L1 for instance), is no
            function of the softmax, or it cannot be told which outputs the likelihood is about.
    """
    if probes == 0:
        return
    size = task.size_of(outputs) if size is None else size
    probed = likelihood_outputs(task, outputs, targets, size)
    if task.likelihood == "gaussian":
        yield from _gaussian(probed, probes, generator)
        return
    probed = [at_random(task, outputs, targets, size, one) for one in probed]
    if task.likelihood == "categorical":
        yield from _categorical(probed[0], task.prediction is None, probes, generator)
    else:
        yield from _bernoulli(probed, probes, generator)


def _gaussian(probed: list[Probed], probes: int, generator: torch.Generator) -> Iterator[Probe]:
    curvatures = [_curvature(one, generator) for one in probed]
    total = torch.stack([c.min() if len(probed) == 1 else c.max() for c in curvatures]).max()
    lowest = min(float(c.min()) for c in curvatures)
    if lowest < 0 or not float(total) > 0:
        raise MetricError(
            f"the loss has the curvature {lowest:.3g} at the network's output, "
            "and the Fisher matrix needs a positive one",
            remedy="measure with a smooth loss (mean squared error, log-MSE, cross-entropy with "
            'likelihood="categorical"), or with probes=0 and an objective without Fisher terms',
        )
    scales = [
        c.sqrt().reshape(-1, *[1] * (one.tensor.ndim - 1)) if one.tensor.ndim else c.sqrt().sum()
        for c, one in zip(curvatures, probed, strict=True)
    ]
    for _ in range(probes):
        yield [
            (one.tensor, scale * _normal_like(one.tensor, generator))
            for one, scale in zip(probed, scales, strict=True)
        ]


def _curvature(one: Probed, generator: torch.Generator) -> Tensor:
    """The mean diagonal of the loss's Hessian at an output, for each entry of dimension 0.

    Hutchinson's estimator with one vector of signs: exact for a loss that is a sum over the
    outputs' elements with constant curvature.
    """
    tensor = one.tensor.detach()
    if one.point is None:
        raise MetricError(
            f"prediction gave a tensor, {describe_tensor(tensor)}, that is none of the network's "
            'outputs itself, and likelihood="gaussian" measures the loss\'s curvature at it',
            remedy="return one of the outputs as it is, or leave prediction out",
        )
    signs = torch.randint(0, 2, tensor.shape, generator=generator, device=generator.device)
    direction = 2.0 * signs.to(tensor.dtype) - 1.0
    product = _hessian_product(one, direction)
    return (product * direction).reshape(len(tensor) if tensor.ndim else 1, -1).mean(dim=1)


def _hessian_product(one: Probed, direction: Tensor) -> Tensor:
    """``∂²L/∂point² · direction``; zero for a loss that is linear there."""
    if one.slope is None or not one.slope.requires_grad:
        return torch.zeros_like(direction)
    assert one.point is not None
    with torch.enable_grad():
        (product,) = torch.autograd.grad(
            (one.slope * direction).sum(), one.point, retain_graph=True, allow_unused=True
        )
    return torch.zeros_like(direction) if product is None else product.detach()


def _categorical(
    one: Probed, found: bool, probes: int, generator: torch.Generator
) -> Iterator[Probe]:
    """``√w·(p - e_y)``; a dense prediction is one draw a position."""
    logits = one.tensor.detach()
    dim = _class_dimension(one) if found else 1
    if logits.ndim < 2 or logits.shape[dim] < 2:
        raise MetricError(
            f"the logits are {describe_tensor(logits)}: one class only",
            remedy='use likelihood="bernoulli" where every logit is one yes or no',
        )
    probabilities = logits.movedim(dim, -1).softmax(-1)
    flat = probabilities.reshape(-1, probabilities.shape[-1])
    chances = flat.float() if flat.element_size() < 4 else flat
    weights = _categorical_weights(one, dim, generator).sqrt()[..., None]
    for _ in range(probes):
        drawn = torch.multinomial(chances, 1, generator=generator)
        probe = flat.scatter_add(1, drawn, -torch.ones_like(drawn, dtype=flat.dtype))
        probe = probe.reshape(probabilities.shape) * weights
        yield [(one.tensor, probe.movedim(-1, dim))]


def _categorical_weights(one: Probed, dim: int, generator: torch.Generator) -> Tensor:
    """What each position counts in the loss: its Hessian there is ``w·(diag(p) - pp')``."""
    place = one.tensor if one.point is None else one.point
    probabilities = place.detach().movedim(dim, -1).softmax(-1)
    positions = probabilities[0, ..., 0].numel()
    # where the Hessian has another form (a focal loss), the loss counts as a mean over positions
    default = probabilities.new_full(probabilities.shape[:-1], 1.0 / positions)
    if one.point is None:
        return default
    direction = _normal_like(one.tensor, generator)
    product = _hessian_product(one, direction).movedim(dim, -1)
    direction = direction.movedim(dim, -1)
    mean = (probabilities * direction).sum(-1, keepdim=True)
    form = probabilities * (direction - mean)
    return _weights(product, form, direction - mean, default)


def _weights(product: Tensor, form: Tensor, direction: Tensor, default: Tensor) -> Tensor:
    """The factor from ``form`` to ``product`` at each position, if there is one everywhere."""
    bottom = (form * direction).sum(-1)
    tiny = torch.finfo(form.dtype).tiny
    weights = torch.where(bottom > tiny, (product * direction).sum(-1) / bottom.clamp_min(tiny), 0)
    off = (product - weights[..., None] * form).norm()
    fits = off <= 1e-2 * product.norm() and bool((weights >= 0).all())
    return weights if fits and bool((weights > 0).any()) else default


def _bernoulli(probed: list[Probed], probes: int, generator: torch.Generator) -> Iterator[Probe]:
    """``√w·(σ - y)`` for every logit by itself."""
    parts = []
    for one in probed:
        probabilities = one.tensor.detach().sigmoid()
        entries = one.tensor[0].numel() if one.tensor.ndim else 1
        weights = torch.full_like(probabilities, 1.0 / entries)
        if one.point is not None:
            signs = torch.ones_like(probabilities)
            there = one.point.detach().sigmoid()
            form = there * (1.0 - there)
            product = _hessian_product(one, signs)
            weights = _weights(product[..., None], form[..., None], signs[..., None], weights)
        parts.append((one.tensor, probabilities, weights.sqrt()))
    for _ in range(probes):
        yield [
            (tensor, scale * (p - torch.bernoulli(p, generator=generator)))
            for tensor, p, scale in parts
        ]


def _class_dimension(one: Probed) -> int:
    """The dimension that the softmax is over: the loss does not change along it.

    Raises:
        MetricError: there is none, so the outputs are no logits.
    """
    logits = one.tensor.detach()
    candidates = [1, logits.ndim - 1] if logits.ndim > 2 else [1]
    if logits.ndim < 2:
        return 1  # refused by the caller, with its shape
    if one.slope is not None:
        slope = one.slope.detach()  # at random values
        for dim in candidates:
            if bool(slope.sum(dim).abs().max() <= 1e-4 * slope.abs().sum(dim).max()):
                return dim
    for dim in candidates:  # logarithms of probabilities are logits too
        if bool(logits.logsumexp(dim).abs().max() <= 1e-4):
            return dim
    raise MetricError(
        f"the loss is no function of the softmax of the outputs, {describe_tensor(logits)}, over "
        f"dimension {' or '.join(map(str, candidates))}, as a categorical likelihood has it",
        remedy='use likelihood="bernoulli" for one yes or no each, "gaussian" for regression; '
        "where the network gives probabilities, let it give their logarithms; or say which tensor "
        "the logits are, class in dimension 1: Task(prediction=lambda outputs: …)",
    )


def _normal_like(tensor: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(
        tensor.shape, generator=generator, device=generator.device, dtype=tensor.dtype
    )
