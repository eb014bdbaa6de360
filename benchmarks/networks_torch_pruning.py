"""The same shares by Torch-Pruning: Taylor importance, its own groups, widths in steps of 16.

It is no dependency of ours; ``pip install --no-deps --target FOLDER torch-pruning==1.6.1`` and
``--torch-pruning FOLDER``. Its pruner takes a share of channels; the share is searched whose
network keeps at least the MACs asked for and least above them, so that it is never given less
than ours.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networks_models as models
from networks_digits import Batches
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

MODES = {"Torch-Pruning, global": True, "Torch-Pruning, each layer": False}
"""One ranking for the whole network, or one for every group: its ``global_pruning``."""


def found(folder: Path | None) -> str | None:
    """The version that can be used, None without one.

    Arguments:
        folder: where it was installed to, if it is not on the path.
    """
    if folder is not None:
        sys.path.append(str(folder))
    try:
        import torch_pruning  # noqa: F401
    except ModuleNotFoundError:
        return None
    from importlib.metadata import version

    return version("torch-pruning")


def macs(network: nn.Module, inputs: Tensor) -> int:
    """Multiply-accumulates of one sample as PyTorch counts them, in eval mode.

    It counts no fused attention of a CPU, so attention is taken apart.
    """
    network.eval()
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network(inputs)
    return counter.get_total_flops() // 2


class TorchPruning:
    """All networks that its pruner makes of one network in one mode.

    Arguments:
        network: trained; it is copied.
        calibration: what the gradients are of, summed over all batches.
        everywhere: one ranking for the whole network.
        step: widths are multiples of it.
    """

    def __init__(
        self, network: nn.Module, calibration: Batches, *, everywhere: bool, step: int
    ) -> None:
        self.network, self.everywhere, self.step = network, everywhere, step
        self.example = calibration[0][0][:1]
        self.gradients = gradients(network, calibration)
        self.dense = macs(network, self.example)
        self.tried: dict[int, int] = {}
        self.parts = 512

    def pruned(self, share: float) -> nn.Module:
        """The network whose MACs are least above ``share`` of the dense one's."""
        low, high = 0, self.parts  # of the channels: more pruned, fewer MACs
        while high - low > 1:
            middle = (low + high) // 2
            if self.left(middle) >= share * self.dense:
                low = middle
            else:
                high = middle
        enough = [part for part, left in self.tried.items() if left >= share * self.dense]
        return self.cut(min(enough, key=lambda part: (self.tried[part], part), default=0))

    def left(self, part: int) -> int:
        """MACs where ``part / parts`` of the channels go."""
        if part not in self.tried:
            self.tried[part] = macs(self.cut(part), self.example)
        return self.tried[part]

    def cut(self, part: int) -> nn.Module:
        """A copy without ``part / parts`` of its channels, rounded as the pruner rounds."""
        import torch_pruning

        network = copy.deepcopy(self.network)
        for name, parameter in network.named_parameters():
            parameter.grad = self.gradients[name].clone()
        if not part:
            return network
        attentions = [m for m in network.modules() if isinstance(m, models.Attention)]
        ratio = part / self.parts
        pruner = torch_pruning.pruner.MetaPruner(
            network,
            self.example,
            importance=torch_pruning.importance.TaylorImportance(),
            global_pruning=self.everywhere,
            pruning_ratio=ratio,
            round_to=self.step,
            ignored_layers=[classifier(network)],
            num_heads={m.qkv: m.heads for m in attentions},
            prune_num_heads=bool(attentions),
            prune_head_dims=False,
            head_pruning_ratio=ratio,
            unwrapped_parameters=[
                (p, p.ndim - 1) for name, p in network.named_parameters() if name == "position"
            ],
        )
        pruner.step()
        for m in attentions:
            m.heads = pruner.num_heads[m.qkv]
        network.zero_grad(set_to_none=True)
        return network.eval()


def classifier(network: Any) -> nn.Module:
    """The last linear layer: its outputs are classes."""
    return network.head[-1] if isinstance(network.head, nn.Sequential) else network.head


def gradients(network: nn.Module, calibration: Batches) -> dict[str, Tensor]:
    """Of the mean cross entropy over all calibration batches, by parameter."""
    network = copy.deepcopy(network).eval()
    number = sum(len(classes) for _, classes in calibration)
    for inputs, classes in calibration:
        (F.cross_entropy(network(inputs), classes, reduction="sum") / number).backward()
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def widths(network: nn.Module) -> Sequence[int]:
    """The outputs of every convolution and linear layer, in order."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.Linear)
    return [len(m.weight) for m in network.modules() if isinstance(m, kinds)]
