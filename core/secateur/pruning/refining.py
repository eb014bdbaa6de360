"""A refinement from a selection: searched on one part, held against another, compared truly.

A compensated method is searched on the metric of quickly compensated networks, any other on that of
cut ones. What the search believes is luck in part, so two thirds of the selection split are
searched on and one is held back; the start and the best are then made as they are in the end, and
the best is kept only if it is better on the whole split and on what was held back.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, fields, replace
from typing import Protocol

import numpy as np
import torch
from torch import nn

from secateur.backends import Status
from secateur.methods.resolved import Resolved
from secateur.metric import Evaluator, Keep, Runner, mean_metric, run_batch
from secateur.network.device import device_of
from secateur.problem import Problem
from secateur.problem.model import Bits
from secateur.pruning.subject import Subject
from secateur.refine import Confirmed, Races, Refined, refine
from secateur.solving import Selection
from secateur.surgery.compensation.stored import Stored
from secateur.tasks import Split, Task
from secateur.tasks.batches import Batch

HELD = 3
"""Every so manieth sample of the selection split is held back."""
BESIDE = 2
"""So many calibration samples for one of the selection split, at most, are searched on besides."""


class HasNetwork(Protocol):
    """What is made of a mask."""

    @property
    def network(self) -> nn.Module:
        """Cut, compensated where it is to be."""


class Making(Protocol):
    """What makes networks of masks; ``Body`` is the real one."""

    @property
    def subject(self) -> Subject:
        """The network, its task and its channels."""

    @property
    def evaluator(self) -> Evaluator:
        """Of the network; it compensates truly."""

    @property
    def quick(self) -> Stored:
        """Compensates quickly."""

    def made(self, keep: Keep, *, compensated: bool) -> HasNetwork:
        """What a mask leaves in the end."""


@dataclass(frozen=True)
class Part(Task):
    """A task of which every split is the same few batches.

    Arguments:
        part: they.
    """

    part: tuple[Batch, ...] = field(default=(), kw_only=True)

    def batches(
        self, split: Split, device: torch.device | None = None
    ) -> Generator[Batch, None, None]:
        """The batches, which are on their device."""
        yield from self.part


def part_of(task: Task, part: list[Batch]) -> Part:
    """The task with other data."""
    return Part(**{f.name: getattr(task, f.name) for f in fields(Task)}, part=tuple(part))


def refine_selection(
    body: Making, problem: Problem, method: Resolved, selection: Selection, *, seed: int
) -> tuple[Selection, int, tuple[str, ...]]:
    """The selection that a refinement leaves, the evaluations it spent, and what to say of it.

    Arguments:
        body: makes networks of masks.
        problem: that the selection is of.
        method: with a refiner.
        selection: where it starts.
        seed: of everything random.
    """
    assert method.refiner is not None
    subject, compensated = body.subject, method.method.compensated
    searched, held = searched_and_held(subject.task, subject.network, compensated=compensated)
    part = part_of(subject.task, searched)
    races, named, notes = races_of(body, part, compensated=compensated)
    with races:
        refined = refine(races, problem, selection.bits, method.refiner, seed=seed)
    refined = replace(refined, state=named)
    if np.array_equal(refined.bits, selection.bits):
        notes = (*notes, f"{method.name}: nothing better was found")
        return refined_selection(problem, selection, refined), refined.evaluations, notes
    confirmed = _confirmed(body, held, selection.bits, refined, compensated=compensated)
    refined = replace(refined, confirmed=confirmed)
    if not confirmed.kept:
        refined = replace(refined, bits=selection.bits)
    notes = (*notes, f"{method.name}: {refined.told()}")
    return refined_selection(problem, selection, refined), refined.evaluations, notes


def searched_and_held(
    task: Task, network: nn.Module, *, compensated: bool
) -> tuple[list[Batch], list[Batch]]:
    """What a search sees, and what is held back of the selection split.

    Arguments:
        task: of the network; with fewer than three samples to select on nothing is held back.
        network: says on which device.
        compensated: calibration samples are searched on, too, behind those of the selection split.
    """
    device = device_of(network)
    searched: list[Batch] = []
    held: list[Batch] = []
    place = 0
    for batch in task.batches("selection", device):
        for turn in range(HELD):
            first = (turn - place) % HELD
            if first < batch.size:
                own = held if turn == HELD - 1 else searched
                own.append(batch.take(slice(first, None, HELD)))
        place += batch.size
    room = BESIDE * sum(batch.size for batch in searched)
    if compensated and task.selection is not None:
        for batch in task.batches("calibration", device):
            part = batch if batch.size <= room else batch.take(slice(0, room))
            if room > 0:
                searched.append(part)
            room -= part.size
    return searched, held


def races_of(body: Making, part: Part, *, compensated: bool) -> tuple[Races, str, tuple[str, ...]]:
    """What a search maximises, how masks are looked at in it, and what to say of that.

    Arguments:
        body: of the network.
        part: what is searched on.
        compensated: in the end, too.
    """
    evaluator = Evaluator(body.subject.network, body.subject.channels, part)
    if not compensated:
        return Races(evaluator), "masked", ()
    quick = body.quick
    if quick.layers:
        notes = tuple(f"not re-fitted in the search: {path}: {why}" for path, why in quick.left)
        return Races(evaluator, maker=quick.cut), "compensated quickly", notes
    if not quick.left:
        note = "no layer is compensated: the search is on the masked metric"
        return Races(evaluator), "masked", (note,)
    note = "no layer can be compensated quickly: every mask of the search is compensated truly"
    return Races(evaluator, state=body.evaluator.compensating), "compensated", (note,)


def _running(network: nn.Module) -> Runner:
    return lambda batch: run_batch(network, batch)


def _confirmed(
    body: Making, held: list[Batch], start: Bits, refined: Refined, *, compensated: bool
) -> Confirmed:
    """Start and best, made as they are in the end."""
    task = body.subject.task
    sign = 1.0 if task.higher_is_better else -1.0
    values, apart = [], []
    for bits in (start, refined.bits):
        network = body.made(bits == 0, compensated=compensated).network
        values.append(sign * body.evaluator.slim(network, "selection"))
        apart.append(sign * mean_metric(_running(network), task, held) if held else values[-1])
    return Confirmed(
        start=values[0],
        value=values[1],
        held_start=apart[0],
        held_value=apart[1],
        held=sum(batch.size for batch in held),
    )


def refined_selection(problem: Problem, selection: Selection, refined: Refined) -> Selection:
    """The selection that a refinement made of another one; the bound stays the QUBO's."""
    provenance = {**selection.provenance, "refinement": refined.to_json()}
    if np.array_equal(refined.bits, selection.bits):
        return replace(selection, provenance=provenance)
    return replace(
        selection,
        bits=refined.bits,
        energy=float(problem.energies(refined.bits)[0]),
        status=Status.FEASIBLE,
        provenance=provenance,
        reads=None,
        prover=None,
    )
