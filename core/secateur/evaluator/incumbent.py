"""What the incumbent's modules gave, kept for the masks beside it.

A module whose parameters are the incumbent's and which is given what it was given there gives what
it gave. Inputs are the same if they are the same object, or equal; so nothing has to be known about
the order in which a network runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from secateur.evaluator.recording import Recording, plain_arguments, plain_outputs

_INTERNAL = frozenset(vars(nn.Module())) | {"forward"}
_SHOWN = (bool, int, float, str, tuple, type(None))

Forward = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class _Given:
    """One call of a module: what it was given and what it gave."""

    row: list[Any]
    out: Any


class Kept:
    """Calls of modules in one run on one batch, under a limit of bytes.

    Arguments:
        most: bytes of all tensors in it; what comes later than that is not kept.

    Attributes:
        bytes: that it holds.
    """

    def __init__(self, most: int) -> None:
        self._most, self.bytes = most, 0
        self._calls: dict[str, list[_Given]] = {}
        self._storages: set[int] = set()

    def find(self, path: str, row: list[Any], *, by_value: bool) -> _Given | None:
        """The call of a module with these arguments.

        Arguments:
            path: of the module.
            row: of ``plain_arguments``.
            by_value: equal tensors are the same, too.
        """
        calls = self._calls.get(path, ())
        for call in calls:
            if _same_row(call.row, row, by_value=False):
                return call
        if by_value:
            for call in calls:
                if _same_row(call.row, row, by_value=True):
                    return call
        return None

    def add(self, path: str, row: list[Any], out: Any) -> None:
        """Keep a call, if there is room."""
        outputs = plain_outputs(out)
        if outputs is None:
            return
        tensors = [value for value in row if isinstance(value, Tensor)] + outputs
        new = {
            int(tensor.untyped_storage()._cdata): tensor.untyped_storage().nbytes()
            for tensor in tensors
        }
        more = sum(size for key, size in new.items() if key not in self._storages)
        if self.bytes + more > self._most:
            return
        self.bytes += more
        self._storages |= set(new)
        self._calls.setdefault(path, []).append(_Given(row, out))


class Weights:
    """The parameters of a network as they are now, to be compared with those of another.

    Arguments:
        network: copied from.
        recording: of it.
        paths: of the modules that are asked for.
    """

    def __init__(self, network: nn.Module, recording: Recording, paths: Iterable[str]) -> None:
        self._own = {path: _own(module, copy=True) for path, module in network.named_modules()}
        self._inside: dict[str, list[str]] = {}
        for path in paths:
            inside = [name for name in self._own if name == path or name.startswith(f"{path}.")]
            folded = [recording.folds[name] for name in inside if name in recording.folds]
            self._inside[path] = inside + folded

    def same(self, network: nn.Module) -> set[str]:
        """Which modules have these very parameters, inside and in what is folded into them."""
        modules = dict(network.named_modules())
        if modules.keys() != self._own.keys():
            return set()
        equal = {path: _equal(self._own[path], _own(m, copy=False)) for path, m in modules.items()}
        return {path for path, inside in self._inside.items() if all(equal[n] for n in inside)}


def remembered_paths(network: nn.Module, recording: Recording) -> tuple[str, ...]:
    """The modules worth remembering: closed, and not inside one with a single layer.

    Nothing is gained by what a convolution gave if the norm and the non-linearity behind it, which
    change with it, were kept as well.
    """
    modules = dict(network.named_modules())
    closed = set(recording.closed)

    def layers(path: str) -> int:
        return sum(
            1
            for module in modules[path].modules()
            if any(p.ndim > 1 for p in module.parameters(recurse=False))
        )

    small = {path for path in closed if layers(path) <= 1}
    return tuple(
        path
        for path in recording.closed
        if path in modules and not any(above in small for above in _above(path))
    )


def sharing(
    forwards: Mapping[str, Forward],
    network: nn.Module,
    paths: Iterable[str],
    same: set[str],
    kept: Kept | None,
    keeping: Kept | None,
) -> dict[str, Forward]:
    """Forwards that look first whether the incumbent has run them.

    Arguments:
        forwards: laid over already, by path.
        network: that runs.
        paths: of the modules that are remembered.
        same: those of them whose parameters are the incumbent's.
        kept: the incumbent's calls on this batch; None: there are none.
        keeping: where this run's calls are kept; None: nowhere.
    """
    modules = dict(network.named_modules())
    found = dict(forwards)
    for path in paths:
        looks = kept is not None and path in same
        if path in modules and (looks or keeping is not None):
            inner = forwards.get(path, modules[path].forward)
            heavy = any(True for _ in modules[path].parameters())
            found[path] = _looking(path, inner, kept if looks else None, keeping, heavy)
    return found


def _looking(
    path: str, inner: Forward, kept: Kept | None, keeping: Kept | None, heavy: bool
) -> Forward:
    def forward(*args: Any, **kwargs: Any) -> Any:
        row = plain_arguments(args, kwargs)
        if row is None:
            return inner(*args, **kwargs)
        call = None if kept is None else kept.find(path, row, by_value=heavy)
        out = inner(*args, **kwargs) if call is None else call.out
        if keeping is not None:
            keeping.add(path, row if call is None else call.row, out)
        return out

    return forward


def _above(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def _own(module: nn.Module, *, copy: bool) -> dict[str, Any]:
    """Class, tensors and plain attributes of one module."""
    found: dict[str, Any] = {"": type(module)}
    for name, value in vars(module).items():
        if name not in _INTERNAL and isinstance(value, _SHOWN):
            found[f".{name}"] = value
    for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
        found[name] = None if tensor is None else tensor.detach()
        if copy and tensor is not None:
            found[name] = tensor.detach().clone()
    return found


def _equal(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return one.keys() == two.keys() and all(
        _same(value, two[name], by_value=True) for name, value in one.items()
    )


def _same_row(one: list[Any], two: list[Any], *, by_value: bool) -> bool:
    return len(one) == len(two) and all(
        _same(a, b, by_value=by_value) for a, b in zip(one, two, strict=True)
    )


def _same(one: Any, two: Any, *, by_value: bool) -> bool:
    if one is two:
        return True
    if isinstance(one, Tensor) and isinstance(two, Tensor):
        return (
            by_value
            and one.shape == two.shape
            and one.dtype == two.dtype
            and one.stride() == two.stride()
            and torch.equal(one, two)
        )
    return type(one) is type(two) and not isinstance(one, Tensor) and bool(one == two)
