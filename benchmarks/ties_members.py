"""The members of a channel of ours and of a group of Torch-Pruning's, and who is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from tests.networks import Case
from tests.networks.checks import gap
from torch import nn

from secateur.errors import SecateurError
from secateur.network import Call, Channels, GatedNetwork, find_channels
from secateur.network.cut import cut
from secateur.network.door import copied, unwrap

NORMS = (
    nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.PReLU, nn.Embedding,
)  # fmt: skip
Item = tuple[str, str, int]
PER_GROUP = 3
"""So many channels of a group are compared: the first ones."""


def compare(case: Case, tp: Any) -> dict[str, Any] | None:
    """One network; None where we refuse it."""
    network, _ = unwrap(case.build())
    call = case.inputs()
    try:
        channels = find_channels(network, call)
    except SecateurError:
        return None
    row: dict[str, Any] = {"name": case.name, "family": case.family, "groups": len(channels.groups)}
    if tp is None:
        return row | {"cannot": "Torch-Pruning is not installed"}
    try:
        tp.DependencyGraph().build_dependency(copied(network), **given(call))
    except Exception as error:  # whatever its tracing meets
        return row | {"cannot": f"{type(error).__name__}: {first_line(error)}"}
    same, differences = 0, []
    for group in channels.groups:
        for channel in range(group.start, min(group.start + PER_GROUP, group.start + group.size)):
            mine = ours(network, channels, channel)
            start = next((item for item in sorted(mine) if starts(network, item)), None)
            if start is None:
                continue
            try:
                other = theirs(tp, copied(network), call, start)
            except Exception as error:
                differences.append({"channel": channels.labels[channel], "why": raises(error)})
                continue
            if other == mine:
                same += 1
            else:
                why = explain(tp, network, call, channels, channel, start, mine, other)
                differences.append({"channel": channels.labels[channel]} | why)
    return row | {"same": same, "differences": differences}


def given(call: Call) -> dict[str, Any]:
    """A call as its graph wants it."""
    if not call.kwargs:
        return {"example_inputs": call.args}
    return {
        "example_inputs": call.args,
        "forward_fn": lambda network, inputs: network(*inputs, **call.kwargs),
    }


def ours(network: nn.Module, channels: Channels, channel: int) -> frozenset[Item]:
    """The members of a channel of ours."""
    modules, items = dict(network.named_modules()), set()
    for name, dim, k in channels.slots[channel]:
        path, _, leaf = name.rpartition(".")
        module = modules.get(path)
        if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            if leaf == "weight":
                items.add((path, side_of(module, dim), k))
        elif isinstance(module, NORMS):
            if next(module.parameters(), None) is not None:
                items.add((path, "channel", k))
        else:
            items.add((name, "parameter", k))
    return frozenset(items)


def side_of(module: nn.Module, dim: int) -> str:
    """What a dimension of a weight is."""
    if depthwise(module):
        return "outputs"
    return "outputs" if (dim == 0) != getattr(module, "transposed", False) else "inputs"


def depthwise(module: nn.Module) -> bool:
    groups = getattr(module, "groups", 1)
    return bool(groups > 1 and groups == module.in_channels == module.out_channels)


def starts(network: nn.Module, item: Item) -> bool:
    """Whether Torch-Pruning can begin there."""
    module = dict(network.named_modules()).get(item[0])
    return item[1] == "outputs" and isinstance(module, (nn.modules.conv._ConvNd, nn.Linear))


def group_of(tp: Any, network: nn.Module, call: Call, start: Item) -> tuple[Any, Any]:
    """Torch-Pruning's graph and its group of one index."""
    graph = tp.DependencyGraph().build_dependency(network, **given(call))
    module = network.get_submodule(start[0])
    if isinstance(module, nn.Linear):
        by = tp.prune_linear_out_channels
    elif depthwise(module):
        by = tp.prune_depthwise_conv_out_channels
    else:
        by = tp.prune_conv_out_channels
    return graph, graph.get_pruning_group(module, by, idxs=[start[2]])


def theirs(tp: Any, network: nn.Module, call: Call, start: Item) -> frozenset[Item]:
    """The members of its group, in the same words."""
    graph, group = group_of(tp, network, call, start)
    names = {id(module): name for name, module in network.named_modules()}
    first: dict[int, str] = {}  # two modules may share a weight: one name for both
    for name, module in network.named_modules():
        if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            names[id(module)] = first.setdefault(id(module.weight), name)
    items: set[Item] = set()
    for dependency, indices in group:
        module = dependency.target.module
        name = names.get(id(module), dependency.target.name)
        if isinstance(module, nn.Parameter):
            name = next((n for n, p in network.named_parameters() if p is module), name)
            items |= {(name, "parameter", int(k)) for k in indices}
        elif isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            outputs = graph.is_out_channel_pruning_fn(dependency.handler) or depthwise(module)
            items |= {(name, "outputs" if outputs else "inputs", int(k)) for k in indices}
        elif isinstance(module, NORMS):
            if next(module.parameters(), None) is not None:
                items |= {(name, "channel", int(k)) for k in indices}
        elif id(module) in names:
            items |= {(f"{name}.weight", "parameter", int(k)) for k in indices}
    return frozenset(items)


def explain(
    tp: Any,
    network: nn.Module,
    call: Call,
    channels: Channels,
    channel: int,
    start: Item,
    mine: frozenset[Item],
    other: frozenset[Item],
) -> dict[str, Any]:
    """Who is right, by running Torch-Pruning's cut against the mask of our channel."""
    about: dict[str, Any] = {
        "only ours": sorted(map(list, mine - other)),
        "only theirs": sorted(map(list, other - mine)),
    }
    twin = copied(network)
    try:
        group_of(tp, twin, call, start)[1].prune()
        with torch.no_grad():
            out = twin.eval()(*call.args, **call.kwargs)
    except Exception as error:
        return about | {"why": f"its cut does not run: {first_line(error)}"}
    keep = np.ones(len(channels), dtype=bool)
    keep[channel] = False
    masked = GatedNetwork(network, channels).masked(call, keep)
    try:
        off = gap(out, masked)
    except AssertionError:
        return about | {"why": "its cut changes the shape of the output"}
    if mine < other:
        with torch.no_grad():
            own = cut(network, channels, keep)(*call.args, **call.kwargs)
        off = gap(own, masked)
        assert off < 1e-5, "our own cut is wrong"
        return about | {"why": "it ties more than it must: our cut of less is exact"}
    if off > 1e-5:
        return about | {"why": f"its cut runs, and computes something else (by {off:.1g})"}
    return about | {"why": "its cut has other members, which make no difference here"}


def raises(error: Exception) -> str:
    return f"it raises {type(error).__name__}: {first_line(error)}"


def first_line(error: Exception) -> str:
    text = str(error).splitlines()
    return text[0][:90] if text else type(error).__name__
