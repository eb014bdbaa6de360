"""The main job: from a trained network and a task to a smaller network."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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
from secateur.network import Amount, Channels, GatedNetwork, count_of, find_channels
from secateur.network.call import Call
from secateur.network.door import check_call, differentiable, unwrap
from secateur.network.graph import evaluation_mode
from secateur.problem import Problem
from secateur.qubo import Objective
from secateur.refine import Evaluator, Refined, Refinement, refine
from secateur.result import PruningResult, Row
from secateur.solving import AUTO, CONTROL, Selection
from secateur.statistics import collect_statistics, reliability
from secateur.surgery import (
    compensate,
    count_macs,
    count_parameters,
    measure_latency,
    reestimate_batch_norm,
    slim,
)
from secateur.tasks import Split, Task, check_task


def prune(
    network: nn.Module,
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
    objective_options: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    time_limit: float | None = None,
) -> PruningResult:
    """Make a trained network smaller by exactly the channels asked for.

    ``network`` itself is not changed; the smaller one is ``result.network``.

    Arguments:
        network: a trained ``nn.Module`` that ``torch.fx`` can trace; wrappers (``DataParallel``,
            ``torch.compile``) are taken off and parametrizations (weight norm) baked, see
            ``result.notes``.
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
        objective_options: of the objective, {"similarity_weight": 0.3} for "hybrid".
        options: of the backend.
        time_limit: seconds for the whole search of a method.

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
        time_limit=time_limit,
    )


@differentiable
def compare(
    network: nn.Module,
    task: Task,
    *,
    amount: Amount,
    methods: Sequence[Method] | None = None,
    seed: int = 0,
    ignored: Iterable[str] = (),
    probes: int = 20,
    compensated: bool = True,
    time_limit: float | None = None,
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
        time_limit: as in ``prune``.

    Raises:
        SecateurError: with the value that is wrong and what to do; see ``secateur.errors``.
    """
    methods = tuple(standard_methods() if methods is None else methods)
    for method in methods:
        check_method(method)
    check_task(task)
    network, notes = unwrap(network)
    example = task.example(_device(network))
    check_call(network, example)
    channels = find_channels(network, example, ignored=ignored)
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
            _finish(network, task, channels, problem, method, selection, seed, compensated, example)
        )
    last = finished[-1]
    return PruningResult(
        network=last.network,
        selection=last.selection,
        rows=_rows(network, task, channels, example, finished),
        task=task,
        channels=channels,
        statistics=statistics,
        seed=seed,
        reliability=reliability(statistics) if probes else None,
        statistics_seconds=measured,
        notes=notes,
        settings={
            "amount": amount,
            "methods": [describe(method) for method in methods],
            "ignored": list(ignored),
            "probes": probes,
            "compensated": compensated,
            "time_limit": time_limit,
        },
    )


def evaluate(
    network: nn.Module,
    task: Task,
    channels: Channels | None = None,
    keep: NDArray[np.bool_] | None = None,
    split: Split = "test",
) -> float:
    """The mean metric of a network on a split; with ``keep``, of its masked form."""
    total, samples = 0.0, 0
    gated = None if channels is None or keep is None else GatedNetwork(network, channels)
    with torch.no_grad():
        for batch in task.batches(split, _device(network)):
            if gated is None or keep is None:
                outputs = _plain(network, batch.call)
            else:
                with gated.masked(keep):
                    outputs = gated(batch.call)
            values = task.metrics(outputs, batch.targets, size=batch.size)
            total += float(values.double().sum())
            samples += len(values)
    return total / samples


def _plain(network: nn.Module, call: Call) -> Any:
    with evaluation_mode(network):
        return network(*call.args, **call.kwargs)


@dataclass(frozen=True, eq=False)
class _Finished:
    method: Method
    selection: Selection
    network: nn.Module
    metric: float
    metric_compensated: float | None
    batch_norm: bool
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
    example: Call,
) -> _Finished:
    """Refine, compensate, re-estimate, cut and measure one selection."""
    started = time.monotonic()
    evaluations = 0
    if method.refine is not None:
        refined = refine(
            Evaluator(network, channels, task), problem, selection.bits, method.refine, seed=seed
        )
        evaluations = refined.evaluations
        selection = _refined(problem, selection, refined)
    keep = selection.bits == 0
    fitted, batch_norm = network, False
    if compensated:
        fitted = compensate(network, channels, keep, task)
        fitted, batch_norm = _with_batch_norm(fitted, channels, keep, task)
    seconds = selection.seconds + time.monotonic() - started
    return _Finished(
        method=method,
        selection=selection,
        network=slim(fitted, channels, keep, example),
        metric=evaluate(network, task, channels, keep),
        metric_compensated=evaluate(fitted, task, channels, keep) if compensated else None,
        batch_norm=batch_norm,
        evaluations=evaluations,
        seconds=seconds,
    )


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


def _with_batch_norm(
    network: nn.Module, channels: Channels, keep: NDArray[np.bool_], task: Task
) -> tuple[nn.Module, bool]:
    """The network with batch norm re-estimated, if the selection split says that it helps."""
    candidate = reestimate_batch_norm(network, channels, keep, task)
    sign = 1.0 if task.higher_is_better else -1.0
    before, after = (
        sign * evaluate(net, task, channels, keep, "selection") for net in (network, candidate)
    )
    return (candidate, True) if after > before else (network, False)


def _rows(
    network: nn.Module,
    task: Task,
    channels: Channels,
    example: Call,
    finished: Sequence[_Finished],
) -> tuple[Row, ...]:
    """The table; all latencies are measured in one interleaved run, so their ratios are fair."""
    networks = {"dense": network} | {str(k): done.network for k, done in enumerate(finished)}
    latency = measure_latency(networks, example)
    n = len(channels)
    dense_metric = evaluate(network, task)

    def row(key: str, **about: Any) -> Row:
        took = latency[key]
        return Row(
            parameters=count_parameters(networks[key]),
            macs=count_macs(networks[key], example),
            latency_ms=took.median_ms,
            latency_quartiles_ms=(took.low_ms, took.high_ms),
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
                energy=None if done.method.objective == RANDOM else done.selection.energy,
                evaluations=done.evaluations,
                proof="no QUBO" if done.method.objective == RANDOM else done.selection.proof,
            )
        )
    return tuple(rows)


def _device(network: nn.Module) -> torch.device:
    return next((p.device for p in network.parameters()), torch.device("cpu"))
