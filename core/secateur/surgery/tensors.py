"""The tensors in what a network is given and gives, each by a name that people can read.

Any nesting of tuples, lists, mappings, dataclasses and objects with attributes, whether PyTorch
knows the class or not.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten_with_path

from secateur.errors import NetworkError
from secateur.network.call import Call
from secateur.network.trees import owned, tensors_in


def named_leaves(value: Any, name: str) -> list[tuple[str, Any]]:
    """Everything in a nested value that is not a container, in a fixed order.

    Arguments:
        value: a tensor, or containers of tensors; an object that is no container counts as one if
            it has attributes.
        name: of the whole; parts are called ``name.key`` or ``name.0``, at the top of a mapping or
            object ``key``.

    Returns:
        ``(name, leaf)`` pairs.
    """
    parts = _parts(value)
    if parts is None:
        return [(name, value)]
    numbered = isinstance(value, (tuple, list)) and not hasattr(value, "_fields")
    above = f"{name}." if numbered else ""
    return [(f"{above}{key}{rest}", leaf) for key, part in parts for rest, leaf in _below(part)]


def _below(value: Any) -> list[tuple[str, Any]]:
    parts = _parts(value)
    if parts is None:
        return [("", value)]
    return [(f".{key}{rest}", leaf) for key, part in parts for rest, leaf in _below(part)]


def _parts(value: Any) -> list[tuple[str, Any]] | None:
    """What a container holds, by name; None for what is no container."""
    if value is None or isinstance(value, (Tensor, str, bytes, int, float, complex, torch.Size)):
        return None
    if isinstance(value, Mapping):
        return [(str(key), part) for key, part in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return list(zip(value._fields, value, strict=True))
    if isinstance(value, (tuple, list)):
        return [(str(key), part) for key, part in enumerate(value)]
    if is_dataclass(value) and not isinstance(value, type):
        return [(one.name, getattr(value, one.name)) for one in fields(value)]
    attributes = getattr(value, "__dict__", None)
    return None if attributes is None or callable(value) else list(attributes.items())


def output_tensors(outputs: Any) -> dict[str, Tensor]:
    """The tensors that a network gives, by name; one alone is "output".

    Raises:
        NetworkError: it gives something else as well (a number, a text), or no tensor.
    """
    found: dict[str, Tensor] = {}
    for name, leaf in named_leaves(outputs, "output"):
        if leaf is None:
            continue
        if not isinstance(leaf, Tensor):
            raise NetworkError(
                f"the network's output {name!r} is a {type(leaf).__name__}",
                remedy="return tensors; make numbers with torch.tensor(…)",
            )
        found[name] = leaf
    if not found:
        raise NetworkError("the network's output holds no tensor", remedy="return a tensor")
    return found


def input_names(network: nn.Module, call: Call) -> list[str]:
    """A name for every tensor of a call, in the order of ``call.tensors``: forward's own names."""
    parameters = iter(inspect.signature(network.forward).parameters.values())
    names = []
    for number, value in enumerate(call.args):
        parameter = next(parameters, None)
        if parameter is None or parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            parameters = iter(())
            names += _tensor_names(f"input.{number}", value)
        else:
            names += _tensor_names(parameter.name, value)
    return names + [x for name, value in call.kwargs.items() for x in _tensor_names(name, value)]


def _tensor_names(name: str, value: Any) -> list[str]:
    leaves, _ = tree_flatten_with_path(value)
    return [
        ".".join([name, *(str(_key(step)) for step in path)])
        for path, leaf in leaves
        if isinstance(leaf, Tensor)
    ]


def _key(step: Any) -> Any:
    return next(getattr(step, kind) for kind in ("key", "idx", "name") if hasattr(step, kind))


def resized(call: Call, samples: int, *, change: bool = False) -> Call:
    """A call with another number of samples: those that are there, again and again.

    Arguments:
        call: of one sample or more.
        samples: how many.
        change: make samples that came again differ (floating-point values are scaled by up to a
            half), so that a network that mixes them up is found out.
    """
    size = call.size

    def some(value: Tensor) -> Tensor:
        taken = value[torch.arange(samples, device=value.device) % size]
        if not change or not taken.is_floating_point():
            return taken
        again = torch.arange(samples, device=value.device) // size
        factor = 0.5 + 0.5 / (1.0 + again.to(taken.dtype))
        return taken * factor.reshape(-1, *[1] * (taken.ndim - 1))

    new = {id(tensor): some(tensor) for tensor in sample_tensors(call)}
    return call.map(lambda tensor: new.get(id(tensor), tensor))


def sample_tensors(call: Call) -> list[Tensor]:
    """The tensors of a call with one entry for each sample; the others belong to all of them."""
    size = call.size
    return [
        tensor
        for name, value in call.inputs.items()
        if name not in call.shared
        for tensor in tensors_in(value).values()
        if owned(tensor, size)
    ]


def greatest_difference(
    expected: Mapping[str, Tensor], given: Iterable[Tensor]
) -> tuple[float, str]:
    """How far tensors are apart, each relative to the greatest absolute value that is expected.

    Arguments:
        expected: by name.
        given: in the same order.

    Returns:
        the difference, and the name of the tensor where it is: infinite where shapes differ or one
        is finite and the other is not. Integers and truth values differ by 0 or infinitely.
    """
    worst, where = 0.0, next(iter(expected), "")
    for (name, one), other in zip(expected.items(), given, strict=True):
        difference = _difference(one.detach().cpu(), other.detach().cpu())
        if not difference <= worst:
            worst, where = difference, name
    return worst, where


def _difference(one: Tensor, other: Tensor) -> float:
    if one.shape != other.shape or one.is_floating_point() != other.is_floating_point():
        return float("inf")
    if not one.is_floating_point() and not one.is_complex():
        return 0.0 if torch.equal(one, other.to(one.dtype)) else float("inf")
    if one.is_complex():
        one, other = torch.view_as_real(one), torch.view_as_real(other)
    one, other = one.double(), other.double()
    finite = torch.isfinite(one)
    same = torch.equal(torch.nan_to_num(one[~finite]), torch.nan_to_num(other[~finite]))
    if not torch.equal(finite, torch.isfinite(other)) or not same:
        return float("inf")
    if not bool(finite.any()):
        return 0.0
    scale = float(one[finite].abs().max())
    apart = float((one - other)[finite].abs().max())
    return apart / scale if scale > 0 else (0.0 if apart == 0.0 else float("inf"))
