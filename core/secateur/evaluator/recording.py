"""One run of a network, looked at: which modules are functions of what they are given alone.

Such a module, given the same again, need not run again. What is proven of it, from the operations
of the run: it reads no tensor but its inputs, its own parameters and what it made itself; it draws
nothing; and nobody writes to its inputs or outputs afterwards. What Python objects remember beside
tensors cannot be seen here; the values are held against the plain way besides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from secateur.network.call import Call
from secateur.network.run import Op, Visitor, run
from secateur.network.trees import tensors_in

_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_PLAIN = (type(None), bool, int, float, str)
_INTERNAL = frozenset(vars(nn.Module()))


@dataclass(frozen=True)
class Recording:
    """What one run showed.

    Arguments:
        closed: paths of the modules that are functions of their inputs, the outermost first.
        folds: batch norms by the path of the layer that they alone read.
        stateless: no module wrote to its tensors or remembered anything.
    """

    closed: tuple[str, ...]
    folds: dict[str, str]
    stateless: bool


@dataclass(eq=False)
class _Visit:
    """One call of a module."""

    path: str
    start: int
    inputs: list[Tensor]
    own: set[int]
    """By ``id``: parameters and buffers of the module and of those inside it."""
    made: set[int] = field(default_factory=set)
    end: int = -1
    outputs: list[Tensor] = field(default_factory=list)
    open: bool = False

    def knows(self, tensor: Tensor) -> bool:
        """It is of this module: made in this call, a parameter, or what it was given."""
        number = id(tensor)
        return (
            number in self.made
            or number in self.own
            or any(tensor is given for given in self.inputs)
        )


def record(network: nn.Module, call: Call) -> Recording:
    """Run a network once and look.

    Arguments:
        network: in evaluation mode while it runs; it comes back as it was.
        call: what its forward is given.

    Raises:
        DataError: forward fails on these inputs.
    """
    watcher = _Watcher(network)
    before = _remembered(network)
    with watcher.watching(network):
        out = run(network, call, watcher)
    return watcher.recording(out, before == watcher.left)


def plain_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any] | None:
    """The arguments of a module in a row, with names; None where they are more than that."""
    row = [*args, *kwargs, *kwargs.values()]
    return row if all(isinstance(value, (Tensor, *_PLAIN)) for value in row) else None


def plain_outputs(out: Any) -> list[Tensor] | None:
    """The tensors of a module's output; None where it is more than a tensor or a row of them."""
    if isinstance(out, Tensor):
        return [out]
    if type(out) in (tuple, list) and all(isinstance(part, Tensor) for part in out):
        return list(out)
    return None


