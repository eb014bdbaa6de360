"""``secateur study check``: what a study takes, before anything is run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secateur.cli.common import print_json, say
from secateur.cli.help import Taught
from secateur.cli.shared import json_option, store_option, workers_option
from secateur.cli.studies.commands import command

if TYPE_CHECKING:
    from secateur.study.outlook import Outlook

_REASONS = 12
"""Reasons that the text names."""


@click.command(
    cls=Taught,
    examples=[
        "secateur study check study.toml",
        "secateur study check study.toml --workers 4 --json",
    ],
    page="reference/study-file",
)
@click.argument("file", type=click.Path(path_type=Path))
@workers_option
@store_option
@json_option
def check(file: Path, workers: int | None, store: str | None, as_json: bool) -> None:
    """Check a study wholly, and say how many cells it has, how long it takes and what it costs.

    Nothing is run and no problem is sent. A network that was not measured yet is measured, and
    kept in a folder beside the file. Of a metered backend the service may be asked for its
    solvers, which is free.
    """
    from secateur.study.outlook import done_cells, look_ahead
    from secateur.study.spec import load_study

    if workers is None:
        own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        workers = len(own) or os.cpu_count() or 1
    study = load_study(file)
    found = look_ahead(study, workers=workers, done=done_cells(study, store))
    if as_json:
        print_json(found.to_json())
    else:
        _show(found, file, store)


def _show(found: Outlook, file: Path, store: str | None) -> None:
    from secateur.report.columns import Column
    from secateur.report.table import text
    from secateur.study.outlook import Part

    study, told = found.study, found.to_json()
    say(f"{'title':8} {study.title}")
    parts = f"{told['done']} done, {told['cannot']} cannot be run, {told['left']} to run"
    say(f"{'cells':8} {told['cells']}: {parts}")
    several = "1 process" if found.workers == 1 else f"{found.workers} processes"
    say(f"{'time':8} {duration(found.seconds)} of time limits with {several}")
    if found.costs:
        metered = sum(one.cells for one in found.costs)
        charge = found.charge_s
        amount = "not known" if charge is None else f"at most {charge:g} s"
        budget = "no budget" if study.budget_s is None else f"a budget of {study.budget_s:g} s"
        say(f"{'charged':8} {amount} for {metered} metered cells, with {budget}")
        if study.budget_s is not None and charge is not None and charge > study.budget_s:
            say(f"{'note':8} the budget does not allow all of them: some will wait")
        notes = dict.fromkeys(f"{one.method}: {one.note}" for one in found.costs if one.note)
        for note in notes:
            say(f"{'note':8} {note}")
    for reason, number in found.cannot[:_REASONS]:
        say(f"{'cannot':8} {number} of {reason}")
    if len(found.cannot) > _REASONS:
        say(f"{'cannot':8} and {len(found.cannot) - _REASONS} reasons more (--json has all)")

    def counted(title: str) -> list[Column]:
        return [
            Column(title, lambda part: part.name, left=True),
            Column("cells", lambda part: part.cells),
            Column("done", lambda part: part.done),
            Column("cannot", lambda part: part.cannot),
        ]

    sizes = {one.name: one for one in study.instances}

    def best(part: Part) -> str:
        one = sizes[part.name]
        if one.best_known is None:
            return ""
        return f"{one.best_known:.9g}{' (optimal)' if one.known_optimal else ''}"

    time_left = Column("time limits", lambda part: duration(part.seconds))
    say("")
    say(text([*counted("method"), time_left], found.methods))
    say("")
    shape = [
        Column("variables", lambda part: sizes[part.name].variables),
        Column("couplings", lambda part: sizes[part.name].couplings),
        Column("count", lambda part: sizes[part.name].count),
        Column("best known", best),
    ]
    say(text([*counted("instance"), *shape], found.instances))
    say("")
    flags = ["--charge"] if found.costs else []
    say(f"{'next':8} {command('run', file, store, *flags)}")


def duration(seconds: float) -> str:
    """Seconds as people say them: "90 s", "12 min", "3.4 h", "2.1 days"."""
    for size, unit in ((86_400 * 2, "days"), (3_600 * 2, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / (size / 2):.3g} {unit}"
    return f"{seconds:.3g} s"
