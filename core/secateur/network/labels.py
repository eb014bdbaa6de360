"""Names that last: channels of a network that was pruned before keep the dense network's labels.

A cut takes indices out of dimensions of parameters. Where each remaining position came from is a
``Lineage``; two cuts, one after the other, have one lineage together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import FileError, NetworkError
from secateur.network.channels import Channels, Slot
from secateur.network.costs import Index


@dataclass(frozen=True, eq=False)
class Lineage:
    """Where the positions of a smaller network's parameters were in the dense network.

    Arguments:
        at: by parameter and dimension, the dense index of each position, ascending. What is not
            named is as it was.
    """

    at: Mapping[str, Mapping[int, Index]] = field(default_factory=dict)

    @classmethod
    def of(cls, channels: Channels, keep: NDArray[np.bool_]) -> Lineage:
        """The lineage of ``cut(network, channels, keep)``.

        Arguments:
            channels: of the network that is cut.
            keep: shape ``(n,)``.
        """
        gone = channels.extended(~np.asarray(keep, dtype=bool))
        found: dict[str, dict[int, Index]] = {}
        for name, dims in channels.index.items():
            for dim, index in dims.items():
                if gone[index].any():
                    found.setdefault(name, {})[dim] = np.flatnonzero(~gone[index])
        return cls(found)

    def then(self, later: Lineage) -> Lineage:
        """The lineage of this cut and a later one of its result.

        Raises:
            NetworkError: the later one is of another network.
        """
        found = {name: dict(dims) for name, dims in self.at.items()}
        for name, dims in later.at.items():
            for dim, index in dims.items():
                before = found.setdefault(name, {}).get(dim)
                if before is not None and len(index) and index.max() >= len(before):
                    raise NetworkError(
                        f"dimension {dim} of {name} has {len(before)} positions after the first "
                        f"cut, and the second keeps position {index.max()}",
                        remedy="compose cuts of one network, in their order",
                    )
                found[name][dim] = index if before is None else before[index]
        return Lineage(found)

    def dense(self, slot: Slot) -> Slot:
        """Where a slot of the smaller network was."""
        name, dim, position = slot
        index = self.at.get(name, {}).get(dim)
        return slot if index is None else (name, dim, int(index[position]))

    def to_json(self) -> dict[str, dict[str, list[int]]]:
        """As plain data; ``from_json`` reads it."""
        return {
            name: {str(dim): index.tolist() for dim, index in dims.items()}
            for name, dims in self.at.items()
        }

    @classmethod
    def from_json(cls, data: Any) -> Lineage:
        """From what ``to_json`` gave.

        Raises:
            FileError: it is something else.
        """
        try:
            found = {
                str(name): {
                    int(dim): np.array(index, dtype=np.int64) for dim, index in dims.items()
                }
                for name, dims in data.items()
            }
        except (AttributeError, TypeError, ValueError) as error:
            raise FileError(
                f"the lineage of the channels is corrupt: {error}",
                remedy="take the file of a secateur run",
            ) from error
        for name, dims in found.items():
            for dim, index in dims.items():
                if (
                    index.ndim != 1
                    or len(index) == 0
                    or index[0] < 0
                    or (np.diff(index) <= 0).any()
                ):
                    raise FileError(
                        f"the lineage of dimension {dim} of {name} is no ascending list of indices",
                        remedy="take the file of a secateur run",
                    )
        return cls(found)


def with_dense_labels(channels: Channels, lineage: Lineage) -> Channels:
    """The channels of a smaller network under the labels of the dense one.

    Arguments:
        channels: found in the smaller network.
        lineage: of the smaller network.
    """
    groups = []
    for group in channels.groups:
        indices = tuple(
            _dense_index(group.path, own, channels.slots[number], lineage)
            for number, own in enumerate(group.indices, start=group.start)
        )
        groups.append(replace(group, indices=indices))
    return replace(channels, groups=tuple(groups))


def _dense_index(path: str, index: int, slots: tuple[Slot, ...], lineage: Lineage) -> int:
    """The dense index of the slot that gives a channel its number."""
    path = path.partition("[")[0]
    own = [slot for slot in slots if slot[2] == index]
    named = [slot for slot in own if slot[0] == path or slot[0].startswith(f"{path}.")]
    return lineage.dense((named or own)[0])[2]


def composed(
    dense: Channels,
    first: NDArray[np.bool_],
    smaller: Channels,
    second: NDArray[np.bool_],
    lineage: Lineage | None = None,
) -> NDArray[np.bool_]:
    """Which of the dense network's channels stay after two cuts.

    Arguments:
        dense: channels of the dense network.
        first: which of them stayed, shape ``(len(dense),)``.
        smaller: channels found in the network after the first cut.
        second: which of those stay, shape ``(len(smaller),)``.
        lineage: of the smaller network; that of the first cut unless given.

    Returns:
        shape ``(len(dense),)``: one cut by it is the two cuts.

    Raises:
        NetworkError: what the second cut takes was no channel of the dense network.
    """
    lineage = Lineage.of(dense, first) if lineage is None else lineage
    keep = np.array(first, dtype=bool)
    for number in np.flatnonzero(~np.asarray(second, dtype=bool)).tolist():
        for slot in smaller.slots[number]:
            name, dim, position = lineage.dense(slot)
            index = dense.index.get(name, {}).get(dim)
            channel = -1 if index is None else int(index[position])
            if channel < 0:
                raise NetworkError(
                    f"{smaller.labels[number]} of the smaller network was no channel of the dense "
                    f"one (position {position} in dimension {dim} of {name})",
                    remedy="keep the two cuts apart: prune the smaller network as one of its own",
                )
            if channel < len(dense):
                keep[channel] = False
    return keep


@dataclass(frozen=True, eq=False)
class Origin:
    """What is left of a dense network, however many cuts ago.

    Arguments:
        channels: of the dense network.
        keep: which of them are left, shape ``(len(channels),)``.
    """

    channels: Channels
    keep: NDArray[np.bool_]

    @property
    def lineage(self) -> Lineage:
        """Where the positions of what is left were."""
        return Lineage.of(self.channels, self.keep)

    def named(self, smaller: Channels) -> Channels:
        """Channels found in what is left, under the labels of the dense network."""
        return with_dense_labels(smaller, self.lineage)

    def then(self, smaller: Channels, keep: NDArray[np.bool_]) -> Origin:
        """After one more cut.

        Arguments:
            smaller: channels found in what is left.
            keep: which of those stay, shape ``(len(smaller),)``.

        Raises:
            NetworkError: what is taken was no channel of the dense network.
        """
        return Origin(self.channels, composed(self.channels, self.keep, smaller, keep))
