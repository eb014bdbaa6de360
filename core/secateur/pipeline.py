"""The main job: from a trained network and a task to a smaller network."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from torch import nn

from secateur.backends import Backend, Status
from secateur.methods import (
    RANDOM,
    Method,
    check_method,
    choose,
    describe,
    make_problem,
    same_choice,
    standard_methods,
)
from secateur.metric import device_of, evaluate
from secateur.network import Amount, Call, Channels, count_of, find_channels
from secateur.network.door import check_call, differentiable, unwrap
from secateur.network.labels import Origin
from secateur.problem import Problem
from secateur.qubo import Objective
from secateur.refine import Evaluator, Refined, Refinement, refine
from secateur.result import PruningResult, Row
from secateur.solving import AUTO, CONTROL, Selection
from secateur.statistics import collect_statistics, reliability
from secateur.surgery import (
    check_cut,
    compensate,
    count_macs,
    count_parameters,
    cut,
    reestimate_batch_norm,
)
from secateur.surgery.save import Pruned
from secateur.surgery.speed import EAGER, measure_speed
from secateur.tasks import Task, check_task

NormOver = Literal["all", "kept"]
TIMING = 0.3
"""Seconds a network and runtime."""


def prune(
    network: nn.Module | PruningResult | Pruned,
    task: Task,
    *,
    amount: Amount,
    objective: str | Objective = "fisher",
    backend: str | type[Backend] | Backend = AUTO,
    refine: Refinement | None = None,
    seed: int = 0,
    ignored: Iterable[str] = (),
    probes: int = 20,
    compensated: bool = True,
    tied: bool = True,
    norm_over: NormOver = "all",
    objective_options: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    time_limit: float | None = None,
    runtimes: Sequence[str] = (EAGER,),
) -> PruningResult:
    """Make a trained network smaller by exactly the channels asked for.

    ``network`` itself is not changed; the smaller one is ``result.network``.

    Arguments:
        network: a trained ``nn.Module``; its own forward is run, not traced. Wrappers
            (``DataParallel``, ``torch.compile``) are taken off and parametrizations (weight norm)
            baked: ``result.notes`` says so. A result, or what ``load_pruned`` gives, is pruned once
            more; labels are those of the dense network.
        task: its data, loss and metric.
        amount: 0.36 or "36%" of the channels, or a count.
        objective: "fisher", "residual", "hybrid", "taylor", "l1", or your own function from
            ``ChannelStatistics`` to a ``dimod.BinaryQuadraticModel``.
        backend: a solver's name (``secateur backends`` lists them), "greedy" for the control, or
            "auto": exact by blocks where that can be had, with annealing beside it.
        refine: ``TensorTrain(evaluations=500)`` to go on with the true metric, or ``Exchange``.
        seed: of everything random.
        ignored: module paths that stay whole.
        probes: Fisher probes a calibration sample.
        compensated: re-fit the layers that read pruned channels.
        tied: filters whose outputs are added up leave together, and the network that comes out has
            plain widths; otherwise each goes by itself, and a module behind it puts the others in
            place, which takes time.
        norm_over: "all": channels under a LayerNorm, a softmax or a mean over them stay; "kept":
            they go, and the statistic is taken over those that are kept.
        objective_options: of the objective, {"similarity_weight": 0.3} for "hybrid".
        options: of the backend.
        time_limit: seconds for the whole search of a method.
        runtimes: where time is measured: "eager" (PyTorch), "onnxruntime".

    Raises:
        SecateurError: with the value that is wrong and what to do; see ``secateur.errors``.
    """
    name = objective if isinstance(objective, str) else getattr(objective, "__name__", "own")
    method = Method(
        f"{name}+{refine.short_name}" if refine else name,
        objective,
        CONTROL if objective == RANDOM else backend,
        refine,
        objective_options or {},
        options or {},
    )
    return compare(
        network,
        task,
        amount=amount,
        methods=(method,),
        seed=seed,
        ignored=ignored,
        probes=probes,
        compensated=compensated,
        tied=tied,
        norm_over=norm_over,
        time_limit=time_limit,
        runtimes=runtimes,
    )


@differentiable
def compare(
    network: nn.Module | PruningResult | Pruned,
    task: Task,
    *,
    amount: Amount,
    methods: Sequence[Method] | None = None,
    seed: int = 0,
    ignored: Iterable[str] = (),
    probes: int = 20,
    compensated: bool = True,
    tied: bool = True,
    norm_over: NormOver = "all",
    time_limit: float | None = None,
    runtimes: Sequence[str] = (EAGER,),
) -> PruningResult:
    """Prune the same amount by several methods on the same statistics; return the last one's.

    Arguments:
        network: as in ``prune``.
        task: as in ``prune``.
        amount: as in ``prune``.
        methods: in the order of the table; ``standard_methods()`` unless given.
        seed: as in ``prune``; the same for every method.
        ignored: as in ``prune``.
        probes: as in ``prune``.
        compensated: as in ``prune``.
        tied: as in ``prune``.
        norm_over: as in ``prune``.
        time_limit: as in ``prune``.
        runtimes: as in ``prune``.

    Raises:
        SecateurError: with the value that is wrong and what to do; see ``secateur.errors``.
    """
    methods = tuple(standard_methods() if methods is None else methods)
    for method in methods:
        check_method(method)
    check_task(task)
    given, origin = _bare(network)
    network, notes = unwrap(given)
    example = task.example(device_of(network))
    check_call(network, example)
    channels = find_channels(
        network, example, ignored=ignored, tied=tied, norm_over=norm_over, seed=seed
    )
    if origin is not None:
        channels = origin.named(channels)
    count = count_of(amount, channels)
    started = time.monotonic()
    statistics = collect_statistics(network, task, channels, probes=probes, seed=seed)
    measured = time.monotonic() - started
    finished: list[_Finished] = []
    chosen: dict[int, Selection] = {}
    for number, method in enumerate(methods):
        problem = make_problem(statistics, method, count)
        # a refinement starts from the very selection that is shown beside it
        same = next((k for k in chosen if same_choice(methods[k], method)), None)
        selection = choose(problem, method, seed, time_limit) if same is None else chosen[same]
        chosen[number] = selection
        finished.append(
            _finish(network, task, channels, problem, method, selection, seed, compensated)
        )
    last = finished[-1]
    keep = last.selection.bits == 0
    rows, untimed = _rows(network, task, channels, example, finished, runtimes)
    return PruningResult(
        network=last.network.eval(),
        selection=last.selection,
        rows=rows,
        task=task,
        channels=channels,
        statistics=statistics,
        seed=seed,
        reliability=reliability(statistics) if probes else None,
        statistics_seconds=measured,
        notes=(*notes, *channels.notes),
        settings={
            "amount": amount,
            "methods": [describe(method) for method in methods],
            "ignored": list(ignored),
            "probes": probes,
            "compensated": compensated,
            "tied": tied,
            "norm_over": norm_over,
            "time_limit": time_limit,
        },
        origin=Origin(channels, keep) if origin is None else origin.then(channels, keep),
        untimed=untimed,
    )


def _bare(given: Any) -> tuple[nn.Module, Origin | None]:
    """The network, and what it is left of."""
    if isinstance(given, (PruningResult, Pruned)):
        return given.network, given.origin
    return given, None


@dataclass(frozen=True, eq=False)
class _Finished:
    method: Method
    selection: Selection
    network: nn.Module
    metric: float
    metric_compensated: float | None
    batch_norm: bool
    fitted: bool
    evaluations: int
    seconds: float


def _finish(
    network: nn.Module,
    task: Task,
    channels: Channels,
    problem: Problem,
    method: Method,
    selection: Selection,
    seed: int,
    compensated: bool,
) -> _Finished:
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
    if compensated:
        copied = compensate(network, channels, keep, _calls(task, network))
        small = cut(copied, channels, keep)
        check_cut(copied, channels, keep, small, call)
        slim, fitted, batch_norm = _best(task, plain, small, _calls(task, network))
    return _Finished(
        method=method,
        selection=selection,
        network=slim,
        metric=metric,
        metric_compensated=evaluate(slim, task) if compensated else None,
        batch_norm=batch_norm,
        fitted=fitted,
        evaluations=evaluations,
        seconds=selection.seconds + time.monotonic() - started,
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


def _rows(
    network: nn.Module,
    task: Task,
    channels: Channels,
    example: Call,
    finished: Sequence[_Finished],
    runtimes: Sequence[str],
) -> tuple[tuple[Row, ...], Mapping[str, str]]:
    """The table, and why times are missing; the networks take turns, so their ratios are fair."""
    networks = {"dense": network} | {str(k): done.network for k, done in enumerate(finished)}
    speed = measure_speed(networks, example, where=runtimes, seconds=TIMING * len(networks))
    n = len(channels)
    dense_metric = evaluate(network, task)

    def row(key: str, **about: Any) -> Row:
        return Row(
            parameters=count_parameters(networks[key]),
            macs=count_macs(networks[key], example),
            times_ms={name: 1e3 * times.best(key) for name, times in speed.times.items()},
            speedups={}
            if key == "dense"
            else {name: times.speedup(key) for name, times in speed.times.items()},
            **about,
        )

    rows = [
        row(
            "dense",
            method="dense",
            amount=0.0,
            pruned=0,
            channels=n,
            metric=dense_metric,
            metric_compensated=dense_metric,
            seconds=0.0,
        )
    ]
    for k, done in enumerate(finished):
        pruned = done.selection.count
        rows.append(
            row(
                str(k),
                method=done.method.name,
                amount=pruned / n,
                pruned=pruned,
                channels=n - pruned,
                metric=done.metric,
                metric_compensated=done.metric_compensated,
                seconds=done.seconds,
                batch_norm=done.batch_norm,
                fitted=done.fitted,
                energy=None if done.method.objective == RANDOM else done.selection.energy,
                evaluations=done.evaluations,
                proof="no QUBO" if done.method.objective == RANDOM else done.selection.proof,
            )
        )
    return tuple(rows), speed.missing
