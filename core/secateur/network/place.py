"""Channels that go by themselves, put in place for a sum (``tied=False``)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.network.channels import Placed
from secateur.network.device import device_of


class Place:
    """Mixed into a module's class: its output is as wide as the sum that it feeds.

    The class has the parameters of the one that it stands for, under the same names; the positions
    are no part of the state. ``place_at[k]`` is where channel k of the output goes.
    """

    place_at: Tensor
    place_size: int
    place_dim: int

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """The module's own output, with zeros where channels are gone."""
        narrow: Tensor = super().forward(*args, **kwargs)  # type: ignore[misc]
        shape = list(narrow.shape)
        shape[self.place_dim] = self.place_size
        wide = narrow.new_zeros(shape)
        return wide.index_copy(self.place_dim, self.place_at, narrow)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _empty, (type(self).__mro__[2],), self.__dict__

    def extra_repr(self) -> str:
        """With the sizes behind."""
        own = super().extra_repr()  # type: ignore[misc]
        return f"{own}, {len(self.place_at)} put in place of {self.place_size}".lstrip(", ")


_PLACING: dict[type[nn.Module], type[nn.Module]] = {}


def _placing(cls: type[nn.Module]) -> type[nn.Module]:
    if cls not in _PLACING:
        about = {"__module__": cls.__module__, "__doc__": cls.__doc__}
        _PLACING[cls] = type(cls.__name__, (Place, cls), about)
    return _PLACING[cls]


def _empty(cls: type[nn.Module]) -> nn.Module:
    made = _placing(cls)
    return made.__new__(made)


def put_in_place(network: nn.Module, placed: Placed, gone: NDArray[np.bool_]) -> None:
    """Change a module of a network that is being cut, if anything is missing from its sum.

    Arguments:
        network: changed.
        placed: the module and its sum.
        gone: of ``Channels.extended``.
    """
    own, stream = ~gone[placed.channel], ~gone[placed.stream]
    if bool((own == stream).all()):
        return
    module = network.get_submodule(placed.path)
    position = np.cumsum(stream) - 1
    at = torch.as_tensor(position[own], dtype=torch.long, device=device_of(network))
    module.__class__ = _placing(type(module))
    module.register_buffer("place_at", at, persistent=False)
    module.place_size = int(stream.sum())  # type: ignore[assignment]
    module.place_dim = placed.dim  # type: ignore[assignment]
