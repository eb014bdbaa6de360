"""The trial: a copy is cut, run and held against the mask, before anything is measured.

Only that sees sizes that are written in code. The copy's weights are stirred, because a trained
network has dead channels, and a trial on zeros passes whatever is wrong.
"""

from __future__ import annotations

import re

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import SecateurError
from secateur.faults import is_passed_on
from secateur.network.call import Call
from secateur.network.channels import Channels, Group
from secateur.network.cut import cut_in_place
from secateur.network.door import copied
from secateur.network.gates import GatedNetwork
from secateur.network.run import evaluation
from secateur.network.ties import output_tensors

TOLERANCE = 1e-4
"""Relative to the largest value of an output, in single precision."""
COARSE = 0.05
"""The same where a part of the network runs in 16-bit precision."""
ROUNDING = 0.05
"""Differences below this may be rounding."""


def stirred(network: nn.Module, seed: int) -> nn.Module:
    """A copy with other weights: everything is alive."""
    generator = torch.Generator().manual_seed(seed)
    other = copied(network)
    with torch.no_grad():
        for parameter in other.parameters():
            if parameter.is_floating_point():
                draw = torch.randn if parameter.ndim > 1 else torch.rand
                noise = draw(parameter.shape, generator=generator)
                # of the size of a sensible initialisation, so that nothing saturates
                inputs = max(1, parameter.numel() // parameter.shape[0] if parameter.ndim else 1)
                size = float(parameter.float().abs().mean()) + 0.3 / inputs**0.5
                parameter.add_((noise * size).to(parameter))
    return other


def random_keep(
    channels: Channels, groups: list[Group], share: float, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """A mask that leaves at least one channel of every group, and takes at least one of some."""
    keep = np.ones(len(channels), dtype=bool)
    for group in groups:
        k = min(group.size - 1, max(1, round(share * group.size)))
        keep[group.start + generator.choice(group.size, k, replace=False)] = False
    return keep


def keep_without_sums(
    channels: Channels, groups: list[Group], generator: np.random.Generator
) -> NDArray[np.bool_]:
    """A mask that takes half of the channels of sums, with all that they are made of.

    Random masks rarely do: then a sum stays as wide as it was, and a width in the code is not seen.
    """
    keep = np.ones(len(channels), dtype=bool)
    free = np.zeros(len(channels), dtype=bool)
    for group in groups:
        free[group.slice] = True
    order = generator.permutation(len(channels.streams))
    for number in order[: (len(order) + 1) // 2]:
        parts = channels.streams[number]
        without = keep.copy()
        without[parts] = False
        if free[parts].all() and all(without[group.slice].any() for group in channels.groups):
            keep = without
    return keep


def run_plain(network: nn.Module, call: Call) -> object:
    """A network's own forward, in evaluation mode; buffers come back as they were."""
    with evaluation(network), torch.no_grad():
        return network(*call.args, **call.kwargs)


def difference(one: object, two: object) -> float:
    """The largest difference of two outputs, relative to the size of each tensor in them."""
    first, second = output_tensors(one), output_tensors(two)
    if len(first) != len(second) or not first:
        return float("inf")
    worst = 0.0
    for a, b in zip(first, second, strict=True):
        worst = max(worst, _difference(a, b))
    return worst


def _difference(a: Tensor, b: Tensor) -> float:
    if a.shape != b.shape:
        return float("inf")
    if not a.numel():
        return 0.0
    if not a.is_floating_point():
        return 0.0 if torch.equal(a, b) else float("inf")
    a, b = a.detach().double(), b.detach().double()
    same = (a == b) | (a.isnan() & b.isnan())
    gap = torch.where(same, torch.zeros_like(a), (a - b).abs())
    size = torch.where(b.isfinite(), b.abs(), torch.zeros_like(b)).max()
    return float((gap / (size + 1e-6)).nan_to_num(float("inf")).max())


def attempt(
    network: nn.Module, call: Call, channels: Channels, keep: NDArray[np.bool_]
) -> str | None:
    """Cut a copy and hold it against the mask; the reason if they differ.

    A small difference may be rounding that the network amplifies: it is looked at again in double
    precision.
    """
    gap = _gap(network, call, channels, keep)
    if isinstance(gap, float) and TOLERANCE < gap < ROUNDING:
        wide = copied(network).double()
        again = _gap(wide, call.map(_doubled), channels, keep)
        if isinstance(again, float):
            gap = again
    if isinstance(gap, str):
        return gap
    if gap <= TOLERANCE:
        return None
    return f"after a cut its result is not that of the mask (by {gap:.2g} of it)"


def _doubled(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _gap(
    network: nn.Module, call: Call, channels: Channels, keep: NDArray[np.bool_]
) -> float | str:
    gated = GatedNetwork(network, channels)
    try:
        wanted = gated.masked(call, keep)
    except SecateurError as error:
        return f"the masked network cannot be run: {error.message}"
    slim = copied(network)
    try:
        cut_in_place(slim, channels, keep)
        out = run_plain(slim, call)
    except BaseException as error:  # whatever the user's forward raises on another size
        if is_passed_on(error):
            raise
        text = str(error).splitlines()[0][:110] if str(error) else ""
        return (
            f"a size is written in its code: after a cut it raises {type(error).__name__}: {text}"
        )
    gap = difference(out, wanted)
    return gap if gap > tolerance(gated) else 0.0


def tolerance(gated: GatedNetwork) -> float:
    """How far a cut network may be from the masked one, which has just been run."""
    return COARSE if gated.coarse else TOLERANCE


def try_groups(
    network: nn.Module,
    call: Call,
    channels: Channels,
    groups: list[Group],
    *,
    seed: int,
    masks: int = 2,
) -> str | None:
    """Cut some groups, by several masks; the reason of the first that fails."""
    generator = np.random.default_rng(seed)
    shares = [(0.5, 0.3, 0.7)[number % 3] for number in range(masks)]
    keeps = [random_keep(channels, groups, share, generator) for share in shares]
    if channels.streams:
        keeps.append(keep_without_sums(channels, groups, generator))
    for keep in keeps:
        reason = attempt(network, call, channels, keep)
        if reason is not None:
            return reason
    return None


def kinds(channels: Channels) -> list[list[Group]]:
    """Groups that look the same but for numbers in their names: they stand and fall together.

    So do those that feed the same sum (``tied=False``): only together they make it narrower.
    """
    found: dict[object, list[Group]] = {}
    for group in channels.groups:
        names = tuple(sorted({re.sub(r"\d+", "#", name) for name, _ in group.members}))
        found.setdefault((names, group.size), []).append(group)
    sets = list(found.values())
    of = channels.group_index
    for parts in channels.streams:
        fed = {channels.groups[g].name for g in np.unique(of[parts]).tolist()}
        together = [own for own in sets if any(group.name in fed for group in own)]
        if len(together) > 1:
            rest = [own for own in sets if not any(group.name in fed for group in own)]
            sets = [[group for own in together for group in own], *rest]
    return sets
