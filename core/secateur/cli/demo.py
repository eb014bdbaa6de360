"""``secateur demo``: the whole job on a network that comes with secateur, at several amounts."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secateur.cli.common import print_json, say
from secateur.cli.help import Taught
from secateur.cli.shared import json_option, output_option, photos_option, seed_option
from secateur.errors import AmountError, SecateurError

if TYPE_CHECKING:
    from torch import nn

    from secateur.measured import Measured
    from secateur.methods import Method
    from secateur.report.curve import Curve
    from secateur.result import PruningResult

logger = logging.getLogger("secateur")
AMOUNTS = ("36%", "50%", "65%", "75%", "85%")
NETWORKS = ("small-halfunet", "chain", "halfunet")
STEPS, RATE, LOOKS = 300, 3e-3, 4
"""Of the recovery, so that all is done in two minutes: too few to try several rates."""
UNLABELLED = 256
"""Crops of the recovery, for the same reason: the dense network is run on all."""
FIT_BATCHES, BATCH = 6, 16
"""Of the final fits, for the same reason; crops in each."""


@click.command(
    cls=Taught,
    examples=["secateur demo", "secateur demo --amount 50% --amount 75% --output two"],
    page="tutorial/first",
)
@click.option(
    "--amount",
    "amounts",
    multiple=True,
    default=AMOUNTS,
    show_default=True,
    metavar="AMOUNT",
    help="What goes: 36%, 0.36 or a count of channels; may be given many times, a point of the "
    "curve each.",
)
@click.option(
    "--network",
    "name",
    type=click.Choice(NETWORKS),
    default=NETWORKS[0],
    show_default=True,
    help="small-halfunet, chain: every filter matters; halfunet: 36% go for nothing.",
)
@click.option(
    "--steps",
    type=click.IntRange(0, 1_000_000),
    default=STEPS,
    show_default=True,
    help="Of the recovery without labels; 0: none.",
)
@seed_option(0)
@photos_option
@output_option("A new folder for the results.", default=Path("secateur-demo"), show_default=True)
@json_option
def demo(
    amounts: tuple[str, ...],
    name: str,
    steps: int,
    seed: int,
    photos: Path | None,
    output: Path,
    as_json: bool,
) -> None:
    """Prune a trained denoiser by several methods and amounts, and show what each is worth.

    The networks were trained on photographs with simulated smartphone noise; the tables show PSNR
    on test photographs that neither training nor pruning has seen: with the channels removed and
    nothing else (masked), after the layers that read them were re-fitted without labels
    (compensated), and after some steps towards the dense network's outputs, without labels either
    (recovered). Every row comes as it is done; Ctrl-C keeps those that are there.

    The folder holds result.json, curve.csv, curve.png, curve.svg, and the recovered network of
    each amount in a folder of its own.
    """
    import secateur.zoo
    from secateur.methods.wanted import Wanted
    from secateur.report import try_output
    from secateur.tasks.denoising import denoising_task

    try_output(output)
    for amount in amounts:
        Wanted(amount=amount).checked()
    methods = _methods(steps)
    network: nn.Module = getattr(secateur.zoo, f"pretrained_{name.replace('-', '_')}")()
    task = denoising_task(photos, seed=seed, batch=BATCH, unlabelled=UNLABELLED)
    counts, measured = _measured(network, task, amounts, methods, seed)
    settings = {"network": name, "seed": seed, "steps": steps, "fit_batches": FIT_BATCHES}
    done = Done(measured, methods, output, settings, as_json)
    with done.kept():
        done.run(counts)


def _methods(steps: int) -> dict[str, Method]:
    """By role, in the order of the rows."""
    from secateur.methods import Method, resolve
    from secateur.report.curve import HYBRID, OURS, TAYLOR
    from secateur.solving import CONTROL

    # the first steps lose, the last ones win: it must not be stopped in between
    options = {"steps": steps, "learning_rate": RATE, "looks": LOOKS, "patience": LOOKS}
    recovery: dict[str, Any] = {"recover": "distil", "recover_options": options}
    methods = {
        TAYLOR: Method("taylor", CONTROL, fit_batches=FIT_BATCHES),
        HYBRID: Method("hybrid", fit_batches=FIT_BATCHES),
        OURS: Method(fit_batches=FIT_BATCHES, **(recovery if steps else {"recover": None})),
    }
    for method in methods.values():
        resolve(method)
    return methods


def _measured(
    network: nn.Module,
    task: Any,
    amounts: Sequence[str],
    methods: dict[str, Method],
    seed: int,
) -> tuple[list[int], Measured]:
    """The channels that each amount means, and what is measured once for all rows.

    Raises:
        AmountError: an amount that cannot be met, or two that are the same channels.
    """
    from secateur.measured import measure_subject
    from secateur.methods import Measuring, resolve
    from secateur.network import count_of
    from secateur.pruning.subject import look_at
    from secateur.statistics.preserved import preserved_rng

    across = any(resolve(method).objective.needs_across_groups for method in methods.values())
    measuring = Measuring(seed=seed, across_groups=across)
    with preserved_rng(seed):
        subject = look_at(network, task, measuring)
        counts = [count_of(amount, subject.channels) for amount in amounts]
        for number, count in enumerate(counts):
            if count in counts[:number]:
                first = amounts[counts.index(count)]
                raise AmountError(
                    f"the amounts {first!r} and {amounts[number]!r} are both {count} of "
                    f"{len(subject.channels)} channels",
                    remedy="give each point of the curve once",
                )
        return counts, measure_subject(subject)


@dataclass
class Done:
    """The rows that there are so far, told as they come.

    Arguments:
        measured: the network.
        methods: by role.
        output: a new folder.
        settings: for ``result.json``.
        as_json: nothing is told but ``result.json`` at the end.
    """

    measured: Measured
    methods: dict[str, Method]
    output: Path
    settings: dict[str, Any]
    as_json: bool
    curve: Curve | None = None
    results: dict[int, PruningResult] = field(default_factory=dict)

    def run(self, counts: Sequence[int]) -> None:
        """Every method at every amount; one that fails costs its row.

        Raises:
            SecateurError: all failed.
        """
        from secateur.report.curve import OURS, Printer

        measured, task = self.measured, self.measured.task
        self._say(
            f"{self.settings['network']}: {len(measured.channels)} channels, measured in "
            f"{measured.seconds:.1f} s; {task.metric_name} {measured.dense_metric:.2f} "
            f"{task.metric_unit}".rstrip()
            + "\n"
        )
        printer = Printer(task.metric_unit, self._longest())
        failed: list[SecateurError] = []
        for count in counts:
            for role, method in self.methods.items():
                try:
                    result = measured.prune(method, amount=count)
                except SecateurError as error:
                    logger.warning("%s failed at %d channels: %s", role, count, error)
                    failed.append(error)
                    continue
                first, row = self.curve is None, result.rows[-1]
                self.curve = self._with(result).with_row(role, row)
                if role == OURS:
                    self.results[count] = result
                if first:
                    self._say(printer.head(self.curve))
                self._say(printer.line(self.curve, role, row))
        if failed and self.curve is None:
            raise failed[0]

    def _with(self, result: PruningResult) -> Curve:
        from secateur.report.curve import Curve

        if self.curve is not None:
            return self.curve
        task = self.measured.task
        return Curve(result.rows[0], task.metric_name, task.metric_unit, {})

    def _longest(self) -> int:
        """Letters of the longest name that a row may have."""
        from secateur.methods import resolve
        from secateur.report.curve.shown import called

        names = []
        for role, method in self.methods.items():
            resolved = resolve(method)
            names.append(called(role, resolved.name))
            for one in resolved.candidates:
                floored = resolved.candidate(one.objective, 0.1)  # a share of two digits
                names.append(called(role, floored.name))
        return max(map(len, names))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Whatever ends the work, Ctrl-C too, what is done is told and written."""
        try:
            yield
        except BaseException:
            for fault in self._finish():
                say(f"{type(fault).__name__}: {fault}", err=True)
            raise
        faults = self._finish()
        for fault in faults[1:]:
            say(f"{type(fault).__name__}: {fault}", err=True)
        if faults:
            raise faults[0]

    def _finish(self) -> list[SecateurError]:
        """Tell the curve and write all of it; what went wrong."""
        from secateur.report.curve import lead, pivot, ties

        if self.curve is None:
            return []
        if self.as_json:
            print_json(self.told())
        else:
            said = [sentence for sentence in (ties(self.curve), lead(self.curve)) if sentence]
            said.append(self._quickly())
            self._say("\n" + pivot(self.curve) + "\n\n" + "\n".join(said))
        return self._save()

    def _quickly(self) -> str:
        """What was done with less than there is."""
        steps, crops = self.settings["steps"], self.settings["fit_batches"] * BATCH
        recovered = f"ours was recovered in {steps} steps" if steps else "nothing was recovered"
        return (
            f"To be quick, layers were re-fitted on {crops} crops and {recovered}; "
            "`secateur prune` has options for both."
        )

    def told(self) -> dict[str, Any]:
        """The content of ``result.json``."""
        from secateur.methods import resolve
        from secateur.report.curve import lead, ties
        from secateur.versions import versions

        assert self.curve is not None
        return {
            **self.settings,
            **self.curve.to_json(),
            "said": [ties(self.curve), lead(self.curve)],
            "task": self.measured.task.name,
            "calibration_samples": self.measured.statistics.samples,
            "statistics_seconds": self.measured.seconds,
            "methods": {role: resolve(method).to_json() for role, method in self.methods.items()},
            "versions": versions(),
        }

    def _save(self) -> list[SecateurError]:
        """Write the curve, and below it each network that can be written; what went wrong."""
        from secateur.report.curve import save_curve
        from secateur.report.folder import save_somehow

        assert self.curve is not None
        faults: list[SecateurError] = []
        title = f"{self.settings['network']}: {len(self.measured.channels)} channels"
        place, written = self.output, []
        try:
            saved = save_curve(self.curve, self.told(), self.output, title)
            place = saved.path
            written.append(f"{place} (result.json, curve.csv, curve.png, curve.svg)")
            faults += [saved.error] if saved.error is not None else []
        except SecateurError as error:
            faults.append(error)
        for count, result in self.results.items():
            below = place / f"{count}-of-{len(self.measured.channels)}"
            rows = (self.curve.dense, *self.curve.rows[count].values())
            try:
                one = save_somehow(replace(result, rows=rows), below, self.measured.network)
            except SecateurError as error:
                faults.append(error)
                continue
            written.append(str(one.path))
            faults += [one.error] if one.error is not None else []
        if written:
            self._say("\nWritten: " + "\n         ".join(written))
        return faults

    def _say(self, text: str) -> None:
        if not self.as_json:
            say(text)
