"""A quick compensation: every mask's, from sums that were taken of the dense network once.

What a mask leaves of a layer's inputs is taken to be what the dense network computes there. Then
the normal equations of any mask are a part of those of all inputs: with the Gram matrix G of a
layer's inputs, of which S stay and P go, its outputs lack W_P x_P, so ``min |W_P x_P - D x_S|²``
has the solution ``D' = (G_SS + λ)⁻¹ G_SP W_P'``. It costs one Cholesky factor of a block a layer,
and is remembered for the inputs that stay. Of a network with one fitted layer it is the
compensation itself; of others it orders masks nearly as that does, for a small part of the time.
It is for searches: what they find is compensated truly in the end.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import OptionError
from secateur.network import Call, Channels
from secateur.network.bench import Bench
from secateur.network.cut import check_keep
from secateur.network.door import copied
from secateur.surgery.compensation.equations import Equations
from secateur.surgery.compensation.gathered import Gathered, Layer, gather

MEMO = 256 << 20
"""Bytes of solutions that are remembered."""

Change = tuple[Tensor, Tensor]
"""Of a layer: its whole new weight as ``(groups, outputs, columns)``, and a shift."""


class Stored:
    """Compensates masks from stored sums.

    Arguments:
        network: the dense network; not changed.
        channels: of it.
        calls: batches of inputs that it is fitted to.
        ridge: as for ``compensate``.
        fit_batches: so many of the batches are used; all by default.

    Attributes:
        layers: paths of those that are fitted.
        left: ``(module path, reason)`` of those that ``compensate`` fits and this one leaves as
            they are.
        solved: equations so far; what was remembered does not count.

    Raises:
        OptionError: an option out of its range.
        DataError: there are no inputs, or they do not fit the network.
        NetworkError: activations are not finite, or forward goes another way on some batch.
    """

    def __init__(
        self,
        network: nn.Module,
        channels: Channels,
        calls: Iterable[Call],
        *,
        ridge: float = 1e-3,
        fit_batches: int | None = None,
    ) -> None:
        if not ridge > 0:
            raise OptionError(f"ridge is {ridge}", remedy="use a small positive number, 1e-3")
        if fit_batches is not None and fit_batches < 1:
            raise OptionError(
                f"fit_batches is {fit_batches}", remedy="use 1 or more, or None for all"
            )
        self.network, self.channels, self.ridge = network, channels, ridge
        gathered: Gathered = gather(network, channels, calls, fit_batches=fit_batches)
        self._layers = gathered.layers
        self.layers = tuple(layer.fit.path for layer in gathered.layers)
        self.left = gathered.left
        self.solved = 0
        self._memo: dict[tuple[int, bytes], Change] = {}
        self._bytes = 0
        self._bench = Bench(network, channels)

    def values(self, keep: NDArray[np.bool_]) -> dict[str, Tensor]:
        """New values of parameters and buffers, each as large as in the dense network.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.
        """
        gone = self.channels.extended(~check_keep(self.channels, keep))
        whole = dict(self.network.named_parameters()) | dict(self.network.named_buffers())
        found: dict[str, Tensor] = {}

        def own(name: str) -> Tensor:
            if name not in found:
                found[name] = whole[name].detach().clone(memory_format=torch.preserve_format)
            return found[name]

        for number, layer in enumerate(self._layers):
            if not gone[layer.channel].any():
                continue
            weight, shift = self._change(number, gone)
            fit = layer.fit
            part = fit.weight.of(own(fit.weight.name))
            split = (*weight.shape[:2], *fit.design.matrix(part).shape[2:])
            part.copy_(fit.design.restore(weight.reshape(split), part.shape))
            if fit.bias is not None:
                bias = fit.bias.of(own(fit.bias.name))
                bias.add_(shift.reshape(bias.shape).to(bias))
            elif fit.norm is not None:
                own(fit.norm).sub_(shift.flatten().to(whole[fit.norm]))
        return found

    def compensated(self, keep: NDArray[np.bool_]) -> nn.Module:
        """A copy of the dense network with new weights, to be masked or cut.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.
        """
        made = copied(self.network)
        tensors = dict(made.named_parameters()) | dict(made.named_buffers())
        for name, value in self.values(keep).items():
            tensors[name].data = value
        return made

    def cut(self, keep: NDArray[np.bool_]) -> nn.Module:
        """``compensated`` and cut, without a copy; it is another network after the next call.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.

        Raises:
            NetworkError: ``keep`` has another length, or a layer would be empty.
        """
        made = self._bench.cut(keep)
        gone = self.channels.extended(~np.asarray(keep, dtype=bool))
        tensors = dict(made.named_parameters()) | dict(made.named_buffers())
        for name, value in self.values(keep).items():
            for dim, index in self.channels.index.get(name, {}).items():
                stays = torch.as_tensor(np.flatnonzero(~gone[index]), device=value.device)
                value = value.index_select(dim, stays)
            tensors[name].data = value
        return made

    def _change(self, number: int, gone: NDArray[np.bool_]) -> Change:
        lost = gone[self._layers[number].channel]
        key = number, np.packbits(lost).tobytes()
        if key not in self._memo:
            change = _solve(self._layers[number], lost, self.ridge)
            size = sum(t.numel() * t.element_size() for t in change)
            if self._bytes + size > MEMO:
                self._memo.clear()
                self._bytes = 0
            self._memo[key] = change
            self._bytes += size
            self.solved += 1
        return self._memo[key]


@torch.no_grad()
def _solve(layer: Layer, lost: NDArray[np.bool_], ridge: float) -> Change:
    """The weights without some of the columns.

    Arguments:
        layer: with its sums.
        lost: the columns that go, shape ``(groups, columns)``.
        ridge: as for ``compensate``.
    """
    fit, weight = layer.fit, layer.weight
    dtype = layer.dtype
    sums = Equations(shifted=fit.bias is not None or fit.norm is not None)
    sums.count = layer.count
    goes = torch.as_tensor(lost, device=weight.device)
    parts = torch.where(goes[:, None], weight, 0.0).transpose(1, 2)
    sums.lack = (layer.mean[:, None] @ parts)[:, 0]
    if len(weight) == 1:
        stay = (~goes[0]).nonzero().flatten()
        leave = goes[0].nonzero().flatten()
        rows = layer.gram[:, stay]
        sums.gram, sums.mean = rows[:, :, stay], layer.mean[:, stay]
        sums.cross = rows[:, :, leave] @ parts[:, leave]
        change = sums.solve(ridge)
        new = weight.clone()
        new[0][:, stay] += change.weight[0]
    else:  # columns of zeros stand for those that go, as in every group by itself
        stays = (~goes).to(weight)
        sums.gram = layer.gram * stays[:, :, None] * stays[:, None, :]
        sums.mean = layer.mean * stays
        sums.cross = (layer.gram @ parts) * stays[:, :, None]
        change = sums.solve(ridge)
        new = weight + change.weight
    return new.to(dtype), change.shift.to(dtype)
