"""The number told is the number of the network returned: the cut is held against the mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import NetworkError
from secateur.network import Call, Channels, GatedNetwork
from secateur.network.run import evaluation
from secateur.network.trial import difference, tolerance


def check_cut(
    network: nn.Module, channels: Channels, keep: NDArray[np.bool_], slim: nn.Module, call: Call
) -> float:
    """Hold a cut network against the masked one, on real weights and real data.

    Arguments:
        network: dense, with the weights that ``slim`` was cut from.
        channels: of it.
        keep: what ``slim`` was cut with, shape ``(n,)``.
        slim: the smaller network.
        call: a calibration batch.

    Returns:
        the largest difference, relative to each output.

    Raises:
        NetworkError: they differ; it names the first tensor that does.
    """
    gated = GatedNetwork(network, channels)
    wanted = gated.masked(call, keep)
    most = tolerance(gated)
    with evaluation(slim), torch.no_grad():
        found = slim(*call.args, **call.kwargs)
    worst = 0.0
    ours, theirs = dict(_named(found)), dict(_named(wanted))
    for name in ours | theirs:  # one that is missing on either side differs wholly
        both = name in ours and name in theirs
        gap = difference(ours[name], theirs[name]) if both else float("inf")
        if not gap <= most:
            raise NetworkError(
                f"the smaller network differs from the masked one in {name} by {gap:.2g} of its "
                "size: what is told of one would not hold for the other",
                remedy="something in forward depends on how many channels there are; name the "
                "layers in front of it in `ignored`, and please report the network",
            )
        worst = max(worst, gap)
    return worst


def _named(out: Any, name: str = "the output") -> list[tuple[str, Tensor]]:
    """Every tensor in an output, with the way to it."""
    if isinstance(out, Tensor):
        return [(name, out)]
    if isinstance(out, Mapping):
        return [pair for k, v in out.items() for pair in _named(v, f"{name}[{k!r}]")]
    if isinstance(out, (tuple, list)):
        return [pair for k, v in enumerate(out) for pair in _named(v, f"{name}[{k}]")]
    if hasattr(out, "__dict__") and not isinstance(out, (nn.Module, type)):
        return [pair for k, v in vars(out).items() for pair in _named(v, f"{name}.{k}")]
    return []
