"""Where channels are read in a run of another shape than the one that found them.

The stream of a loop over time is as long as the sequence; then the network is run on atoms once
more, and its reads are named by the channels that are known already.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from secateur.errors import NetworkError
from secateur.network.atoms import Ids
from secateur.network.call import Call
from secateur.network.channels import Channels, Placed, Read
from secateur.network.costs import Index
from secateur.network.run import Op, Visitor, run
from secateur.network.ties import Ties, find_ties

_KNOWN: WeakKeyDictionary[Channels, dict[Hashable, Channels]] = WeakKeyDictionary()


def laid_out(network: nn.Module, channels: Channels, call: Call) -> Channels:
    """The channels with the reads of the run that a call gives.

    Arguments:
        network: that the channels were found in.
        channels: of it.
        call: of any shape that forward takes.

    Returns:
        the very same channels where the run goes the same way; else a copy with other reads.

    Raises:
        DataError: forward fails on the call.
        NetworkError: more is tied on this call than on the one that found the channels.
    """
    known = _KNOWN.setdefault(channels, {})
    key = signature(call)
    if key not in known:
        names = _Names()
        run(network, call, names)
        same = tuple(names.found) == channels.names
        known[key] = channels if same else _found_again(network, channels, call)
    return known[key]


def signature(call: Call) -> Hashable:
    """What decides which way a forward goes, as far as it can be seen from outside."""
    leaves = tree_leaves((call.args, dict(call.kwargs)))
    return tuple(
        (x.shape, x.dtype) if isinstance(x, torch.Tensor) else (type(x), repr(x)) for x in leaves
    )


def another_way(network: nn.Module) -> NetworkError:
    """The error for a forward that cannot be followed."""
    return NetworkError(
        f"forward of {type(network).__name__} goes another way on these inputs than on those that "
        "its channels were found with",
        remedy="take inputs of the kind that the network is used on in every split, and move what "
        "depends on data or sizes out of forward",
    )


class _Names(Visitor):
    """The operations of a run, in order."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def before(self, op: Op) -> None:
        self.found.append(op.name)


def _found_again(network: nn.Module, channels: Channels, call: Call) -> Channels:
    folds: Any = channels.details.get("folds", {})
    ties = find_ties(network, call, choice=folds, norm_over=channels.norm_over, tied=channels.tied)
    number = _numbers(network, channels, ties)

    def numbered(ids: Ids) -> Index:
        roots = ties.atoms.roots(ids).tolist()
        return np.array([number.get(root, -1) for root in roots], dtype=np.int64)

    reads, stats = (
        tuple(
            Read(e.op, e.operand, e.dim, numbered(e.ids), ties.owners[e.op], ties.names[e.op])
            for e in events
        )
        for events in (ties.reads, ties.stats)
    )
    return replace(
        channels,
        reads=tuple(e for e in reads if (e.channel >= 0).any()),
        stats=tuple(e for e in stats if (e.channel >= 0).any()),
        placed=tuple(
            Placed(p.path, p.dim, numbered(p.ids), numbered(p.stream)) for p in ties.places
        ),
        names=tuple(ties.names),
    )


def _numbers(network: nn.Module, channels: Channels, ties: Ties) -> dict[int, int]:
    """The channel of every class of atoms; the same for all its slots."""
    number: dict[int, int] = {}
    for name, at in ties.slots.items():
        for dim, ids in at.items():
            own = channels.index.get(name, {}).get(dim)
            own = np.full(len(ids), -1) if own is None else own
            for root, channel in zip(ties.atoms.roots(ids).tolist(), own.tolist(), strict=True):
                if number.setdefault(root, channel) != channel:
                    raise another_way(network)
    placed = {p.path: p for p in channels.placed}
    for place in ties.places:
        if place.path not in placed:
            raise another_way(network)
        streams = ties.atoms.roots(place.stream).tolist()
        for root, channel in zip(streams, placed[place.path].stream.tolist(), strict=True):
            if number.setdefault(root, channel) != channel:
                raise another_way(network)
    pinned = ties.atoms.roots(np.array(list(ties.atoms.pins), dtype=np.int64)).tolist()
    if any(number.get(root, -1) >= 0 for root in pinned):
        raise another_way(network)
    return number
