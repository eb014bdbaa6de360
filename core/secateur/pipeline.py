"""The main job: from a trained network and a task to a smaller network."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from torch import nn

from secateur.backends import Backend
from secateur.finishing import Finished, finish
from secateur.methods import (
    RANDOM,
    Method,
    check_method,
    describe,
    same_choice,
    standard_methods,
)
from secateur.metric import device_of, evaluate
from secateur.network import Amount, Call, Channels, find_channels
from secateur.network.door import check_call, differentiable, unwrap
from secateur.network.labels import Origin
from secateur.problem import Problem
from secateur.qubo import Objective
from secateur.refine import Refinement
from secateur.result import PruningResult, Row
from secateur.solving import AUTO, CONTROL, Selection
from secateur.statistics import collect_statistics, reliability
from secateur.statistics.preserved import undisturbed
from secateur.surgery import count_macs, count_parameters
from secateur.surgery.save import Pruned
from secateur.surgery.speed import EAGER, measure_speed
from secateur.tasks import Task, check_task
from secateur.wanted import Planner, Wanted

NormOver = Literal["all", "kept"]
TIMING = 0.3
"""Seconds a network and runtime."""


def prune(
    network: nn.Module | PruningResult | Pruned,
    task: Task,
    *,
    amount: Amount | None = None,
    budget: Mapping[str, Amount] | None = None,
    minimum: Mapping[str, Amount] | None = None,
    maximum: Mapping[str, Amount] | None = None,
    multiple: int | Literal["device"] | None = None,
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
    measure_batches: int | None = None,
    fit_batches: int | None = None,
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
        amount: what goes: 0.36 or "36%" of the channels, or a count.
        budget: what may stay at most, {"macs": 0.5}, by "params", "macs" or "time": a share of the
            dense network's, or absolute (200_000, "4 ms"). A time is predicted from about 20
            random networks, measured in a fresh process in the first of ``runtimes``, and corrected
            once.
        minimum: channels that a layer keeps at least, {"layer1.*": 8}: a count or a share.
        maximum: channels that a layer keeps at most.
        multiple: widths are multiples of it, or as they were; 16 where a time is asked for;
            "device": the step of this machine's kernels, which is measured.
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
        measure_batches: so many of the calibration batches are measured on; all unless given.
        fit_batches: so many of them are used to re-fit; all unless given. Data that are too many
            to measure on are still worth fitting to.
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
        budget=budget,
        minimum=minimum,
        maximum=maximum,
        multiple=multiple,
        methods=(method,),
        seed=seed,
        ignored=ignored,
        probes=probes,
        compensated=compensated,
        tied=tied,
        norm_over=norm_over,
        time_limit=time_limit,
        measure_batches=measure_batches,
        fit_batches=fit_batches,
        runtimes=runtimes,
    )


@differentiable
@undisturbed
def compare(
    network: nn.Module | PruningResult | Pruned,
    task: Task,
    *,
    amount: Amount | None = None,
    budget: Mapping[str, Amount] | None = None,
    minimum: Mapping[str, Amount] | None = None,
    maximum: Mapping[str, Amount] | None = None,
    multiple: int | Literal["device"] | None = None,
    methods: Sequence[Method] | None = None,
    seed: int = 0,
    ignored: Iterable[str] = (),
    probes: int = 20,
    compensated: bool = True,
    tied: bool = True,
    norm_over: NormOver = "all",
    time_limit: float | None = None,
    measure_batches: int | None = None,
    fit_batches: int | None = None,
    runtimes: Sequence[str] = (EAGER,),
) -> PruningResult:
    """Prune the same amount by several methods on the same statistics; return the last one's.

    Arguments:
        network: as in ``prune``.
        task: as in ``prune``.
        amount: as in ``prune``.
        budget: as in ``prune``.
        minimum: as in ``prune``.
        maximum: as in ``prune``.
        multiple: as in ``prune``.
        methods: in the order of the table; ``standard_methods()`` unless given.
        seed: as in ``prune``; the same for every method.
        ignored: as in ``prune``.
        probes: as in ``prune``.
        compensated: as in ``prune``.
        tied: as in ``prune``.
        norm_over: as in ``prune``.
        time_limit: as in ``prune``.
        measure_batches: as in ``prune``.
        fit_batches: as in ``prune``.
        runtimes: as in ``prune``.

    Raises:
        SecateurError: with the value that is wrong and what to do; see ``secateur.errors``.
    """
    wanted = Wanted(
        amount, budget or {}, minimum or {}, maximum or {}, multiple, [*runtimes, EAGER][0]
    ).checked()
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
    planner = Planner(wanted, network, channels, example, seed, time_limit)
    started = time.monotonic()
    statistics = collect_statistics(
        network,
        task,
        channels,
        probes=probes,
        seed=seed,
        batches=measure_batches,
        across_groups=any(one.objective_options.get("across_groups") is True for one in methods),
    )
    measured = time.monotonic() - started
    finished: list[Finished] = []
    chosen: dict[int, tuple[Problem, Selection]] = {}
    for number, method in enumerate(methods):
        # a refinement starts from the very selection that is shown beside it
        same = next((k for k in chosen if same_choice(methods[k], method)), None)
        chosen[number] = planner.select(statistics, method) if same is None else chosen[same]
        problem, selection = chosen[number]
        finished.append(
            finish(
                network,
                task,
                channels,
                problem,
                method,
                selection,
                seed=seed,
                compensated=compensated,
                fit_batches=fit_batches,
            )
        )
    last = finished[-1]
    keep = last.selection.bits == 0
    first = "dense" if origin is None else "before"
    rows, untimed = _rows(network, task, channels, example, finished, runtimes, first)
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
        notes=(*notes, *channels.notes, *last.notes),
        settings={
            **wanted.to_json(),
            "methods": [describe(method) for method in methods],
            "ignored": list(ignored),
            "probes": probes,
            "compensated": compensated,
            "tied": tied,
            "norm_over": norm_over,
            "time_limit": time_limit,
            "measure_batches": measure_batches,
            "fit_batches": fit_batches,
        },
        origin=Origin(channels, keep) if origin is None else origin.then(channels, keep),
        untimed=untimed,
    )


def _bare(given: Any) -> tuple[nn.Module, Origin | None]:
    """The network, and what it is left of."""
    if isinstance(given, (PruningResult, Pruned)):
        return given.network, given.origin
    return given, None


def _rows(
    network: nn.Module,
    task: Task,
    channels: Channels,
    example: Call,
    finished: Sequence[Finished],
    runtimes: Sequence[str],
    first: str,
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
            method=first,
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
