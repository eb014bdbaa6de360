"""From a selection to a network: refined, compensated, cut, checked, measured."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from secateur.backends import Status
from secateur.methods.resolved import Resolved
from secateur.metric import Evaluator, Keep
from secateur.network import Call
from secateur.network.device import device_of
from secateur.problem import Problem
from secateur.pruning.subject import Subject
from secateur.recover import recover
from secateur.refine import Races, Refined, refine
from secateur.solving import Selection
from secateur.surgery import check_cut, cut, reestimate_batch_norm
from secateur.surgery.compensation import Compensation, fit
from secateur.tasks import Task


@dataclass(frozen=True, eq=False)
class Finished:
    """A method's selection and what became of it; see ``Row`` for the numbers."""

    method: Resolved
    selection: Selection
    network: nn.Module
    metric: float
    metric_compensated: float | None
    metric_recovered: float | None
    batch_norm: bool
    fitted: bool
    evaluations: int
    seconds: float
    notes: tuple[str, ...] = ()


def finish(
    subject: Subject, problem: Problem, method: Resolved, selection: Selection, *, seed: int
) -> Finished:
    """Refine, compensate, re-estimate, cut, check and measure one selection."""
    started = time.monotonic()
    network, task, channels = subject.network, subject.task, subject.channels
    calls = _Calls(task, network)

    def compensate(keep: Keep) -> Compensation:
        how = method.method
        return fit(network, channels, keep, calls, ridge=how.ridge, fit_batches=how.fit_batches)

    evaluator = Evaluator(network, channels, task, compensate=lambda keep: compensate(keep).network)
    evaluations = 0
    if method.refiner is not None:
        refined = refine(Races(evaluator), problem, selection.bits, method.refiner, seed=seed)
        evaluations = refined.evaluations
        selection = _refined(problem, selection, refined)
    keep = selection.bits == 0
    call = calls.first
    plain = cut(network, channels, keep)
    check_cut(network, channels, keep, plain, call)
    metric = evaluator.slim(plain)
    slim, fitted, batch_norm = plain, False, False
    notes: tuple[str, ...] = ()
    compensated: float | None = None
    if method.method.compensated:
        done = compensate(keep)
        notes = tuple(f"not re-fitted: {path}: {reason}" for path, reason in done.stands)
        small = cut(done.network, channels, keep)
        check_cut(done.network, channels, keep, small, call)
        slim, fitted, batch_norm = _best(evaluator, plain, small, calls)
        compensated = metric if slim is plain else evaluator.slim(slim)
    recovered: float | None = None
    if method.recovery is not None:
        again = recover(slim.eval(), network, task, method.recovery, seed=seed)
        provenance = {**selection.provenance, "recovery": again.to_json()}
        selection, slim = replace(selection, provenance=provenance), again.network
        recovered = evaluator.slim(slim)
    return Finished(
        method=method,
        selection=selection,
        network=slim.eval(),
        metric=metric,
        metric_compensated=compensated,
        metric_recovered=recovered,
        batch_norm=batch_norm,
        fitted=fitted,
        evaluations=evaluations,
        seconds=selection.seconds + time.monotonic() - started,
        notes=notes,
    )


class _Calls:
    """The calibration inputs, as often as they are asked for."""

    def __init__(self, task: Task, network: nn.Module) -> None:
        self.task, self.device = task, device_of(network)

    def __iter__(self) -> Iterator[Call]:
        return (batch.call for batch in self.task.batches("calibration", self.device))

    @property
    def first(self) -> Call:
        """Those of the first batch."""
        batches = self.task.batches("calibration", self.device)
        try:
            return next(batches).call
        finally:
            batches.close()


def _best(
    evaluator: Evaluator, plain: nn.Module, fitted: nn.Module, calls: Iterable[Call]
) -> tuple[nn.Module, bool, bool]:
    """The network that does best on the selection split: cut, fitted, batch norm re-estimated."""
    sign = 1.0 if evaluator.task.higher_is_better else -1.0
    candidates = [(fitted, True, False), (plain, False, False)]
    again = reestimate_batch_norm(fitted, calls)
    if again is not None:
        candidates.append((again, True, True))
    values = [sign * evaluator.slim(candidate[0], "selection") for candidate in candidates]
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
