"""One call of a network's forward."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from secateur.errors import DataError
from secateur.network.trees import map_tensors, owned, take_samples, tensors_in

MOST_RESTORED = 2**26
"""Elements of an example that is read from a file: one sample, not a data set."""


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

    Arguments:
        inputs: what forward is given; dimension 0 of its tensors is the batch.
        shared: names or positions of inputs that belong to all samples.

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


def restore_call(about: Any) -> Call:
    """A call of the shapes that ``describe_call`` wrote; its tensors are zeros.

    Raises:
        DataError: it is anything else, or larger than ``MOST_RESTORED``.
    """
    total = 0

    def wrong(what: str) -> DataError:
        return DataError(
            f"the example {what}", remedy="take what describe_call wrote, as it wrote it"
        )

    def shaped(part: Mapping[str, Any]) -> Tensor:
        nonlocal total
        shape, dtype = part["tensor"], getattr(torch, str(part.get("dtype")), None)
        if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
            raise wrong(f"has a tensor of shape {str(shape)[:60]}")
        if not isinstance(dtype, torch.dtype):
            raise wrong(f"has a tensor of type {str(part.get('dtype'))[:60]}")
        total += math.prod(shape)
        if total > MOST_RESTORED:
            raise wrong(f"has more than {MOST_RESTORED} elements")
        try:
            return torch.zeros(shape, dtype=dtype)
        except (RuntimeError, TypeError, NotImplementedError, OverflowError) as error:
            raise wrong(f"has a tensor that cannot be: {error}") from error

    def value(part: Any) -> Any:
        if not isinstance(part, Mapping):
            raise wrong(f"holds a {type(part).__name__}")
        if "tensor" in part:
            return shaped(part)
        if isinstance(part.get("dict"), Mapping):
            return {key: value(inner) for key, inner in part["dict"].items()}
        if isinstance(part.get("list"), list):
            return [value(inner) for inner in part["list"]]
        if isinstance(part.get("tuple"), list):
            return tuple(value(inner) for inner in part["tuple"])
        plain = part.get("value", wrong)
        if plain is not None and not isinstance(plain, (bool, int, float, str)):
            raise wrong(f"holds {str(sorted(map(str, part)))[:60]}")
        return plain

    if not isinstance(about, Mapping):
        raise wrong(f"is a {type(about).__name__}")
    args, kwargs, shared = (about.get(key) for key in ("args", "kwargs", "shared"))
    if not isinstance(args, list) or not isinstance(kwargs, Mapping):
        raise wrong("has no args and kwargs")
    known = {*range(len(args)), *kwargs}
    if not isinstance(shared, list) or not all(
        type(name) in (int, str) and name in known for name in shared
    ):
        raise wrong(f"shares {str(shared)[:60]}")
    try:
        return Call(
            tuple(value(part) for part in args),
            {str(name): value(part) for name, part in kwargs.items()},
            tuple(shared),
        )
    except RecursionError:
        raise wrong("is nested too deeply") from None
