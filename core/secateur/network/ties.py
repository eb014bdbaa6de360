"""What is tied to what: the network's forward, run once on atoms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from secateur.errors import DataError, NetworkError
from secateur.network.atoms import Atoms, Ids, Made
from secateur.network.call import Call
from secateur.network.provenance import Attribute, Provenance, attributes, named_integers
from secateur.network.run import Op, Visitor, run
from secateur.operators.flow import Flow, ReadEvent, StatEvent, Work
from secateur.operators.registry import flow_of
from secateur.operators.sizes import sizes_of

DATA = frozenset(
    [
        "_local_scalar_dense",
        "is_nonzero",
        "nonzero",
        "masked_select",
        "unique",
        "unique_dim",
        "_unique2",
        "item",
        "unique_consecutive",
    ]
)
"""What they give depends on values: the next run may go another way."""


@dataclass(frozen=True)
class Place:
    """Behind a module, where channels that go by themselves are put in place for a sum.

    Arguments:
        path: of the module whose output is rearranged.
        dim: of its output.
        ids: atoms of the channels made.
        stream: atoms of the sum's channels, position by position.
    """

    path: str
    dim: int
    ids: Ids
    stream: Ids


@dataclass(eq=False)
class Ties:
    """What a run said.

    Arguments:
        atoms: all of them.
        slots: atoms by parameter name and dimension.
        made: the number of the operation that makes an atom's channel.
        makers: slots that make channels, in the order of the run: ``(parameter, dimension)``.
        reads: where channels are mixed, in the last run.
        stats: where a statistic over channels is taken.
        work: what operations cost.
        folds: dimensions split in several, and the part that may shrink.
        attributes: integers of the user's modules that follow sizes.
        places: with ``tied=False``, where sums are prepared.
        depends: module paths where forward depends on the data.
        chance: module paths where forward draws random numbers, in evaluation mode.
        untouched: parameters that no run reached.
        names: of the operations, in order.
        owners: module path of each operation.
    """

    atoms: Atoms
    slots: dict[str, dict[int, Ids]]
    made: dict[int, int]
    reads: list[ReadEvent]
    stats: list[StatEvent]
    work: list[Work]
    folds: dict[tuple[str, tuple[int, ...]], int]
    attributes: list[Attribute]
    places: list[Place]
    depends: list[str]
    chance: list[str]
    untouched: list[str]
    names: list[str]
    owners: list[str]
    unknown: set[str]


class _TiesVisitor(Visitor):
    def __init__(self, flow: Flow, provenance: Provenance, places: Mapping[str, int]) -> None:
        self.flow, self.provenance, self.places = flow, provenance, places
        self.alive: list[Any] = []
        self.touched: set[int] = set()
        self.depends: list[str] = []
        self.random: list[tuple[str, set[int]]] = []
        self.names: list[str] = []
        self.owners: list[str] = []
        self.calls: dict[str, int] = defaultdict(int)
        self.placed: list[Place] = []
        self.left: set[int] = set()
        self.sized: dict[tuple[str, str, int | None], Ids] = {}
        self.log: list[tuple[set[int], set[int], bool]] = []

    def wanted_for(self, outputs: list[Tensor]) -> set[int]:
        """Ids of all tensors that these are made of, and of those that are written in place."""
        wanted = {id(t) for t in outputs}
        for ins, outs, writes in reversed(self.log):
            if writes:
                wanted |= outs
            if outs & wanted:
                wanted |= ins
        return wanted

    def after(self, op: Op, out: Any) -> Any:
        flow = self.flow
        flow.atoms.where = op.path
        self.alive.append((op.args, op.kwargs, op.outs))
        self.names.append(op.name)
        self.owners.append(op.path)
        ins, outs = {id(t) for t in op.ins}, {id(t) for t in op.outs}
        self.log.append((ins, outs, op.func._schema.is_mutable))
        if torch.Tag.nondeterministic_seeded in op.func.tags and not _asleep(op):
            self.random.append((op.path, outs))
        self.touched.update(id(t) for t in op.ins)
        if any(id(t) in flow.data for t in op.ins):
            flow.data.update(id(t) for t in op.outs)
            by_value = op.name.startswith("index") and any(t.dtype == torch.bool for t in op.ins)
            if op.name in DATA or by_value:
                self.depends.append(op.path)
        if op.func.is_view and op.name in ("slice", "select", "narrow", "split", "unbind"):
            flow.parts.update(id(t) for t in op.outs)
            if op.name == "slice":
                dim = int(op.argument("dim")) % op.outs[0].ndim
                flow.sliced[id(op.outs[0])] = (op.ins[0], dim)
        with self.stream.unseen():
            before = len(flow.work)
            flow_of(op, flow, self.provenance.literal)
            if len(flow.work) == before and flow.moves_data(op):
                rows = tuple(flow.atoms.of(op.outs[0]).at.values())
                flow.work.append(Work(op.number, "elementwise", float(op.outs[0].numel()), rows))
        return out

    def alias(self, tensor: Tensor, out: Tensor) -> None:
        flow = self.flow
        self.alive.append(out)
        self.log.append(({id(tensor)}, {id(out)}, False))
        flow.atoms.give(out, flow.atoms.of(tensor))
        for ids in (flow.data, flow.parts):
            if id(tensor) in ids:
                ids.add(id(out))
        self.touched.add(id(tensor))

    def leave(self, path: str, module: nn.Module, out: Any) -> Any:
        self.calls[path] += 1
        if not isinstance(out, Tensor):
            return out
        atoms = self.flow.atoms
        made = atoms.of(out)
        for name, index, ids in sizes_of(module, out, made, atoms):
            before = self.sized.get((path, name, index))
            if before is not None:
                atoms.tie(before, ids, f"one {name} of a module that is used again")
            self.sized[path, name, index] = ids
        if path in self.places and self.places[path] in made.at:
            dim = self.places[path]
            ids = made.at[dim]
            stream = atoms.union.fresh(len(ids))
            self.placed.append(Place(path, dim, ids, stream))
            made = Made({**made.at, dim: stream}, made.free, frozenset({dim}))
            atoms.give(out, made)
        elif made.at and id(out) not in self.left:
            atoms.give(out, Made(made.at, made.free, made.summed, (*made.exits, (path, made))))
            self.left.add(id(out))
        return out


def find_ties(
    network: nn.Module,
    call: Call,
    *,
    also: Iterable[tuple[Call, bool]] = (),
    choice: Mapping[object, int] | None = None,
    norm_over: str = "all",
    tied: bool = True,
) -> Ties:
    """Run a network on atoms.

    Arguments:
        network: not changed.
        call: an example of one or more samples.
        also: further runs that only add ties: ``(call, in training mode)``.
        choice: which part of a fold may shrink.
        norm_over: "all" or "kept": what a statistic over channels is taken of.
        tied: a filter that feeds a sum leaves with the others of the sum; otherwise by itself.

    Raises:
        DataError: forward fails on the inputs.
        NetworkError: forward returns no tensor.
    """
    places: dict[str, int] = {}
    if not tied:
        places = _places(network, call, also, choice, norm_over)
    try:
        ties, _, _ = _run(network, call, also, choice, norm_over, places)
    except DataError:
        # code that is particular about the class of an integer; without names it may run
        ties, _, _ = _run(network, call, also, choice, norm_over, places, names=False)
    return ties


def _places(
    network: nn.Module,
    call: Call,
    also: Iterable[tuple[Call, bool]],
    choice: Mapping[object, int] | None,
    norm_over: str,
) -> dict[str, int]:
    """Where sums can be prepared: they have no maker of their own, and nothing pins them."""
    _, visitor, flow = _run(network, call, also, choice, norm_over, {}, names=False)
    places = _find_places(flow, visitor.calls)
    while places:
        ties, _, _ = _run(network, call, also, choice, norm_over, places, names=False)
        made = np.array(list(ties.made), dtype=np.int64)
        taken = {*ties.atoms.roots(made).tolist()}
        taken |= {*ties.atoms.roots(np.array(list(ties.atoms.pins), dtype=np.int64)).tolist()}
        bad = [p.path for p in ties.places if taken & {*ties.atoms.roots(p.stream).tolist()}]
        if not bad:
            break
        for path in bad:
            del places[path]
    return places


def _run(
    network: nn.Module,
    call: Call,
    also: Iterable[tuple[Call, bool]],
    choice: Mapping[object, int] | None,
    norm_over: str,
    places: Mapping[str, int],
    names: bool = True,
) -> tuple[Ties, _TiesVisitor, Flow]:
    atoms = Atoms()
    flow = Flow(atoms, norm_over, dict(choice or {}))
    slots: dict[str, dict[int, Ids]] = {}
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if tensor.is_floating_point() and tensor.ndim:
            at = {d: atoms.union.fresh(n) for d, n in enumerate(tensor.shape) if n > 1}
            slots[name] = at
            atoms.give(tensor, Made(at))
    atoms.keep_parameters()
    _recurrent(network, slots, atoms)
    _scripted(network, slots, atoms)
    provenance = Provenance(atoms)
    touched: set[int] = set()
    depends: list[str] = []
    chance: list[str] = []
    for one, training in (*also, (call, False)):
        atoms.forget()
        flow.reads, flow.stats, flow.work, flow.meetings = [], [], [], []
        flow.data = {id(t) for t in one.tensors}
        flow.parts, flow.sliced = set(), {}
        visitor = _TiesVisitor(flow, provenance, places)
        with named_integers(network) if names else nullcontext(), provenance:
            out = run(network, one, visitor, training=training)
        touched |= visitor.touched
        depends += visitor.depends
        found = output_tensors(out)
        if not found:
            raise NetworkError(
                f"there is no tensor in what forward returns ({type(out).__name__})",
                remedy="return tensors, or a tuple, dict or object that holds them",
            )
        wanted = visitor.wanted_for(found)
        flow.pin_later(wanted)
        if not training:
            chance += [path for path, outs in visitor.random if outs & wanted]
        for tensor in found:
            for ids in atoms.of(tensor).at.values():
                atoms.pin(ids, "is an output of the network")
    atoms.forget()
    ties = Ties(
        atoms=atoms,
        slots=slots,
        made=flow.made,
        reads=flow.reads,
        stats=flow.stats,
        work=flow.work,
        folds=flow.folds,
        attributes=[
            *attributes(provenance.seen),
            *(
                Attribute(path, name, index, tuple(ids.tolist()), True)
                for (path, name, index), ids in visitor.sized.items()
            ),
        ],
        places=visitor.placed,
        depends=depends,
        chance=chance,
        untouched=[n for n, p in network.named_parameters() if id(p) not in touched],
        names=visitor.names,
        owners=visitor.owners,
        unknown=flow.unknown,
    )
    visitor.alive = []
    return ties, visitor, flow


def _asleep(op: Op) -> bool:
    """It could draw random numbers, and does not."""
    return op.name in ("native_dropout", "rrelu_with_noise") and not op.argument(
        "train", op.argument("training", False)
    )


def _recurrent(network: nn.Module, slots: dict[str, dict[int, Ids]], atoms: Atoms) -> None:
    """One attribute sizes all layers and directions of a recurrent module."""
    for path, module in network.named_modules():
        if isinstance(module, nn.RNNBase):
            prefix = f"{path}." if path else ""
            hidden = [
                slots[prefix + name][1]
                for name, _ in module.named_parameters(recurse=False)
                if name.startswith("weight_hh") and 1 in slots[prefix + name]
            ]
            for other in hidden[1:]:
                atoms.tie(hidden[0], other, "one hidden_size")


def _scripted(network: nn.Module, slots: dict[str, dict[int, Ids]], atoms: Atoms) -> None:
    """What torch.jit has compiled cannot be cut."""
    for path, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            for name, at in slots.items():
                if not path or name.startswith(f"{path}."):
                    for ids in at.values():
                        atoms.pin(ids, f"{path or 'the network'} is compiled by torch.jit")


def _find_places(flow: Flow, calls: Mapping[str, int]) -> dict[str, int]:
    """Modules behind which the channels of a sum can be put in place."""
    found: dict[str, int] = {}
    for _, operands, shapes in flow.meetings:
        rank = max(len(shape) for shape in shapes)
        for made in operands:
            for dim, ids in made.at.items():
                if dim in made.summed or not _meets(flow, made, operands, shapes, dim, rank):
                    continue
                for path, there in reversed(made.exits):
                    same = [d for d, row in there.at.items() if np.array_equal(row, ids)]
                    if calls.get(path) == 1 and same:
                        found[path] = same[0]
                        break
    return found


def _meets(
    flow: Flow, made: Made, operands: list[Made], shapes: list[torch.Size], dim: int, rank: int
) -> bool:
    """Another operand has channels of its own in the same dimension."""
    own = next(i for i, other in enumerate(operands) if other is made)
    place = dim + rank - len(shapes[own])
    for i, other in enumerate(operands):
        theirs = place - (rank - len(shapes[i]))
        if i != own and theirs in other.at and not np.array_equal(other.at[theirs], made.at[dim]):
            return True
    return False


def output_tensors(out: Any) -> list[Tensor]:
    """Every tensor in what a network returns, in classes of its own too."""
    found: list[Tensor] = []
    for leaf in tree_leaves(out):
        if isinstance(leaf, Tensor):
            found.append(leaf)
        elif hasattr(leaf, "__dict__") and not isinstance(leaf, (nn.Module, type)):
            found += output_tensors(dict(vars(leaf)))
    return found


__all__ = ["DataError", "Place", "Ties", "find_ties", "output_tensors"]
