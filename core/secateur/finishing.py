"""From a selection to a network: refined, compensated, cut, checked, measured."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from secateur.backends import Status
from secateur.methods import Method
from secateur.metric import device_of, evaluate
from secateur.network import Call, Channels
from secateur.problem import Problem
from secateur.refine import Evaluator, Refined, refine
from secateur.solving import Selection
from secateur.surgery import check_cut, cut, reestimate_batch_norm
from secateur.surgery.compensation import fit
from secateur.tasks import Task


@dataclass(frozen=True, eq=False)
class Finished:
    """A method's selection and what became of it; see ``Row`` for the numbers."""

    method: Method
    selection: Selection
    network: nn.Module
    metric: float
    metric_compensated: float | None
    batch_norm: bool
    fitted: bool
    evaluations: int
    seconds: float
    notes: tuple[str, ...] = ()


def finish(
    network: nn.Module,
    task: Task,
    channels: Channels,
    problem: Problem,
    method: Method,
    selection: Selection,
    *,
    seed: int,
    compensated: bool,
    fit_batches: int | None,
) -> Finished:
    """Refine, compensate, re-estimate, cut, check and measure one selection."""
    started = time.monotonic()
    evaluations = 0
    if method.refine is not None:
        refined = refine(
            Evaluator(network, channels, task), problem, selection.bits, method.refine, seed=seed
        )
        evaluations = refined.evaluations
        selection = _refined(problem, selection, refined)
    keep = selection.bits == 0
    call = _first_call(task, network)
    plain = cut(network, channels, keep)
    check_cut(network, channels, keep, plain, call)
    metric = evaluate(plain, task)
    slim, fitted, batch_norm = plain, False, False
    notes: tuple[str, ...] = ()
    if compensated:
        done = fit(network, channels, keep, _calls(task, network), fit_batches=fit_batches)
        copied = done.network
        notes = tuple(f"not re-fitted: {path}: {reason}" for path, reason in done.stands)
        small = cut(copied, channels, keep)
        check_cut(copied, channels, keep, small, call)
        slim, fitted, batch_norm = _best(task, plain, small, _calls(task, network))
    return Finished(
        method=method,
        selection=selection,
        network=slim,
        metric=metric,
        metric_compensated=evaluate(slim, task) if compensated else None,
        batch_norm=batch_norm,
        fitted=fitted,
        evaluations=evaluations,
        seconds=selection.seconds + time.monotonic() - started,
        notes=notes,
    )


class _calls:  # noqa: N801 (it is used as a function)
    """The calibration inputs, as often as they are asked for."""

    def __init__(self, task: Task, network: nn.Module) -> None:
        self.task, self.device = task, device_of(network)

    def __iter__(self) -> Iterator[Call]:
        return (batch.call for batch in self.task.batches("calibration", self.device))


def _first_call(task: Task, network: nn.Module) -> Call:
    batches = task.batches("calibration", device_of(network))
    try:
        return next(batches).call
    finally:
        batches.close()


def _best(
    task: Task, plain: nn.Module, fitted: nn.Module, calls: Iterable[Call]
) -> tuple[nn.Module, bool, bool]:
    """The network that does best on the selection split: cut, fitted, batch norm re-estimated."""
    sign = 1.0 if task.higher_is_better else -1.0
    candidates = [(fitted, True, False), (plain, False, False)]
    again = reestimate_batch_norm(fitted, calls)
    if again is not None:
        candidates.append((again, True, True))
    values = [sign * evaluate(candidate[0], task, "selection") for candidate in candidates]
    return candidates[int(np.argmax(values))]


def _refined(problem: Problem, selection: Selection, refined: Refined) -> Selection:
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
