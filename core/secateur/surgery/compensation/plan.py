"""What is fitted, in which order, to what; and what is left alone, and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from torch import Tensor

from secateur.surgery.compensation.designs import Affine, Design
from secateur.surgery.compensation.record import Record, Seen
from secateur.surgery.compensation.values import Value

SHARED = "its weights are used by several operations"
MADE = "its weights are made in forward"


@dataclass(frozen=True)
class Part:
    """A part of a parameter, read as a tensor.

    Arguments:
        name: of the parameter.
        shape: of the part.
        stride: of the part.
        offset: of its first element behind the parameter's.
    """

    name: str
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    def of(self, parameter: Tensor) -> Tensor:
        """The same part of a tensor with the parameter's layout."""
        start = parameter.storage_offset() + self.offset
        return parameter.as_strided(self.shape, self.stride, start)


@dataclass(frozen=True)
class Sum:
    """Where a layer's output meets what came another way.

    Arguments:
        op: number of the operation that adds them up.
        operand: of the layer's side.
        made: the operation that made the other side, and the number of its output.
    """

    op: int
    operand: int
    made: tuple[int, int]


@dataclass(frozen=True)
class Fit:
    """One operation whose weight is fitted.

    Arguments:
        op: its number.
        path: of the module that runs it, for words.
        design: how it is a regression.
        weight: what is fitted.
        bias: what is added and fitted, too.
        norm: the buffer of a batch norm right behind that takes the shift instead.
        steps: from its output on, what is undone: ``(operation, operand)``.
        sums: where what the skip lacks is made up for.
    """

    op: int
    path: str
    design: Design
    weight: Part
    bias: Part | None
    norm: str | None
    steps: tuple[tuple[int, int], ...] = ()
    sums: tuple[Sum, ...] = ()

    @property
    def last(self) -> int:
        """The last operation that the dense network must have run."""
        return max([self.op, *(s.op for s in self.sums)])


@dataclass(frozen=True)
class Plan:
    """Everything that is fitted, in the order of the run.

    Arguments:
        fits: one after another.
        stands: ``(module path, reason)`` of what reads something changed and is not fitted.
        live: the most bytes of activations that one forward holds where it waits.
        recurrent: a fused layer was taken apart.
    """

    fits: tuple[Fit, ...]
    stands: tuple[tuple[str, str], ...]
    live: int
    recurrent: bool


def plan(record: Record) -> Plan:
    """Read a record."""
    planner = _Planner(record)
    fits: list[Fit] = []
    stands: dict[str, str] = {}
    for seen in record.seen:
        reason: str | None = None
        for design in seen.designs:
            fit, why = planner.fit(seen, design)
            if fit is not None:
                fits.append(fit)
                reason = None
                break
            reason = reason or why
        if reason is not None:
            stands.setdefault(seen.path or seen.name, reason)
    live = max((record.seen[fit.op].live for fit in fits), default=0)
    return Plan(tuple(fits), tuple(stands.items()), live, record.recurrent)


class _Planner:
    def __init__(self, record: Record) -> None:
        self.record = record
        self.readers: dict[Value, list[tuple[int, int]]] = defaultdict(list)
        self.makers: dict[Value, tuple[int, int]] = {}
        for seen in record.seen:
            for k, value in enumerate(seen.ins):
                self.readers[value].append((seen.number, k))
            for k, value in enumerate(seen.outs):
                self.makers[value] = (seen.number, k)

    def fit(self, seen: Seen, design: Design) -> tuple[Fit | None, str | None]:
        """How an operation is fitted, or why not; neither for one that has no weight."""
        moving, weight = seen.moving, seen.ins[design.weight]
        if not moving[design.inputs] or moving[design.weight] or not seen.changed[design.inputs]:
            return None, None
        record = self.record
        if record.owner(weight) is None:
            return None, MADE
        if 0 in weight.stride or record.users(weight) != [seen.number]:
            return None, SHARED
        if isinstance(design, Affine) and seen.narrowed:
            return None, "its statistic is taken over the channels that are kept"
        bias, norm = self._shift(seen, design)
        steps, sums = self._chain(seen)
        path = seen.path or record.owner(weight) or seen.name
        part = self._part(weight)
        assert part is not None
        return Fit(seen.number, path, design, part, bias, norm, steps, sums), None

    def _part(self, value: Value) -> Part | None:
        name = self.record.owner(value)
        if name is None or 0 in value.stride:
            return None
        offset = value.offset - self.record.parameters[name].offset
        return Part(name, value.shape, value.stride, offset)

    def _shift(self, seen: Seen, design: Design) -> tuple[Part | None, str | None]:
        """The bias; or the mean of a batch norm right behind, where there is none."""
        if design.bias is not None:
            value = seen.ins[design.bias]
            alone = self.record.users(value) == [seen.number] if self._part(value) else False
            return (self._part(value) if alone else None), None
        reader = self._only_reader(seen.outs[0])
        if reader is None or reader[1] != 0:
            return None, None
        norm = self.record.seen[reader[0]]
        if norm.mean is None or not norm.undone[0]:
            return None, None
        alone = self.record.users(norm.mean) == [norm.number]
        return None, self.record.owner(norm.mean, buffer=True) if alone else None

    def _only_reader(self, value: Value) -> tuple[int, int] | None:
        readers = self.readers[value]
        return readers[0] if len(readers) == 1 and value not in self.record.outputs else None

    def _chain(self, seen: Seen) -> tuple[tuple[tuple[int, int], ...], tuple[Sum, ...]]:
        """The way from a layer to the sums that it can make up for."""
        steps: list[tuple[int, int]] = []
        sums: list[Sum] = []
        useful = 0
        value = seen.outs[0]
        while True:
            reader = self._only_reader(value)
            if reader is None:
                break
            number, operand = reader
            other = self.record.seen[number]
            if other.undone[operand]:
                steps.append(reader)
            elif other.shares and (own := other.shares[operand]) is not None:
                made = self.makers.get(other.ins[1 - operand])
                if value.shape != other.outs[0].shape or own[0] == 0:
                    break
                steps.append(reader)
                if other.changed[1 - operand]:
                    if made is None or made[0] > seen.number:  # not known yet when it is fitted
                        break
                    sums.append(Sum(number, operand, made))
                    useful = len(steps)
            else:
                break
            value = other.outs[0]
        return tuple(steps[:useful]), tuple(sums)
