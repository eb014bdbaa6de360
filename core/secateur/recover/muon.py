"""Steps for weights that are matrices: momentum whose singular values are made equal.

After Jordan and others 2024 (Muon): a gradient's few large singular values say how far a step goes,
and the others hardly move. Made orthogonal, a step goes equally far in all of them. PyTorch has it
since 2.9, for parameters of two dimensions, and rounds to bfloat16, which many CPUs are slow at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from secateur.network.call import Call

ITERATION = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial, by Jordan and others: it takes singular values of 0.01 to 1
to between 0.68 and 1.14 in five turns."""
TURNS = 5
MAPS = (_ConvNd, nn.Linear, nn.MultiheadAttention)
LEAST = 1e-15
"""A smaller size is none: its squares are lost to rounding, and what they scale is anything."""
MOMENTUM = 0.95
SIZE = 0.2
"""Root mean square of a step in units of the rate: about what Adam's are (Liu and others 2025)."""


def matrices(network: nn.Module, call: Call) -> dict[nn.Parameter, int]:
    """Weights that map vectors of inputs to vectors of outputs, and how many blocks each is.

    A convolution's is ``(outputs, inputs × kernel)``, one for each group. What is not known to be a
    map is left out (norms, tables of embeddings, positions, a network's own parameters), and so is
    what would take more to make orthogonal than to train: a wide layer that few positions pass. A
    step has at most twice the multiplications that it has by Adam, then. Attention is counted by
    its queries.

    Arguments:
        network: it is run once.
        call: a batch, as it is trained on.
    """
    passed: dict[nn.Module, int] = {}
    attention = [m for m in network.modules() if isinstance(m, nn.MultiheadAttention)]
    counted = {m.out_proj for m in attention}  # with the whole; not all attention calls it itself
    with ExitStack() as stack:
        for module in network.modules():
            if isinstance(module, MAPS) and module not in counted:
                hook = partial(_count, passed)
                stack.callback(module.register_forward_hook(hook).remove)
        network(*call.args, **call.kwargs)  # with gradients: without, attention may be run as one
    tables = {m.weight for m in network.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)}
    blocks: dict[nn.Parameter, int] = {}
    positions: dict[nn.Parameter, int] = {}
    for module, number in passed.items():
        for weight, own in _weights(module):
            blocks[weight] = own
            positions[weight] = positions.get(weight, 0) + number
    return {
        weight: own
        for weight, own in blocks.items()
        if weight not in tables and _pays(blocks_of(weight, own).shape, positions[weight])
    }


def _count(passed: dict[nn.Module, int], module: nn.Module, inputs: Any, outputs: Any) -> None:
    """Vectors that a module maps; none where it gives something of its own."""
    tensor = outputs[0] if isinstance(outputs, tuple) and outputs else outputs
    if not isinstance(tensor, Tensor) or tensor.is_nested or not tensor.numel():
        return
    number = tensor.numel() // _width(module)
    if isinstance(module, _ConvTransposeNd):
        number //= math.prod(module.stride)  # its inputs are what it maps
    passed[module] = passed.get(module, 0) + number


def _width(module: nn.Module) -> int:
    """Numbers of one output of one of ``MAPS``."""
    if isinstance(module, _ConvNd):
        return module.out_channels
    return module.out_features if isinstance(module, nn.Linear) else cast(int, module.embed_dim)


def _weights(module: nn.Module) -> Iterator[tuple[nn.Parameter, int]]:
    """Of one of ``MAPS``, with the number of blocks."""
    found: list[tuple[object, int]]
    if isinstance(module, nn.MultiheadAttention):
        found = [(module.in_proj_weight, 3), (module.out_proj.weight, 1)]  # queries, keys, values
        found += [(getattr(module, f"{name}_proj_weight"), 1) for name in "qkv"]
    else:
        found = [(module.weight, module.groups if isinstance(module, _ConvNd) else 1)]
    for weight, own in found:
        if isinstance(weight, nn.Parameter) and weight.numel():
            yield weight, own


def _pays(shape: torch.Size, positions: int) -> bool:
    """Whether products of ``orthogonal`` are no more work than those of a forward and its gradient.

    Arguments:
        shape: ``(blocks, rows, columns)``.
        positions: vectors that are mapped.
    """
    _, rows, columns = shape
    small, large = min(rows, columns), max(rows, columns)
    turned = TURNS * (2 * small**2 * large + small**3)
    return small > 1 and turned <= 3 * rows * columns * positions


def blocks_of(tensor: Tensor, blocks: int) -> Tensor:
    """Shape ``(blocks, rows, columns)``."""
    return tensor.reshape(blocks, len(tensor) // blocks, -1)


def orthogonal(blocks: Tensor) -> Tensor:
    """Each block with its singular values near 1, by Newton and Schulz.

    Arguments:
        blocks: shape ``(blocks, rows, columns)``; one without a size becomes zero.
    """
    size = blocks.norm(dim=(1, 2), keepdim=True)
    x = blocks * (size > LEAST) / size.clamp_min(LEAST)
    wide = x.shape[1] <= x.shape[2]
    x = x if wide else x.mT
    a, b, c = ITERATION
    for _ in range(TURNS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x if wide else x.mT


class Muon(torch.optim.Optimizer):
    """Nesterov's momentum, made orthogonal; one rate, of which a step's size is 0.2.

    Arguments:
        weights: as ``matrices`` gives them.
        lr: the rate.
    """

    def __init__(self, weights: dict[nn.Parameter, int], lr: float) -> None:
        groups: dict[int, list[nn.Parameter]] = {}
        for weight, blocks in weights.items():
            groups.setdefault(blocks, []).append(weight)
        made = [{"params": own, "blocks": blocks} for blocks, own in groups.items()]
        super().__init__(made, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step along the gradients that there are."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group["blocks"], group["lr"])

    def _move(self, weight: nn.Parameter, blocks: int, rate: float) -> None:
        gradient = weight.grad
        assert gradient is not None
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum: Tensor = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        ahead = blocks_of(gradient.lerp(momentum, MOMENTUM), blocks)
        if ahead.dtype in (torch.float16, torch.bfloat16):
            ahead = ahead.float()
        size = SIZE * max(ahead.shape[1:]) ** 0.5
        # where a layer has died its momentum fades, and would still be turned into whole steps
        step = orthogonal(ahead) * blocks_of(gradient, blocks).flatten(1).any(1)[:, None, None]
        weight.add_(step.to(weight.dtype).reshape(weight.shape), alpha=-rate * size)


def optimisers(
    parameters: Iterable[nn.Parameter], mapped: dict[nn.Parameter, int], rate: float
) -> list[torch.optim.Optimizer]:
    """What trains these parameters: Muon those that are matrices, Adam the others.

    Arguments:
        parameters: that are trained.
        mapped: as ``matrices`` gives them; empty for Adam alone.
        rate: of all.
    """
    trained = list(parameters)
    own = {p: mapped[p] for p in trained if p in mapped}
    others = [p for p in trained if p not in own]
    made: list[torch.optim.Optimizer] = [Muon(own, rate)] if own else []
    if others:
        fused = all(p.device.type in FUSED for p in others)
        made.append(torch.optim.Adam(others, lr=rate, fused=fused))
    return made


FUSED = ("cpu", "cuda")
"""Devices on which Adam has one kernel for all parameters: 0.2 ms a step in place of 1.3."""
