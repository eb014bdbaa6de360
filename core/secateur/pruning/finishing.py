"""From a selection to a network: refined, compensated, cut, checked, measured."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf

import numpy as np
from torch import nn

from secateur.methods.resolved import Resolved
from secateur.methods.ridge import RIDGES, Ridge
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

FIT_SAMPLES = 192
"""Samples that the last fit is given where nothing else is said, if there are unlabelled ones.

The curve is flat from there: on two denoisers at 50, 75 and 85 %, twice as many gave 0.01 dB at
most, for nearly twice the seconds (benchmarks/fit.py).
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
        selection, evaluations, told = refine_selection(body, problem, method, selection, seed=seed)
        notes = (*notes, *told)
    made = body.made(selection.bits == 0, compensated=how.compensated)
    selection, told = _with_ridge(selection, made, subject.task, method.name)
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
        notes=(*notes, *told, *made.notes),
    )


@dataclass(frozen=True, eq=False)
class Made:
    """The network that a mask leaves and what it is worth; see ``Row`` for the numbers.

    Arguments:
        ridge: that layers were fitted with; None where none was.
        ridges: what each ridge would give on the selection split, where one was chosen.
    """

    network: nn.Module
    metric: float
    metric_compensated: float | None
    batch_norm: bool
    fitted: bool
    notes: tuple[str, ...]
    ridge: float | None = None
    ridges: Mapping[float, float] = field(default_factory=dict)


class Body:
    """A network under the knife: every mask of it is cut, checked and measured the same way.

    Arguments:
        subject: the network, its task and its channels.
        ridge: of the compensation; "auto": ``made`` takes the best of ``RIDGES`` on the selection
            split, all else takes the first of them.
        fit_batches: that it is fitted on, first of calibration and then unlabelled; None: all of
            calibration, and unlabelled ones to ``FIT_SAMPLES`` samples in all.
    """

    def __init__(self, subject: Subject, *, ridge: Ridge, fit_batches: int | None) -> None:
        self.ridges = (ridge,) if isinstance(ridge, float | int) else RIDGES
        self.subject, self.ridge, self.fit_batches = subject, self.ridges[0], fit_batches
        task, network = subject.task, subject.network
        self.calls = _Calls(task, network)
        most = FIT_SAMPLES if fit_batches is None else inf
        self.all_calls = self.calls if task.unlabelled is None else _Calls(task, network, most)
        self._known: dict[tuple[bytes, bool, _Calls], Made] = {}
        self._chosen: dict[bytes, Made] = {}
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
        first = self._made_with(self.all_calls, keep, compensated)
        if len(self.ridges) == 1 or first.ridge is None:
            return first
        key = np.packbits(keep).tobytes()
        if key not in self._chosen:
            self._chosen[key] = self._best_ridge(keep, first)
        return self._chosen[key]

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
        if done.layers and self.fit_batches is not None and done.batches < self.fit_batches:
            notes += (
                f"fit_batches is {self.fit_batches}: there are {done.batches}, all were used",
            )
        slim, fitted, batch_norm = _best(self.evaluator, plain, self._slim(keep, done), self.calls)
        value = metric if slim is plain else self.evaluator.slim(slim)
        ridge = self.ridge if done.layers else None
        return Made(slim, metric, value, batch_norm, fitted, notes, ridge)

    def _best_ridge(self, keep: Keep, first: Made) -> Made:
        """The best on the selection split of what each ridge would give."""
        sign = 1.0 if self.subject.task.higher_is_better else -1.0
        plain = cut(self.subject.network, self.subject.channels, keep)
        best, ridges = first, {self.ridge: self.evaluator.slim(first.network, "selection")}
        most = sign * ridges[self.ridge]
        for ridge in self.ridges[1:]:
            small = self._slim(keep, self._compensate(keep, self.all_calls, ridge=ridge))
            slim, fitted, batch_norm = _best(self.evaluator, plain, small, self.calls)
            ridges[ridge] = self.evaluator.slim(slim, "selection")
            if fitted and sign * ridges[ridge] > most:
                most = sign * ridges[ridge]
                best = replace(best, network=slim, batch_norm=batch_norm, fitted=True, ridge=ridge)
        value = best.metric_compensated if best is first else self.evaluator.slim(best.network)
        return replace(best, metric_compensated=value, ridges=ridges)

    def _slim(self, keep: Keep, done: Compensation) -> nn.Module:
        """The cut of a compensated network, checked."""
        channels = self.subject.channels
        small = cut(done.network, channels, keep)
        check_cut(done.network, channels, keep, small, self.calls.first)
        return small

    def _compensate(
        self,
        keep: Keep,
        calls: _Calls | None = None,
        ridge: float | None = None,
        *,
        every_output: bool = False,
    ) -> Compensation:
        return fit(
            self.subject.network,
            self.subject.channels,
            keep,
            self.calls if calls is None else calls,
            ridge=self.ridge if ridge is None else ridge,
            fit_batches=self.fit_batches,
            every_output=every_output,
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


def _with_ridge(
    selection: Selection, made: Made, task: Task, name: str
) -> tuple[Selection, tuple[str, ...]]:
    """The selection with the ridge that was chosen for its fit, and what to say of that."""
    if not made.ridges:
        return selection, ()
    chosen = made.ridge if made.fitted else None
    values = ", ".join(f"{ridge:g} {value:.3f}" for ridge, value in made.ridges.items())
    where = f"({task.metric_name} on the selection split)"
    told = (
        "nothing re-fitted is better than the cut alone, with no ridge of"
        if chosen is None
        else f"ridge {chosen:g} is the best of"
    )
    about = {
        "chosen": chosen,
        "split": "selection",
        "metric": task.metric_name,
        "candidates": {f"{ridge:g}": value for ridge, value in made.ridges.items()},
    }
    provenance = {**selection.provenance, "ridge": about}
    return replace(selection, provenance=provenance), (f"{name}: {told} {values} {where}",)
