"""What was measured of a network, held: for many amounts and methods, now or from a folder."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dimod
import numpy as np
from numpy.typing import NDArray
from torch import nn

from secateur.errors import OptionError
from secateur.faults import named
from secateur.measured.describing import describe_measured
from secateur.measured.folder import load_measured, save_measured
from secateur.measured.landscape import curves_of
from secateur.measured.quality import Chosen, Quality, quality_of
from secateur.methods import Method, as_method, standard_methods
from secateur.methods.keywords import measuring_of, method_of, split, wanted_of
from secateur.methods.measuring import Measuring
from secateur.methods.resolved import Resolved, resolve
from secateur.methods.wanted import Wanted
from secateur.metric import evaluate
from secateur.misplaced import as_methods, refuse_amount
from secateur.network import Amount, Channels
from secateur.network.door import differentiable
from secateur.objectives import resolve_objective
from secateur.pruning.running import Comparison, Job, prepare, run
from secateur.pruning.subject import Prunable, Subject, look_at
from secateur.result import PruningResult
from secateur.solving import Quote
from secateur.statistics import ChannelStatistics, collect_statistics, reliability
from secateur.statistics.preserved import preserved_rng
from secateur.tasks import Task

if TYPE_CHECKING:
    from typing import Unpack

    from secateur.methods.keywords import MeasuringSettings, Pruning, WantedSettings


@dataclass(frozen=True, eq=False)
class Measured:
    """A network, its channels, and what the calibration data say of them.

    Made by ``secateur.measure``. Whatever is pruned from it shares one measuring.

    Arguments:
        subject: the network, its task and its channels.
        statistics: of every channel.
        seconds: that measuring took.
    """

    subject: Subject
    statistics: ChannelStatistics
    seconds: float

    @property
    def network(self) -> nn.Module:
        """The network that was measured, without wrappers."""
        return self.subject.network

    @property
    def task(self) -> Task:
        """What it is for."""
        return self.subject.task

    @property
    def channels(self) -> Channels:
        """Its channels."""
        return self.subject.channels

    @property
    def measuring(self) -> Measuring:
        """The settings that it was measured with."""
        return self.subject.measuring

    @cached_property
    @named
    def dense_metric(self) -> float:
        """The metric of the network on the test split; run when it is first asked for."""
        return evaluate(self.network, self.task)

    @property
    def reliability(self) -> float | None:
        """Split-half reliability of the Fisher couplings, from 0 to 1; None without probes."""
        return reliability(self.statistics) if self.measuring.probes else None

    def qubo(self, objective: Any = "fisher", **options: Any) -> dimod.BinaryQuadraticModel:
        """The QUBO of an objective, a standard BQM over the channels' labels.

        Arguments:
            objective: a name (``secateur objectives`` lists them), ``module:attribute``, an
                ``Objective`` or a function from statistics to a BQM.
            options: of the objective.

        Raises:
            OptionError: there is no such objective or option, or it needs what was not measured.
        """
        return resolve_objective(objective, options).qubo(self.statistics)

    def curves(
        self, objective: Any = "fisher", **options: Any
    ) -> Mapping[str, NDArray[np.float64]]:
        """What each group of channels would lose at each width, by name: ``curve[k]`` for k pruned.

        Arguments:
            objective: as in ``qubo``.
            options: of the objective.

        Returns:
            shape ``(size + 1,)`` each, in the objective's unit: the lowest energy found.
        """
        return curves_of(self.statistics, resolve_objective(objective, options))

    def prune(
        self,
        method: Method | str | None = None,
        *,
        amount: Amount | None = None,
        budget: Mapping[str, Amount] | None = None,
        seed: int | None = None,
        **settings: Unpack[Pruning],
    ) -> PruningResult:
        """Prune the network that was measured; it is not changed.

        Arguments:
            method: a ``Method``, or the name of an objective; or its fields one by one:
                ``objective="residual", backend="annealing", options={"reads": 50}``;
                ``objective="auto"`` for the best of a few on the selection split; ``rounds=3``
                to measure again on the way.
            amount: what goes: 36, 0.36 or "36%" of the channels.
            budget: what may stay at most, {"macs": 0.5}, by "params", "macs" or "time".
            seed: of everything random; that of the measuring unless given.
            settings: further fields of ``Method`` and of what is wanted: ``minimum``, ``maximum``,
                ``multiple``, ``constraints``, ``runtimes``.

        Raises:
            SecateurError: with the value that is wrong and what to do.
        """
        refuse_amount(method, "method")
        asked, fields = split(settings, Wanted, Method)
        wanted = wanted_of({"amount": amount, "budget": budget, **asked})
        return self._run([wanted], [one_method(method, fields)], seed).last

    @named
    @differentiable
    def evaluate(self, chosen: Chosen, *, compensated: bool = True, **fit: Any) -> Quality:
        """The metric of the network that a selection leaves, dense, masked and compensated.

        The numbers are those that ``prune`` reports of the same selection.

        Arguments:
            chosen: what is pruned: a ``Selection``, bits by label, bits of shape ``(n,)`` in the
                order of ``channels.labels``, or the labels alone.
            compensated: measure with compensation too, which costs a pass over the calibration
                data.
            fit: ``ridge`` and ``fit_batches``, as in ``Method``.

        Raises:
            NetworkError: a label that there is not, bits that are none, a layer that would be
                empty.
        """
        with preserved_rng(self.measuring.seed):
            return quality_of(
                self.subject, self.dense_metric, chosen, compensated=compensated, **fit
            )

    def price(
        self,
        method: Method | str | None = None,
        *,
        amount: Amount | None = None,
        budget: Mapping[str, Amount] | None = None,
        seed: int | None = None,
        **settings: Unpack[Pruning],
    ) -> Quote:
        """What ``prune`` with the same arguments would be charged; nothing is solved or sent.

        Arguments:
            method: as in ``prune``, and so are all others. A metered backend takes no budget of
                time: its problems would be others in every run.

        Raises:
            SecateurError: with the value that is wrong and what to do.
        """
        refuse_amount(method, "method")
        asked, fields = split(settings, Wanted, Method)
        wanted = wanted_of({"amount": amount, "budget": budget, **asked})
        resolved = one_method(method, fields)
        seed = self.measuring.seed if seed is None else measuring_of({"seed": seed}).seed
        with preserved_rng(seed):
            job = prepare(self.subject, [wanted], [resolved], seed)
            return job.planners[0].price(self.statistics, resolved)

    def compare(
        self,
        methods: Iterable[Method | str] | None = None,
        amounts: Amount | Wanted | Iterable[Amount | Wanted] = (),
        *,
        budget: Mapping[str, Amount] | None = None,
        seed: int | None = None,
        **settings: Unpack[WantedSettings],
    ) -> Comparison:
        """Prune by several methods, every one by each amount.

        Arguments:
            methods: ``Method`` objects or names of objectives; ``standard_methods()`` unless given.
            amounts: what goes, each 36, 0.36 or "36%" of the channels.
            budget: what may stay at most; instead of amounts or besides each.
            seed: of everything random, the same for every method; that of the measuring unless
                given.
            settings: ``minimum``, ``maximum``, ``multiple``, ``constraints``, ``runtimes``.

        Raises:
            SecateurError: with the value that is wrong and what to do. Where several methods are
                asked for and some fail, the others are told and the failures are in the notes.
        """
        some = None if methods is None else as_methods(methods, "amounts")
        given: list[Any] = (
            [amounts]
            if isinstance(amounts, (str, int, float, Wanted))
            else list(amounts) or [None]  # a budget says all
        )
        wanted = [
            one.checked()
            if isinstance(one, Wanted)
            else wanted_of({"amount": one, "budget": budget, **settings})
            for one in given
        ]
        return self._run(wanted, many_methods(some, "amounts"), seed)

    @named
    @differentiable
    def _run(
        self, wanted: Sequence[Wanted], methods: Sequence[Resolved], seed: int | None
    ) -> Comparison:
        seed = self.measuring.seed if seed is None else measuring_of({"seed": seed}).seed
        with preserved_rng(seed):
            return self.finished(prepare(self.subject, wanted, methods, seed))

    def finished(self, job: Job) -> Comparison:
        """What becomes of a job that was prepared on the same subject."""
        return run(
            self.subject,
            self.statistics,
            job,
            dense_metric=self.dense_metric,
            statistics_seconds=self.seconds,
        )

    def save(self, folder: Path | str) -> None:
        """Write what was measured to a new folder: ``measured.json``, ``statistics.safetensors``.

        Raises:
            FileError: the folder exists or cannot be written.
        """
        save_measured(folder, self.subject, self.statistics, self.seconds)

    @classmethod
    @named
    def load(cls, folder: Path | str, network: Prunable, task: Task) -> Measured:
        """What was measured of this very network with these very data.

        Arguments:
            folder: that was saved.
            network: with the weights that were measured; it is run once to find its channels.
            task: whose calibration data were measured on; they are read once, and compared.

        Raises:
            FileError: the folder is none, or damaged.
            StaleError: the weights, the data or the channels are others.
        """
        return cls(*load_measured(folder, network, task))

    def __str__(self) -> str:
        return describe_measured(self)


@named
@differentiable
def measure(network: Prunable, task: Task, **settings: Unpack[MeasuringSettings]) -> Measured:
    """Measure every channel of a network, once, for as many prunings as you like.

    ``network`` itself is not changed.

    Arguments:
        network: a trained ``nn.Module``; its own forward is run, not traced. Wrappers
            (``DataParallel``, ``torch.compile``) are taken off and parametrizations (weight norm)
            baked: the notes say so. A result, or what ``load_pruned`` gives, is pruned once more;
            labels are those of the dense network.
        task: its data, loss and metric.
        settings: see ``Measuring``: ``tied=True``, ``norm_over="all"``, ``ignored=()``,
            ``probes=20``, ``seed=0``, ``measure_batches=None``, ``across_groups=False``.

    Raises:
        SecateurError: with the value that is wrong and what to do; see ``secateur.errors``.
    """
    measuring = measuring_of(settings)

    with preserved_rng(measuring.seed):
        return measure_subject(look_at(network, task, measuring))


def measure_subject(subject: Subject) -> Measured:
    """Measure what was looked at.

    Arguments:
        subject: a network with its channels, task and settings, as ``Measured.subject`` holds
            it.

    Raises:
        SecateurError: as ``measure``.
    """
    measuring, started = subject.measuring, time.monotonic()
    statistics = collect_statistics(
        subject.network,
        subject.task,
        subject.channels,
        probes=measuring.probes,
        seed=measuring.seed,
        batches=measuring.measure_batches,
        across_groups=measuring.across_groups,
    )
    return Measured(subject, statistics, time.monotonic() - started)


def one_method(method: Method | str | None, fields: Mapping[str, Any]) -> Resolved:
    """The method that was given whole, or by its fields.

    Arguments:
        method: whole, or the name of an objective; None: all by its fields.
        fields: of ``Method``.

    Raises:
        OptionError: it is given both ways; or as ``resolve``.
    """
    if method is None:
        return resolve(method_of(fields))
    if fields and isinstance(method, Method):
        raise OptionError(
            f"a method is given, and {', '.join(fields)} besides",
            remedy="put them into the Method",
        )
    if isinstance(method, Method):
        return resolve(method)
    return resolve(method_of({"objective": method, **fields}))


def many_methods(
    methods: Iterable[Method | str] | None, argument: str = "amount"
) -> list[Resolved]:
    """Every method resolved, so that a typo in the last one costs nothing.

    Arguments:
        methods: whole, or names of objectives; None: the standard ones.
        argument: that takes amounts, for whoever gives them in the methods' place.

    Raises:
        OptionError: as ``resolve``; so is a ``BackendError``.
    """
    given = standard_methods() if methods is None else as_methods(methods, argument)
    return [resolve(as_method(one)) for one in given]
