"""From a selection to a network: refined, compensated, cut, checked, measured."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from torch import nn

from secateur.methods.resolved import Resolved
from secateur.metric import Evaluator, Keep
from secateur.network import Call
from secateur.network.device import device_of
from secateur.problem import Problem
from secateur.pruning.refining import refine_selection
from secateur.pruning.subject import Subject
from secateur.recover import recover
from secateur.solving import Selection
from secateur.surgery import check_cut, cut, reestimate_batch_norm
from secateur.surgery.compensation import Compensation, fit
from secateur.surgery.compensation.stored import Stored
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
        selection, evaluations, told = refine_selection(body, problem, method, selection, seed=seed)
        notes = (*notes, *told)
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
        fit_batches: that it is fitted on; None: all.
    """

    def __init__(self, subject: Subject, *, ridge: float, fit_batches: int | None) -> None:
        self.subject, self.ridge, self.fit_batches = subject, ridge, fit_batches
        self.calls = _Calls(subject.task, subject.network)
        self._known: dict[tuple[bytes, bool], Made] = {}
        self.evaluator = Evaluator(
            subject.network,
            subject.channels,
            subject.task,
            compensate=lambda keep: self._compensate(keep).network,
        )

    @cached_property
    def quick(self) -> Stored:
        """Compensates masks quickly, for a search."""
        subject = self.subject
        return Stored(
            subject.network,
            subject.channels,
            self.calls,
            ridge=self.ridge,
            fit_batches=self.fit_batches,
        )

    def made(self, keep: Keep, *, compensated: bool) -> Made:
        """Cut, check and measure what a mask leaves.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.
            compensated: fit the layers again that read what goes, where that helps.

        Raises:
            NetworkError: a layer would be empty.
        """
        key = (np.packbits(keep).tobytes(), compensated)
        if key not in self._known:
            self._known[key] = self._made(keep, compensated)
        return self._known[key]

    def worth(self, keep: Keep, *, compensated: bool) -> float:
        """The metric of what a mask leaves, on the selection split.

        Arguments:
            keep: the channels that stay, shape ``(n,)``.
            compensated: as in ``made``.
        """
        made = self.made(keep, compensated=compensated)
        return self.evaluator.slim(made.network, "selection")

    def fitted(self, keep: Keep) -> nn.Module:
        """The compensated network in the dense shape, to be measured with a mask.

        Channels that are gone are re-fitted too.
        """
        return self._compensate(keep, every_output=True).network

    def _made(self, keep: Keep, compensated: bool) -> Made:
        network, channels, call = self.subject.network, self.subject.channels, self.calls.first
        plain = cut(network, channels, keep)
        check_cut(network, channels, keep, plain, call)
        metric = self.evaluator.slim(plain)
        if not compensated:
            return Made(plain, metric, None, False, False, ())
        done = self._compensate(keep)
        notes = tuple(f"not re-fitted: {path}: {reason}" for path, reason in done.stands)
        small = cut(done.network, channels, keep)
        check_cut(done.network, channels, keep, small, call)
        slim, fitted, batch_norm = _best(self.evaluator, plain, small, self.calls)
        value = metric if slim is plain else self.evaluator.slim(slim)
        return Made(slim, metric, value, batch_norm, fitted, notes)

    def _compensate(self, keep: Keep, **more: bool) -> Compensation:
        return fit(
            self.subject.network,
            self.subject.channels,
            keep,
            self.calls,
            ridge=self.ridge,
            fit_batches=self.fit_batches,
            **more,
        )


def body_of(subject: Subject, method: Resolved) -> Body:
    """The body that a method compensates in."""
    return Body(subject, ridge=method.method.ridge, fit_batches=method.method.fit_batches)


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
