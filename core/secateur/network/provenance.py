"""Which of the user's integers made a size.

While the network runs, the integers that its own modules hold, and those read from a tensor's
shape, are replaced by integers that remember where they come from. A function mode sees them arrive
in ``view``, ``reshape``, ``split``; a literal arrives without a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from secateur.network.atoms import Atoms, Ids

SHAPE = "shape"
FIXED_BOUNDS = frozenset(
    {"__getitem__", "split", "split_with_sizes", "narrow", "tensor_split", "unsafe_split"}
)
SHAPED = frozenset({"view", "reshape", "expand", "new_zeros", "new_ones", "zeros", "ones", "empty"})
"""Their integers are the output's shape, one for each dimension."""
SIZED = SHAPED | frozenset(
    """unflatten split split_with_sizes unsafe_split narrow __getitem__ broadcast_to new_empty
    new_full full rand randn arange linspace eye layer_norm rms_norm group_norm conv1d conv2d conv3d
    conv_transpose1d conv_transpose2d conv_transpose3d resize_ as_strided""".split()
)
"""Functions whose integers are sizes of what comes out, or numbers of groups."""
OWN_SIZES = (nn.Unflatten, nn.ChannelShuffle)
"""Modules of torch whose integers are treated as a user's."""


class Named(int):
    """An integer that remembers where it comes from: ``text`` is an expression of attributes."""

    text: str

    def __new__(cls, value: int, text: str) -> Named:  # noqa: D102
        self = super().__new__(cls, value)
        self.text = text
        return self


def _arithmetic(name: str) -> Callable[[Named, Any], Any]:
    plain = getattr(int, name)

    def method(self: Named, other: Any) -> Any:
        value = plain(self, other)
        if type(value) is not int:
            return value
        return Named(value, f"({self.text} {name.strip('_')} {getattr(other, 'text', other)})")

    return method


for _name in ("add", "sub", "mul", "floordiv", "mod", "pow"):
    for _side in ("", "r"):
        setattr(Named, f"__{_side}{_name}__", _arithmetic(f"__{_side}{_name}__"))


@dataclass(frozen=True)
class Attribute:
    """An integer of a user's module that follows a size.

    Arguments:
        path: of the module.
        name: of the attribute.
        index: in a tuple or list, or None.
        ids: the atoms of the dimension whose length it is.
        sure: it reached that dimension itself; else it took part in an expression only.
    """

    path: str
    name: str
    index: int | None
    ids: tuple[int, ...]
    sure: bool


class Provenance(TorchFunctionMode):
    """Watches names arrive in functions; knows whether bounds are literal.

    Attributes:
        literal: the function that runs now cuts at numbers written in code.
    """

    def __init__(self, atoms: Atoms) -> None:
        super().__init__()
        self.atoms = atoms
        self.literal = False
        self.seen: list[tuple[Named, Ids | None]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__" and getattr(func, "__self__", None) is Tensor.shape:
            return _named_shape(func(*args, **kwargs))
        if name == "size":
            found = func(*args, **kwargs)
            return _named_shape(found) if isinstance(found, torch.Size) else Named(found, SHAPE)
        before = self.literal
        if name in FIXED_BOUNDS:
            self.literal = any(_literals(name, args[1:], kwargs))
        try:
            out = func(*args, **kwargs)
        finally:
            self.literal = before
        names = [x for x in _flat((args, tuple(kwargs.values()))) if isinstance(x, Named)]
        if names:
            self._arrived(name, args, kwargs, names, out)
        return out

    def _arrived(
        self, name: str, args: tuple[Any, ...], kwargs: Any, names: list[Named], out: Any
    ) -> None:
        outs = [x for x in tree_leaves(out) if isinstance(x, Tensor)]
        sizes = _flat(args[1:] if args and isinstance(args[0], Tensor) else args)
        if name == "unflatten":
            sizes = _flat(kwargs["sizes"] if "sizes" in kwargs else args[2])
        for value in names:
            if value.text == SHAPE:
                continue
            row = None
            if name not in SIZED:  # a number of parts, a dimension, a stride: no size
                self.seen.append((value, row))
                continue
            for tensor in outs:
                made = self.atoms.of(tensor)
                dims = [d for d in made.at if tensor.shape[d] == int(value)]
                first = _first_size(name, args, kwargs, tensor.ndim, len(sizes))
                if first is not None:
                    places = [first + i for i, x in enumerate(sizes) if x is value]
                    dims = [d for d in dims if d in places]
                if dims:
                    row = made.at[dims[0]]
                    break
            self.seen.append((value, row))


def _first_size(
    name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], ndim: int, count: int
) -> int | None:
    """The dimension of the output that the first of some sizes is of, where they have an order."""
    if name == "unflatten":
        dim = int(kwargs["dim"] if "dim" in kwargs else args[1])
        return dim if dim >= 0 else ndim - count + 1 + dim
    return 0 if name in SHAPED and count == ndim else None


