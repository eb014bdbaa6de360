"""One call of a network's forward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from secateur.errors import DataError
from secateur.network.trees import map_tensors, owned, take_samples, tensors_in


@dataclass(frozen=True)
class Call:
    """What ``network(*args, **kwargs)`` is given.

    A tensor whose dimension 0 is as long as the batch has one entry for each sample; any other
    belongs to all samples, and so does what ``shared`` names.

    Arguments:
        args: by position.
        kwargs: by name.
        shared: positions and names of the inputs that belong to all samples, however long.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    shared: tuple[int | str, ...] = ()

    @property
    def inputs(self) -> dict[int | str, Any]:
        """Every input by its position or name."""
        named: dict[int | str, Any] = dict(enumerate(self.args))
        named.update(self.kwargs.items())
        return named

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors in it, nested ones too."""
        return list(tensors_in((self.args, dict(self.kwargs))).values())

    @property
    def size(self) -> int:
        """The number of samples: the length of the first tensor that is not shared.

        Raises:
            DataError: there is none.
        """
        for name, value in self.inputs.items():
            if name in self.shared:
                continue
            for tensor in tensors_in(value).values():
                if tensor.ndim > 0 and owned(tensor, len(tensor)):
                    return len(tensor)
        raise DataError(
            f"the inputs ({', '.join(map(repr, self.inputs)) or 'none'}) hold no tensor with a "
            "batch dimension",
            remedy="give the network tensors whose dimension 0 is the batch",
        )

    def to(self, device: torch.device | None) -> Call:
        """The same call with every tensor on a device, in its own precision."""
        if device is None:
            return self
        return self.map(lambda tensor: tensor.to(device))

    def map(self, change: Any) -> Call:
        """The same call with every tensor changed."""
        return Call(
            map_tensors(self.args, change), map_tensors(dict(self.kwargs), change), self.shared
        )

    def take(self, index: int | slice) -> Call:
        """Some samples; a number is a call of that one sample.

        Raises:
            DataError: the batch has no such sample, or no sample at all.
        """
        size = self.size
        index = sample_slice(index, size)
        new = {
            name: value if name in self.shared else take_samples(value, index, size)
            for name, value in self.inputs.items()
        }
        return Call(
            tuple(new[k] for k in range(len(self.args))),
            {name: new[name] for name in self.kwargs},
            self.shared,
        )


def sample_slice(index: int | slice, size: int) -> slice:
    """A slice that keeps the batch dimension.

    Raises:
        DataError: the batch has no such sample.
    """
    if isinstance(index, slice):
        return index
    if not -size <= index < size:
        raise DataError(
            f"sample {index} of a batch of {size}", remedy=f"use 0 to {size - 1}, or a slice"
        )
    return slice(index % size, index % size + 1)


def as_call(
    inputs: Call | Tensor | Mapping[str, Any] | Iterable[Any], shared: tuple[int | str, ...] = ()
) -> Call:
    """A call from what a user writes: a tensor, a tuple of inputs by position, a dict by name.

    Raises:
        DataError: it is something else.
    """
    if isinstance(inputs, Call):
        return inputs
    if isinstance(inputs, Tensor):
        return Call((inputs,), {}, shared)
    if isinstance(inputs, Mapping):
        words = [key for key in inputs if not isinstance(key, str)]
        if words:
            raise DataError(
                f"the inputs are a dict with the key {words[0]!r}",
                remedy="name inputs as forward's arguments are named",
            )
        return Call((), dict(inputs), shared)
    if isinstance(inputs, (tuple, list)):
        return Call(tuple(inputs), {}, shared)
    raise DataError(
        f"the inputs are a {type(inputs).__name__}",
        remedy="give a tensor, a tuple of tensors (by position) or a dict (by name); "
        "Task(adapter=…) makes these of anything",
    )


def describe_call(call: Call) -> dict[str, Any]:
    """A call of one sample as plain data, to be made again by ``restore_call``.

    Raises:
        DataError: it holds what JSON cannot say.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, Tensor):
            dtype = str(value.dtype).removeprefix("torch.")
            return {"tensor": list(value.shape), "dtype": dtype}
        if isinstance(value, Mapping):
            return {"dict": {str(key): plain(part) for key, part in value.items()}}
        if isinstance(value, (tuple, list)):
            kind = "list" if isinstance(value, list) else "tuple"
            return {kind: [plain(part) for part in value]}
        if value is None or isinstance(value, (bool, int, float, str)):
            return {"value": value}
        raise DataError(
            f"an input is a {type(value).__name__}, which cannot be written as JSON",
            remedy="give the network tensors, numbers, words, and tuples, lists and dicts of them",
        )

    return {
        "args": [plain(value) for value in call.args],
        "kwargs": {name: plain(value) for name, value in call.kwargs.items()},
        "shared": list(call.shared),
    }


def restore_call(about: Mapping[str, Any]) -> Call:
    """A call of the shapes that ``describe_call`` wrote; its tensors are zeros."""

    def value(about: Mapping[str, Any]) -> Any:
        if "tensor" in about:
            return torch.zeros(about["tensor"], dtype=getattr(torch, about["dtype"]))
        if "dict" in about:
            return {key: value(part) for key, part in about["dict"].items()}
        if "list" in about:
            return [value(part) for part in about["list"]]
        if "tuple" in about:
            return tuple(value(part) for part in about["tuple"])
        return about["value"]

    return Call(
        tuple(value(part) for part in about["args"]),
        {name: value(part) for name, part in about["kwargs"].items()},
        tuple(about["shared"]),
    )