class _Watcher(Visitor):
    def __init__(self, network: nn.Module) -> None:
        self.modules = dict(network.named_modules())
        # now: what is written to is put back after the run, in another place
        self.own = {_storage(t) for t in [*network.parameters(), *network.buffers()]}
        self.visits: list[_Visit] = []
        self.inside: list[_Visit] = []
        self.readers: dict[int, list[tuple[str, str]]] = defaultdict(list)
        self.writes: list[tuple[int, int]] = []
        self.alive: list[Any] = []  # so that no ``id`` is given twice
        self.time = 0
        self.left: object = None

    @contextmanager
    def watching(self, network: nn.Module) -> Iterator[None]:
        handles = []

        def watch(path: str, module: nn.Module) -> None:
            own = {id(t) for t in [*module.parameters(), *module.buffers()]}

            def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
                row = plain_arguments(args, kwargs)
                given = [value for value in row or [] if isinstance(value, Tensor)]
                visit = _Visit(path, self.time, given, own, open=row is None)
                self.visits.append(visit)
                self.inside.append(visit)

            def leave(_: nn.Module, _args: Any, out: Any) -> None:
                visit = self.inside.pop()
                outputs = plain_outputs(out)
                visit.outputs, visit.end = outputs or [], self.time
                if outputs is None or not all(visit.knows(tensor) for tensor in outputs):
                    visit.open = True
                if not path:
                    self.left = _remembered(network)

            handles.append(module.register_forward_pre_hook(enter, with_kwargs=True))
            handles.append(module.register_forward_hook(leave))

        for path, module in self.modules.items():
            if not isinstance(module, torch.jit.ScriptModule):
                watch(path, module)
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def before(self, op: Op) -> None:
        self.time += 1
        self.alive.append((op.args, op.kwargs))
        drawn = torch.Tag.nondeterministic_seeded in op.func.tags
        for visit in self.inside:
            if drawn or not all(visit.knows(tensor) for tensor in op.ins):
                visit.open = True
        for position, tensor in enumerate(op.ins):
            # of a batch norm only what it normalises is said to be read by it
            how = op.name if position == 0 else f"{op.name} aside"
            self.readers[id(tensor)].append((how, op.path))
        for position, argument in enumerate(op.func._schema.arguments):
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            value = op.kwargs.get(
                argument.name, op.args[position] if position < len(op.args) else None
            )
            for tensor in tree_leaves(value):
                if isinstance(tensor, Tensor):
                    self.writes.append((self.time, _storage(tensor)))

    def after(self, op: Op, out: Any) -> Any:
        made = [tensor for tensor in tree_leaves(out) if isinstance(tensor, Tensor)]
        self.alive.append(made)
        for visit in self.inside:
            visit.made.update(id(tensor) for tensor in made)
        return out

    def alias(self, tensor: Tensor, out: Tensor) -> None:
        self.readers[id(tensor)].append(("detach", ""))
        self.alive.append((tensor, out))
        for visit in self.inside:
            if visit.knows(tensor):
                visit.made.add(id(out))

    def recording(self, out: Any, same: bool) -> Recording:
        """What follows from it all."""
        stateless = same and not any(storage in self.own for _, storage in self.writes)
        by_path: dict[str, list[_Visit]] = defaultdict(list)
        for visit in self.visits:
            by_path[visit.path].append(visit)
        folds = self._folds(by_path, out)
        # a norm that is folded hands on what it is given: a write behind it reaches the layer
        same_one = {
            _storage(by_path[layer][0].outputs[0]): _storage(by_path[norm][0].outputs[0])
            for layer, norm in folds.items()
        }
        closed = [
            path
            for path, visits in by_path.items()
            if path and not any(visit.open or self._written(visit, same_one) for visit in visits)
        ]
        return Recording(tuple(closed), folds, stateless)

    def _written(self, visit: _Visit, same_one: dict[int, int]) -> bool:
        given = {_storage(tensor) for tensor in visit.inputs}
        gives = {_storage(tensor) for tensor in visit.outputs}
        given |= {same_one[storage] for storage in given if storage in same_one}
        gives |= {same_one[storage] for storage in gives if storage in same_one}
        return any(
            (storage in given and time > visit.start) or (storage in gives and time > visit.end)
            for time, storage in self.writes
        )

    def _folds(self, by_path: dict[str, list[_Visit]], out: Any) -> dict[str, str]:
        ends = {id(tensor) for tensor in tensors_in(out).values()}
        norms = {
            id(visits[0].inputs[0]): path
            for path, visits in by_path.items()
            if type(self.modules[path]) in _NORMS and len(visits) == 1 and visits[0].inputs
        }
        folds = {}
        for path, visits in by_path.items():
            layer = self.modules[path]
            if type(layer) not in _LAYERS or len(visits) != 1 or len(visits[0].outputs) != 1:
                continue
            made = visits[0].outputs[0]
            norm = norms.get(id(made))
            if norm is None or id(made) in ends or made.ndim != layer.weight.ndim:
                continue
            reads = self.readers[id(made)]
            written = any(storage == _storage(made) for _, storage in self.writes)
            if reads == [("native_batch_norm", norm)] and by_path[norm][0].outputs and not written:
                folds[path] = norm
        return folds


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _remembered(network: nn.Module) -> list[Any]:
    """What modules hold beside tensors and modules, shallowly."""
    return [
        (path, name, id(value), len(value) if type(value) in (list, dict, set) else None)
        for path, module in network.named_modules()
        for name, value in vars(module).items()
        if name not in _INTERNAL and name != "training"
    ]