def _named_shape(shape: torch.Size) -> tuple[int, ...]:
    return torch.Size([Named(x, SHAPE) for x in shape])


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (tuple, list)):
        return [x for part in value for x in _flat(part)]
    if isinstance(value, slice):
        return [value.start, value.stop]
    return [value]


def _literals(name: str, args: tuple[Any, ...], kwargs: Any) -> Iterator[bool]:
    """For each bound, whether it is written in code."""
    if name == "__getitem__":
        index = args[0] if isinstance(args[0], tuple) else (args[0],)
        for part in index:
            if isinstance(part, slice):
                for bound in (part.start, part.stop):
                    yield isinstance(bound, int) and bound != 0 and not isinstance(bound, Named)
        return
    bounds = list(args[:1]) if name.startswith(("split", "unsafe")) else list(args[1:])
    bounds += [v for k, v in kwargs.items() if k not in ("dim", "dimension")]
    for bound in _flat(bounds):
        yield isinstance(bound, int) and bound != 0 and not isinstance(bound, Named)


@contextmanager
def named_integers(network: nn.Module) -> Iterator[None]:
    """The user's modules hold integers with names inside; plain ones again after."""
    old: list[tuple[nn.Module, str, Any]] = []
    for path, module in network.named_modules():
        theirs = type(module).__module__.startswith(("torch.", "secateur.operators."))
        if theirs and not isinstance(module, OWN_SIZES):
            continue
        for key, value in list(vars(module).items()):
            if key.startswith("_") or key == "training":
                continue
            text = f"{path}.{key}" if path else key
            if type(value) is int:
                old.append((module, key, value))
                vars(module)[key] = Named(value, f"{{{text}}}")
            elif type(value) in (tuple, list) and value and all(type(x) is int for x in value):
                old.append((module, key, value))
                vars(module)[key] = type(value)(
                    Named(x, f"{{{text}[{i}]}}") for i, x in enumerate(value)
                )
    try:
        yield
    finally:
        for module, key, value in old:
            vars(module)[key] = value


def attributes(seen: list[tuple[Named, Ids | None]]) -> list[Attribute]:
    """The integers that follow sizes, from what a run saw."""
    found: dict[tuple[str, str, int | None], Attribute] = {}
    for value, row in seen:
        parts = value.text.split("{")[1:]
        for part in parts:
            text = part.split("}")[0]
            index = None
            if text.endswith("]"):
                text, number = text[:-1].rsplit("[", 1)
                index = int(number)
            path, _, name = text.rpartition(".")
            sure = value.text == "{" + part.split("}")[0] + "}" and row is not None
            key = (path, name, index)
            if key not in found or (sure and not found[key].sure):
                ids = tuple(row.tolist()) if sure and row is not None else ()
                found[key] = Attribute(path, name, index, ids, sure)
    return list(found.values())
