"""What every network of the zoo is held to, written without the engine's own comparisons."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.network import Call, Channels
from secateur.network.cut import cut

Keep = NDArray[np.bool_]


def tensors_of(out: Any) -> list[Tensor]:
    """Every tensor in an output, in order; dictionaries, tuples and data classes are opened."""
    if isinstance(out, Tensor):
        return [out]
    if dataclasses.is_dataclass(out) and not isinstance(out, type):
        return [t for f in dataclasses.fields(out) for t in tensors_of(getattr(out, f.name))]
    if isinstance(out, Mapping):
        return [t for value in out.values() for t in tensors_of(value)]
    if isinstance(out, (tuple, list)):
        return [t for value in out for t in tensors_of(value)]
    return []


def gap(found: Any, wanted: Any) -> float:
    """The largest difference relative to the largest value of the same tensor."""
    one, two = tensors_of(found), tensors_of(wanted)
    assert [t.shape for t in one] == [t.shape for t in two]
    assert one, "there is nothing to compare"
    worst = 0.0
    for a, b in zip(one, two, strict=True):
        assert torch.isfinite(b).all()
        if a.is_floating_point():
            size = max(float(b.abs().max()), 1e-3)
            worst = max(worst, float((a - b).abs().max()) / size)
        else:
            assert torch.equal(a, b)
    return worst


def plainly(network: nn.Module, call: Call) -> Any:
    """Run a copy, so that forward may change buffers; the state of chance is as before."""
    twin = copy.deepcopy(network).eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        return twin(*call.args, **call.kwargs)


def random_masks(channels: Channels, seed: int = 0) -> Iterator[Keep]:
    """30, 50 and 70 % of every group go; at least one of each stays, at least one goes."""
    generator = np.random.default_rng(seed)
    for share in (0.3, 0.5, 0.7):
        keep = np.ones(len(channels), dtype=bool)
        for group in channels.groups:
            count = min(group.size - 1, max(1, round(share * group.size)))
            keep[group.start + generator.choice(group.size, count, replace=False)] = False
        yield keep


def zeroed_columns(network: nn.Module, channels: Channels, keep: Keep) -> nn.Module:
    """The dense network with zeros in the columns that read what goes: a mask by weights alone.

    An independent second mask, for channels that are read by convolutions, linear and recurrent
    layers: nothing else of the engine is used than which columns a channel has.
    """
    twin = copy.deepcopy(network)
    owners = {
        f"{path}.{name}" if path else name: (module, name)
        for path, module in twin.named_modules()
        for name, _ in module.named_parameters(recurse=False)
    }
    with torch.no_grad():
        for channel in np.flatnonzero(~keep):
            for name, dim, index in channels.slots[channel]:
                if name in owners and dim == _reading_dim(*owners[name]):
                    module, leaf = owners[name]
                    getattr(module, leaf).select(dim, index).zero_()
    return twin


def _reading_dim(module: nn.Module, name: str) -> int | None:
    """The dimension of a weight that its input runs along."""
    if isinstance(module, nn.modules.conv._ConvTransposeNd):
        return 0 if name == "weight" else None
    if isinstance(module, nn.modules.conv._ConvNd):
        return 1 if name == "weight" else None
    if isinstance(module, (nn.Linear, nn.RNNBase, nn.RNNCellBase)):
        return 1 if name.startswith("weight") else None
    return None


@contextmanager
def unchanged(network: nn.Module) -> Iterator[None]:
    """Inside, nothing of a network may change for good: weights, buffers, modes, attributes."""

    def state() -> list[tuple[str, Any]]:
        own: list[tuple[str, Any]] = []
        for path, module in network.named_modules():
            tensors = [*module._parameters.items(), *module._buffers.items()]
            own += [(f"{path}.{n}", None if t is None else t.detach().clone()) for n, t in tensors]
            own += [(f"{path}.{n} itself", id(t)) for n, t in tensors]
            own.append((f"{path} class", type(module)))
            hooks = (module._forward_hooks, module._forward_pre_hooks)
            own.append((f"{path} hooks", tuple(len(h) for h in hooks)))
            for name, value in vars(module).items():
                if isinstance(value, (bool, int, float, str)):
                    own.append((f"{path}.{name}", (type(value), value)))
                elif isinstance(value, (tuple, list)):
                    own.append((f"{path}.{name}", tuple((type(v), str(v)) for v in value)))
        return own

    before = state()
    yield
    after = state()
    assert [name for name, _ in before] == [name for name, _ in after]
    for (name, one), (_, two) in zip(before, after, strict=True):
        same = torch.equal(one, two) if isinstance(one, Tensor) else one == two
        assert same, f"{name} was changed"


def check_class(slim: nn.Module, network: nn.Module) -> None:
    """The user's own classes, names and order of the state; only attention may be ours."""
    assert list(slim.state_dict()) == list(network.state_dict())
    for (path, one), (other, two) in zip(
        slim.named_modules(), network.named_modules(), strict=True
    ):
        assert path == other
        if isinstance(two, nn.MultiheadAttention):
            assert isinstance(one, nn.MultiheadAttention)
        else:
            assert type(one) is type(two), path
        assert one.training == two.training, path


def check_plain(slim: nn.Module, path: Any, dense: nn.Module) -> None:
    """What is saved is the slim weights and nothing else; it comes back bit by bit."""
    torch.save(slim.state_dict(), path)
    loaded = torch.load(path, weights_only=True)
    twin = copy.deepcopy(slim)
    with torch.no_grad():
        for tensor in (*twin.parameters(), *twin.buffers()):
            tensor.zero_()
    twin.load_state_dict(loaded)
    for name, tensor in twin.state_dict().items():
        assert torch.equal(tensor, slim.state_dict()[name]), name
    assert path.stat().st_size < 2 * sum(t.nbytes for t in dense.state_dict().values()) + 40_000


def smaller(network: nn.Module, channels: Channels, keep: Keep) -> nn.Module:
    """The cut, with the parameters counted: exactly what the costs say."""
    slim = cut(network, channels, keep)
    told = channels.cost(~keep)["params"]
    assert sum(p.numel() for p in slim.parameters()) == told
    return slim
