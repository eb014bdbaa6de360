"""One copy of a network that is cut, put back, and cut another way, as a search asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.network.channels import Channels
from secateur.network.cut import check_keep, cut_in_place
from secateur.network.door import copied

_HELD = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")


class Bench:
    """Gives what ``cut`` gives, without a deep copy for every mask.

    Arguments:
        network: that the channels were found in; not changed.
        channels: of it.
    """

    def __init__(self, network: nn.Module, channels: Channels) -> None:
        self.channels = channels
        self._network = copied(network)
        self._modules = [_Whole(module) for module in self._network.modules()]
        tensors: dict[int, Tensor] = {}
        for module in self._network.modules():
            for tensor in [*module._parameters.values(), *module._buffers.values()]:
                if tensor is not None:
                    tensors[id(tensor)] = tensor
        self._values = [(tensor, tensor.data) for tensor in tensors.values()]
        self._keep: bytes | None = None

    def cut(self, keep: NDArray[np.bool_]) -> nn.Module:
        """The network with the channels that stay; it is another one after the next call.

        Arguments:
            keep: which stay, shape ``(n,)``.

        Raises:
            NetworkError: ``keep`` has another length, or a layer would be empty.
        """
        keep = check_keep(self.channels, keep)
        key = np.packbits(keep).tobytes()
        if key != self._keep:
            self._keep = None
            for module in self._modules:
                module.put_back()
            for tensor, value in self._values:
                tensor.data = value
            cut_in_place(self._network, self.channels, keep)
            self._keep = key
        return self._network


class _Whole:
    """A module as it was: its class, its attributes, and what it holds."""

    def __init__(self, module: nn.Module) -> None:
        self.module, self.cls = module, type(module)
        self.attributes: dict[str, Any] = dict(vars(module))
        self.held = {name: self.attributes[name].copy() for name in _HELD}

    def put_back(self) -> None:
        """Undo whatever was set since."""
        module = self.module
        if type(module) is not self.cls:
            module.__class__ = self.cls
        own = vars(module)
        own.clear()
        own.update(self.attributes)
        for name, before in self.held.items():
            now = own[name]
            now.clear()
            now.update(before)
