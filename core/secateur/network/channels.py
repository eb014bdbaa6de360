"""Which channels a network has: one binary variable each.

With ``coupling="filter"`` every convolution filter is a channel by itself. It is removed by
setting to zero its activation *after* its normalisation and non-linearity: that place is the
filter's *site*. The activations that follow (sums, concatenations, pooling) see the zero.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from secateur.errors import NetworkError, OptionError
from secateur.network.call import Call, as_call
from secateur.network.door import check_call, check_weights
from secateur.network.graph import (
    ELEMENTWISE_FUNCTIONS,
    ELEMENTWISE_MODULES,
    MIXING_FUNCTIONS,
    MIXING_MODULES,
    NORMALISATIONS,
    function_name,
    module_of,
    node_shapes,
    trace,
)


@dataclass(frozen=True)
class Member:
    """One convolution of a group.

    Arguments:
        path: its module path.
        site: the node of the traced graph whose output its gate multiplies.
    """

    path: str
    site: str


@dataclass(frozen=True)
class Group:
    """Channels that share their coupled layers: channel ``k`` is filter ``k`` of every member.

    Arguments:
        path: its name, the module path of its first member.
        size: the number of channels.
        start: the position of its first channel among all channels.
        members: coupled convolutions; one only with ``coupling="filter"``.
    """

    path: str
    size: int
    start: int
    members: tuple[Member, ...]

    @property
    def slice(self) -> slice:
        """Where its channels are in a vector over all channels."""
        return slice(self.start, self.start + self.size)


@dataclass(frozen=True)
class Channels:
    """All channels of a network, in the order of the graph.

    Arguments:
        groups: one after another; their channels make up the vector of variables.
        skipped: ``(module path, reason)`` of the convolutions that are not pruned.
        coupling: how they were found.
    """

    groups: tuple[Group, ...]
    skipped: tuple[tuple[str, str], ...]
    coupling: str = "filter"

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """``"<module path>:<index>"`` of every channel."""
        return tuple(f"{group.path}:{k}" for group in self.groups for k in range(group.size))

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

    def keep_by_layer(self, keep: NDArray[np.bool_]) -> dict[str, list[int]]:
        """The indices that stay, by module path; every member of a group is listed."""
        return {
            member.path: np.flatnonzero(keep[group.slice]).tolist()
            for group in self.groups
            for member in group.members
        }


def find_channels(
    network: nn.Module,
    example_input: Tensor | Call,
    *,
    ignored: Iterable[str] = (),
    coupling: Literal["filter"] = "filter",
) -> Channels:
    """The channels of a network that can be pruned.

    Arguments:
        network: any ``nn.Module`` that ``torch.fx`` can trace; not changed.
        example_input: one input batch, shape ``(batch, channels, height, width)``, or a call.
        ignored: module paths whose convolutions stay whole; a path covers what is below it.
        coupling: "filter", every filter by itself.

    Raises:
        NetworkError: nothing can be pruned (says why), NaN weights, not traceable, or an ignored
            path that does not exist.
        DataError: the network does not take the example input.
        OptionError: an unknown coupling.
    """
    if coupling != "filter":
        raise OptionError(f"coupling is {coupling!r}", remedy='use coupling="filter"')
    check_weights(network)
    ignored = _check_ignored(network, ignored)
    graph = trace(network)
    call = as_call(example_input)
    check_call(network, call)
    shapes = node_shapes(graph, call)
    uses = _count_uses(graph)
    groups: list[Group] = []
    skipped: list[tuple[str, str]] = []
    start = 0
    for node in graph.graph.nodes:
        module = module_of(graph, node)
        if not isinstance(module, nn.Conv2d):
            continue
        path = str(node.target)
        site = _site(graph, node)
        reason = _why_not(graph, module, path, site, uses, ignored, shapes)
        if reason is not None:
            if (path, reason) not in skipped:
                skipped.append((path, reason))
            continue
        groups.append(Group(path, module.out_channels, start, (Member(path, site.name),)))
        start += module.out_channels
    if not groups:
        why = "; ".join(f"{path}: {reason}" for path, reason in skipped[:5])
        raise NetworkError(
            f"nothing can be pruned in {type(network).__name__}: "
            + (why if why else "it has no Conv2d module"),
            remedy="pass a convolutional network; its last layer alone cannot be pruned",
        )
    return Channels(tuple(groups), tuple(skipped), coupling)


def _check_ignored(network: nn.Module, ignored: Iterable[str]) -> tuple[str, ...]:
    paths = (ignored,) if isinstance(ignored, str) else tuple(ignored)
    known = [name for name, _ in network.named_modules() if name]
    for path in paths:
        if path not in known:
            near = difflib.get_close_matches(path, known, n=1)
            raise NetworkError(
                f"the ignored path {path!r} is no module of {type(network).__name__}",
                remedy=f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(known[:8])}",
            )
    return paths


def _count_uses(graph: fx.GraphModule) -> dict[int, int]:
    """How often each module is called, by identity: one module may have two paths."""
    uses: dict[int, int] = {}
    for node in graph.graph.nodes:
        module = module_of(graph, node)
        if module is not None:
            uses[id(module)] = uses.get(id(module), 0) + 1
    return uses


def _site(graph: fx.GraphModule, convolution: fx.Node) -> fx.Node:
    """The last node of the chain convolution, normalisation, non-linearity."""
    node = convolution
    while len(node.users) == 1:
        follower = next(iter(node.users))
        if not _continues(graph, node, follower):
            break
        node = follower
    return node


def _continues(graph: fx.GraphModule, node: fx.Node, follower: fx.Node) -> bool:
    module = module_of(graph, follower)
    if module is not None:
        return isinstance(module, ELEMENTWISE_MODULES + NORMALISATIONS)
    if follower.op in ("call_function", "call_method"):
        first = follower.args[0] if follower.args else None
        return first is node and function_name(follower) in ELEMENTWISE_FUNCTIONS
    return False


def _why_not(
    graph: fx.GraphModule,
    module: nn.Conv2d,
    path: str,
    site: fx.Node,
    uses: dict[int, int],
    ignored: tuple[str, ...],
    shapes: dict[str, tuple[int, ...]],
) -> str | None:
    if any(path == p or path.startswith(p + ".") for p in ignored):
        return "ignored, as asked"
    if uses[id(module)] > 1:
        return f"called {uses[id(module)]} times with the same weights"
    if module.groups > 1 and not module.groups == module.in_channels == module.out_channels:
        return f"a grouped convolution ({module.groups} groups)"
    if module.out_channels == 1:
        return "has one filter only"
    if site.name not in shapes or shapes[site.name][1] != module.out_channels:
        return "its activation has no channel dimension of its own"
    if _reaches_output(graph, site):
        return "its filters are outputs of the network"
    return None


def _reaches_output(graph: fx.GraphModule, site: fx.Node) -> bool:
    """Whether a channel arrives at the output without being mixed with others on the way."""
    seen: set[fx.Node] = set()
    queue = [site]
    while queue:
        for user in queue.pop().users:
            if user in seen:
                continue
            seen.add(user)
            if user.op == "output":
                return True
            module = module_of(graph, user)
            if isinstance(module, nn.Conv2d) and module.groups == 1:
                continue
            if isinstance(module, MIXING_MODULES):
                continue
            if module is None and function_name(user) in MIXING_FUNCTIONS:
                continue
            queue.append(user)
    return False
