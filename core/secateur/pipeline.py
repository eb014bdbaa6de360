"""The short door: from a trained network and a task to a smaller network, in one call.

Everything that can be decided without data is decided before the network is run; everything that
can be decided without its statistics, before those are measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from secateur.faults import named
from secateur.limits import refuse_twice
from secateur.measured import many_methods, measure_subject, one_method
from secateur.methods import Method
from secateur.methods.keywords import measuring_of, split, wanted_of
from secateur.methods.measuring import Measuring
from secateur.methods.resolved import Resolved
from secateur.methods.wanted import Wanted
from secateur.misplaced import as_methods, refuse_amount
from secateur.network import Amount
from secateur.network.door import differentiable
from secateur.pruning.running import prepare
from secateur.pruning.subject import Prunable, look_at
from secateur.result import PruningResult
from secateur.statistics.preserved import preserved_rng
from secateur.tasks import Task

if TYPE_CHECKING:
    from typing import Unpack

    from secateur.methods.keywords import MeasuringAndPruning, MeasuringAndWanted


def prune(
    network: Prunable,
    task: Task,
    method: Method | str | None = None,
    *,
    amount: Amount | None = None,
    budget: Mapping[str, Amount] | None = None,
    **settings: Unpack[MeasuringAndPruning],
) -> PruningResult:
    """Make a trained network smaller by exactly the channels asked for, or to a budget.

    ``network`` itself is not changed; the smaller one is ``result.network``. To prune by several
    amounts or methods, ``measure`` once and prune what it gives.

    Arguments:
        network: a trained ``nn.Module``, a result or what ``load_pruned`` gives; see ``measure``.
        task: its data, loss and metric.
        method: a ``Method``, or the name of an objective; or its fields one by one:
            ``objective="residual", backend="annealing", options={"reads": 50}, refine="tt"``;
            ``objective="auto"`` for the best of a few on the selection split; ``rounds=3`` to
            measure again on the way.
        amount: what goes: 36, 0.36 or "36%" of the channels.
        budget: what may stay at most, {"macs": 0.5}, by "params", "macs" or "time": a share of the
            dense network's, or absolute (200_000, "4 ms"). A time is predicted from about 20
            random networks, measured in a fresh process in the first of ``runtimes``, and corrected
            once.
        settings: further fields of ``Method``; of ``Wanted``: ``minimum``, ``maximum`` (channels
            that layers keep, {"layer1.*": 8}), ``multiple``, ``constraints`` (of your own, over
            channels), ``runtimes``; and of ``Measuring``:
            ``tied``, ``norm_over``, ``ignored``, ``probes``, ``seed``, ``measure_batches``.

    Raises:
        SecateurError: with the value that is wrong and what to do; see ``secateur.errors``.
    """
    refuse_amount(method, "method")
    measured, asked, fields = split(settings, Measuring, Wanted, Method)
    measuring = measuring_of(measured)
    wanted = wanted_of({"amount": amount, "budget": budget, **asked})
    return _run(network, task, measuring, wanted, [one_method(method, fields)])


def compare(
    network: Prunable,
    task: Task,
    methods: Iterable[Method | str] | None = None,
    *,
    amount: Amount | None = None,
    budget: Mapping[str, Amount] | None = None,
    **settings: Unpack[MeasuringAndWanted],
) -> PruningResult:
    """Prune the same amount by several methods on the same statistics; return the last one's.

    Its rows are those of all methods. For several amounts, see ``Measured.compare``.

    Arguments:
        network: as in ``prune``.
        task: as in ``prune``.
        methods: in the order of the table; ``standard_methods()`` unless given.
        amount: as in ``prune``.
        budget: as in ``prune``.
        settings: of ``Measuring`` and ``Wanted``, as in ``prune``.

    Raises:
        SecateurError: with the value that is wrong and what to do; see ``secateur.errors``.
    """
    given = None if methods is None else as_methods(methods, "amount")
    measured, asked = split(settings, Measuring, Wanted)
    measuring = measuring_of(measured)
    wanted = wanted_of({"amount": amount, "budget": budget, **asked})
    return _run(network, task, measuring, wanted, many_methods(given, "amount"))


@named
@differentiable
def _run(
    network: Prunable,
    task: Task,
    measuring: Measuring,
    wanted: Wanted,
    methods: Sequence[Resolved],
) -> PruningResult:
    for method in methods:
        refuse_twice(method.method.options or {}, seed=measuring.seed)
    if any(method.objective.needs_across_groups for method in methods):
        measuring = replace(measuring, across_groups=True)
    with preserved_rng(measuring.seed):
        subject = look_at(network, task, measuring)
        job = prepare(subject, [wanted], methods, measuring.seed)
        return measure_subject(subject).finished(job).last
