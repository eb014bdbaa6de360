"""Which channels a network has: one binary variable each.

A channel is the set of slots that leave together: ``(parameter, dimension, index)``. With
``tied=True`` filters whose outputs are added up are one channel; with ``tied=False`` each goes by
itself, and a module behind its producer puts the others in place for the sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import nn

from secateur.network.costs import Costs, Index

Slot = tuple[str, int, int]


@dataclass(frozen=True, eq=False)
class Group:
    """Channels with the same members.

    Arguments:
        path: its name, the module that makes its channels.
        start: the position of its first channel among all channels.
        indices: of its channels in the slots that make them; the numbers in their labels.
        members: the dimensions that its channels have slots in: ``(parameter, dimension)``.
        tied: paths of all modules whose outputs leave together.
        name: the path; with a number where channels of one module are in several groups.
    """

    path: str
    start: int
    indices: tuple[int, ...]
    members: tuple[tuple[str, int], ...]
    tied: tuple[str, ...]
    name: str

    @property
    def size(self) -> int:
        """The number of its channels."""
        return len(self.indices)

    @property
    def slice(self) -> slice:
        """Where its channels are in a vector over all channels."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True, eq=False)
class Read:
    """Where an operation mixes a dimension of an operand.

    Arguments:
        op: number of the operation in the stream.
        operand: the tensor's number among those that it is given.
        dim: of that tensor.
        channel: the channel at each position, or -1.
        path: of the module that runs it.
        name: of the operation.
    """

    op: int
    operand: int
    dim: int
    channel: Index
    path: str
    name: str


@dataclass(frozen=True, eq=False)
class Placed:
    """Behind a module, where a sum is prepared (``tied=False``).

    Arguments:
        path: of the module.
        dim: of its output.
        channel: the channel at each position.
        stream: the sum's own at each position, from ``len(channels)``.
    """

    path: str
    dim: int
    channel: Index
    stream: Index


@dataclass(frozen=True, eq=False)
class SizeAttribute:
    """An integer of a user's module that follows a size.

    Arguments:
        path: of the module.
        name: of the attribute.
        index: in a tuple or list, or None.
        channel: the channel at each position of the dimension whose length it is.
    """

    path: str
    name: str
    index: int | None
    channel: Index


@dataclass(frozen=True, eq=False)
class Channels:
    """All channels of a network, in the order of the run.

    Arguments:
        groups: one after another; their channels make up the vector of variables.
        slots: of each channel.
        makers: those of its slots that make it.
        index: by parameter and dimension, the channel at each position, or -1.
        reads: where channels are mixed.
        stats: where a statistic is taken over those that are kept (``norm_over="kept"``).
        placed: where sums are prepared (``tied=False``).
        streams: for each of a sum's own channels, those that it is made of.
        attributes: integers of the user's modules that follow.
        costs: parameters and multiply–accumulates.
        stands: ``(module path, reason)`` of what is not pruned.
        names: of the operations, in order.
        tied: how sums are treated.
        norm_over: what a statistic over channels is taken of.
        notes: what a user should know of how they were found.
    """

    groups: tuple[Group, ...]
    slots: tuple[tuple[Slot, ...], ...]
    makers: tuple[tuple[Slot, ...], ...]
    index: dict[str, dict[int, Index]]
    reads: tuple[Read, ...]
    stats: tuple[Read, ...]
    placed: tuple[Placed, ...]
    streams: tuple[Index, ...]
    attributes: tuple[SizeAttribute, ...]
    costs: Costs
    stands: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    tied: bool = True
    norm_over: str = "all"
    notes: tuple[str, ...] = ()
    details: dict[str, object] = field(default_factory=dict)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """``"<module path>:<index>"`` of every channel."""
        return tuple(f"{group.path}:{k}" for group in self.groups for k in group.indices)

    def __len__(self) -> int:
        return sum(group.size for group in self.groups)

    @cached_property
    def group_index(self) -> NDArray[np.intp]:
        """The number of the group of every channel, shape ``(n,)``."""
        return np.repeat(np.arange(len(self.groups)), [group.size for group in self.groups])

    @property
    def most(self) -> int:
        """The largest number of channels that can go while every group keeps one."""
        return len(self) - len(self.groups)

    def extended(self, z: NDArray[np.generic]) -> NDArray[np.bool_]:
        """What goes, with the sums' own channels behind: such a one goes with all it is made of.

        Arguments:
            z: shape ``(n,)``, not 0 where pruned.

        Returns:
            shape ``(n + len(streams) + 1,)``; the last is False, so that -1 may be looked up.
        """
        gone = np.asarray(z) != 0
        sums = [bool(gone[parts].all()) for parts in self.streams]
        return np.concatenate([gone, np.array([*sums, False], dtype=bool)])

    def keep_by_layer(self, keep: NDArray[np.bool_]) -> dict[str, list[int]]:
        """The indices that stay, by the module path that makes them."""
        found: dict[str, list[int]] = {}
        for group in self.groups:
            own = found.setdefault(group.path, [])
            own += np.asarray(group.indices)[keep[group.slice]].tolist()
        return {path: sorted(indices) for path, indices in found.items()}

    def cost(self, z: NDArray[np.generic]) -> dict[str, int]:
        """Parameters and multiply–accumulates of one sample that are left."""
        return self.costs.count(self.extended(z)[:-1])


def check_ignored(network: nn.Module, ignored: Iterable[str]) -> tuple[str, ...]:
    """The paths as a tuple.

    Raises:
        NetworkError: one is no module or parameter of the network.
    """

    from secateur.errors import NetworkError
    from secateur.nearest import nearest

    paths: Sequence[str] = (ignored,) if isinstance(ignored, str) else tuple(ignored)
    known = [name for name, _ in network.named_modules() if name]
    known += [name for name, _ in network.named_parameters()]
    for path in paths:
        if path not in known:
            near = nearest(path, known)
            raise NetworkError(
                f"the ignored path {path!r} is no module of {type(network).__name__}",
                remedy=f"did you mean {near!r}?" if near else f"it has: {', '.join(known[:8])}",
            )
    return tuple(paths)
