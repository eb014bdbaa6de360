"""What a rule may say of an operation."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from secateur.network.atoms import ANY, FIXED, Atoms, Ids, Made
from secateur.network.run import Op

COUNTED = "zeros would count"
"""Why channels under a statistic stay, unless that is taken over those that are kept."""
OUTER = -1
"""A choice for folds: the part in front shrinks."""


@dataclass(frozen=True)
class ReadEvent:
    """An operation mixes a dimension of an operand: there a channel's zero is all that matters.

    Arguments:
        op: number of the operation.
        operand: the tensor's number among the tensors that it is given.
        dim: of that tensor.
        ids: atoms along it.
    """

    op: int
    operand: int
    dim: int
    ids: Ids


@dataclass(frozen=True)
class StatEvent:
    """An operation takes a statistic over channels; the same fields."""

    op: int
    operand: int
    dim: int
    ids: Ids


@dataclass(frozen=True)
class Work:
    """Multiply-accumulates or elements: ``number`` at full width, as the product of shares kept."""

    op: int
    kind: str
    number: float
    factors: tuple[Ids, ...]


@dataclass
class Flow:
    """The atoms, and what has been said about operations.

    Arguments:
        atoms: of the network.
        norm_over: "all": a statistic over channels pins them; "kept": it is taken over those kept.
        choice: for each fold, the part that may shrink, or ``OUTER``; "all" for every fold that
            is not named.
    """

    atoms: Atoms
    norm_over: str = "all"
    choice: dict[object, int] = field(default_factory=dict)
    folds: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)
    reads: list[ReadEvent] = field(default_factory=list)
    stats: list[StatEvent] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    made: dict[int, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    data: set[int] = field(default_factory=set)
    parts: set[int] = field(default_factory=set)
    sliced: dict[int, tuple[Tensor, int]] = field(default_factory=dict)
    later: list[tuple[list[Tensor], Ids, str, str]] = field(default_factory=list)
    meetings: list[tuple[int, list[Made], list[torch.Size]]] = field(default_factory=list)

    def depends(self, tensor: Tensor) -> bool:
        """It depends on the network's input."""
        return id(tensor) in self.data

    def moves_data(self, op: Op) -> bool:
        """It writes what depends on the input: it takes time."""
        return (
            bool(op.outs)
            and not op.func.is_view
            and op.outs[0].is_floating_point()
            and self.depends(op.outs[0])
        )

    def is_part(self, tensor: Tensor) -> bool:
        """It is a view of a part of another tensor."""
        return id(tensor) in self.parts

    def whole_of(self, tensor: Tensor) -> tuple[Tensor | None, set[int]]:
        """What a tensor is a slice of, and the dimensions that it has in part only.

        None where it is more than sliced.
        """
        cut: set[int] = set()
        while id(tensor) in self.sliced:
            whole, dim = self.sliced[id(tensor)]
            if whole.shape[dim] != tensor.shape[dim]:
                cut.add(dim)
            tensor = whole
        return (None if self.is_part(tensor) else tensor), cut

    def meet(self, op: Op, tensors: list[Tensor]) -> frozenset[int]:
        """Activations are added up; the output's dimensions where different channels meet."""
        if len(tensors) < 2:
            return frozenset()
        made = [self.atoms.of(t) for t in tensors]
        shapes = [op.shape_of(t) for t in tensors]
        self.meetings.append((op.number, made, shapes))
        rank = max(len(shape) for shape in shapes)
        rows: dict[int, list[Ids]] = {}
        for one, shape in zip(made, shapes, strict=True):
            for dim, row in one.at.items():
                rows.setdefault(dim + rank - len(shape), []).append(row)
        return frozenset(
            dim for dim, own in rows.items() if any(not np.array_equal(own[0], r) for r in own[1:])
        )

    def read(self, op: Op, tensor: Tensor, dim: int, ids: Ids) -> None:
        """A dimension of an operand is mixed: gates and masks sit here."""
        if (ids > 0).any():
            self.reads.append(ReadEvent(op.number, _number(op, tensor), dim, ids))

    def stat(self, op: Op, tensor: Tensor, dim: int, ids: Ids, what: str) -> None:
        """A statistic over channels: they stay, or it is taken over those that are kept."""
        if self.norm_over == "kept":
            self.stats.append(StatEvent(op.number, _number(op, tensor), dim, ids))
        else:
            self.demand(op.outs, ids, f"{what} over channels: {COUNTED}")

    def demand(self, results: list[Tensor], ids: Ids, why: str) -> None:
        """These stay if one of the results comes to something."""
        self.later.append((results, ids, why, self.atoms.where))

    def pin_later(self, wanted: set[int]) -> None:
        """Pin what is demanded for results that come to something.

        Arguments:
            wanted: ids of the tensors that an output is made of.
        """
        for results, ids, why, where in self.later:
            if any(id(tensor) in wanted for tensor in results):
                self.atoms.where = where
                self.atoms.pin(ids, why)
        self.atoms.where = ""
        self.later = []

    def fold(self, why: str, sizes: tuple[int, ...], default: int | None = None) -> int:
        """A dimension is split in several: the number of the one part that may shrink."""
        usual = sizes.index(max(sizes)) if default is None else default
        wanted = self.choice.get((why, sizes), self.choice.get("all", usual))
        if wanted == OUTER:  # heads, channels of a flattened image; three are q, k and v
            wanted = default if default is not None else int(sizes[0] == 3 and len(sizes) > 1)
        return self.folds.setdefault((why, sizes), wanted % len(sizes))

    def produce(self, op: Op, ids: Ids) -> None:
        """These channels are made here."""
        for atom in ids[ids > 0].tolist():
            self.made.setdefault(atom, op.number)

    def macs(self, op: Op, kind: str, number: float, *factors: Ids) -> None:
        """Multiply–accumulates of a contraction."""
        self.work.append(Work(op.number, kind, float(number), factors))

    def opaque(self, op: Op, why: str | None = None) -> None:
        """What goes in stays, and nothing is known of what comes out."""
        if why is None:
            self.unknown.add(op.name)
            why = f"{op.name} is an operation that secateur does not know"
        for tensor in op.ins:
            for ids in self.atoms.of(tensor).at.values():
                self.atoms.pin(ids, why)

    def join(self, op: Op, tensors: list[Tensor], out: Tensor, why: str) -> None:
        """Element by element, with broadcasting: what meets is tied."""
        atoms = self.atoms
        at: dict[int, Ids] = {}
        loose = set()
        summed: set[int] = set()
        for dim in range(out.ndim):
            rows, fixed, free = [], False, True
            for tensor in tensors:
                own = dim - (out.ndim - tensor.ndim)
                made = atoms.of(tensor)
                if own < 0 or op.shape_of(tensor)[own] == 1:
                    continue
                if own in made.at:
                    rows.append(made.at[own])
                    if own in made.summed:
                        summed.add(dim)
                elif not made.loose(own):
                    fixed = True
                free = free and made.loose(own)
            if not rows:
                if free and out.shape[dim] > 1:
                    loose.add(dim)
                continue
            for row in rows[1:]:
                atoms.tie(rows[0], row, why)
            if fixed:
                atoms.pin(np.concatenate(rows), f"{why} with a tensor of fixed size")
            at[dim] = np.stack(rows).max(0)
        everywhere = all(atoms.of(t).free is True for t in tensors)
        atoms.give(out, Made(at, True if everywhere else frozenset(loose), frozenset(summed)))


def _number(op: Op, tensor: Tensor) -> int:
    for number, other in enumerate(op.ins):
        if other is tensor:
            return number
    raise ValueError(f"{op.name} is not given that tensor")


__all__ = ["ANY", "FIXED", "Flow", "ReadEvent", "StatEvent", "Work"]
