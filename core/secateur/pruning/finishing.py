"""From a selection to a network: refined, compensated, cut, checked, measured."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf

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

FIT_SAMPLES = 192
"""Samples that the last fit is given where nothing else is said, if there are unlabelled ones.

The curve is flat from there: of the denoisers at 75 %, 384 patches of two photographs instead of 96
gave the Half-UNet 0.02 dB and the chain nothing, for four times the seconds (benchmarks/fit.py).
"""


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
    subject: Subject,
    problem: Problem,
    method: Resolved,
    selection: Selection,
    *,
    seed: int,
    body: Body | None = None,
    notes: tuple[str, ...] = (),
) -> Finished:
    """Refine, compensate, re-estimate, cut, check and measure one selection.

    Arguments:
        subject: the network, its task and its channels.
        problem: that the selection is of.
        method: how.
        selection: where it starts.
        seed: of everything random.
        body: that has made this mask already; a new one unless given.
        notes: of the selection, that come before those of the network.
    """
    started = time.monotonic()
    how = method.method
    body = body_of(subject, method) if body is None else body
    evaluations = 0
    if method.refiner is not None:
        refined = refine(Races(body.evaluator), problem, selection.bits, method.refiner, seed=seed)
        evaluations = refined.evaluations
        selection = _refined(problem, selection, refined)
    made = body.made(selection.bits == 0, compensated=how.compensated)
    slim, recovered = made.network, None
    if method.recovery is not None:
        again = recover(slim, subject.network, subject.task, method.recovery, seed=seed)
        provenance = {**selection.provenance, "recovery": again.to_json()}
        selection, slim = replace(selection, provenance=provenance), again.network
        recovered = body.evaluator.slim(slim)
    return Finished(
        method=method,
        selection=selection,
        network=slim.eval(),
        metric=made.metric,
        metric_compensated=made.metric_compensated,
        metric_recovered=recovered,
        batch_norm=made.batch_norm,
        fitted=made.fitted,
        evaluations=evaluations,
        seconds=selection.seconds + time.monotonic() - started,
        notes=(*notes, *made.notes),
    )


@dataclass(frozen=True, eq=False)
class Made:
    """The network that a mask leaves and what it is worth; see ``Row`` for the numbers."""

    network: nn.Module
    metric: float
    metric_compensated: float | None
    batch_norm: bool
    fitted: bool
    notes: tuple[str, ...]


class Body:
    """A network under the knife: every mask of it is cut, checked and measured the same way.

    Arguments:
        subject: the network, its task and its channels.
        ridge: of the compensation.
        fit_batches: that it is fitted on, first of calibration and then unlabelled; None: all of
            calibration, and unlabelled ones to ``FIT_SAMPLES`` samples in all.
    """

    def __init__(self, subject: Subject, *, ridge: float, fit_batches: int | None) -> None:
        self.subject, self.ridge, self.fit_batches = subject, ridge, fit_batches
        task, network = subject.task, subject.network
        self.calls = _Calls(task, network)
        most = FIT_SAMPLES if fit_batches is None else inf
        self.all_calls = self.calls if task.unlabelled is None else _Calls(task, network, most)
        self._known: dict[tuple[bytes, bool, _Calls], Made] = {}
        self.evaluator = Evaluator(
            subject.network,
            subject.channels,
            subject.task,
            compensate=lambda keep: self._compensate(keep).network,
        )

    def made(self, keep: Keep, *, compensated: bool) -> Made:
        """Cut, check and measure what a mask leaves.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.
            compensated: fit the layers again that read what goes, where that helps.

        Raises:
            NetworkError: a layer would be empty.
        """
        return self._made_with(self.all_calls, keep, compensated)

    def worth(self, keep: Keep, *, compensated: bool) -> float:
        """The metric of what a mask leaves, on the selection split.

        It is there to compare masks: all are fitted to the same, the calibration inputs alone,
        which takes a fraction of the time that ``made`` does.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.
            compensated: as in ``made``.
        """
        made = self._made_with(self.calls, keep, compensated)
        return self.evaluator.slim(made.network, "selection")

    def _made_with(self, calls: _Calls, keep: Keep, compensated: bool) -> Made:
        key = (np.packbits(keep).tobytes(), compensated, calls if compensated else self.calls)
        if key not in self._known:
            self._known[key] = self._made(keep, compensated, calls)
        return self._known[key]

    def fitted(self, keep: Keep) -> nn.Module:
        """The compensated network in the dense shape, to be measured with a mask.

        Channels that are gone are re-fitted too.
        """
        return self._compensate(keep, every_output=True).network

    def _made(self, keep: Keep, compensated: bool, calls: _Calls) -> Made:
        network, channels, call = self.subject.network, self.subject.channels, self.calls.first
        plain = cut(network, channels, keep)
        check_cut(network, channels, keep, plain, call)
        metric = self.evaluator.slim(plain)
        if not compensated:
            return Made(plain, metric, None, False, False, ())
        done = self._compensate(keep, calls)
        notes = tuple(f"not re-fitted: {path}: {reason}" for path, reason in done.stands)
        small = cut(done.network, channels, keep)
        check_cut(done.network, channels, keep, small, call)
        slim, fitted, batch_norm = _best(self.evaluator, plain, small, self.calls)
        value = metric if slim is plain else self.evaluator.slim(slim)
        return Made(slim, metric, value, batch_norm, fitted, notes)

    def _compensate(self, keep: Keep, calls: _Calls | None = None, **more: bool) -> Compensation:
        return fit(
            self.subject.network,
            self.subject.channels,
            keep,
            self.calls if calls is None else calls,
            ridge=self.ridge,
            fit_batches=self.fit_batches,
            **more,
        )


def body_of(subject: Subject, method: Resolved) -> Body:
    """The body that a method compensates in."""
    return Body(subject, ridge=method.method.ridge, fit_batches=method.method.fit_batches)


class _Calls:
    """The calibration inputs, as often as they are asked for, and unlabelled ones behind them.

    Arguments:
        task: whose they are.
        network: on whose device they are.
        most: so many samples; behind those of calibration, which are always all there, unlabelled
            batches are added while there are fewer.
    """

    def __init__(self, task: Task, network: nn.Module, most: float = 0) -> None:
        self.task, self.device, self.most = task, device_of(network), most

    def __iter__(self) -> Iterator[Call]:
        seen = 0
        for batch in self.task.batches("calibration", self.device):
            seen += batch.call.size
            yield batch.call
        if seen >= self.most:
            return
        for batch in self.task.batches("unlabelled", self.device):
            seen += batch.call.size
            yield batch.call
            if seen >= self.most:
                return

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
