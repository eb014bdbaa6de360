"""``secateur study tune``: the same tuning for every method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secateur.cli.common import print_json, say
from secateur.cli.help import Taught
from secateur.cli.shared import json_option, store_option, study_charge_option, workers_option
from secateur.cli.studies.commands import command

if TYPE_CHECKING:
    from secateur.study.tuning import Tuned


@click.command(
    cls=Taught,
    examples=[
        "secateur study tune study.toml --trials 20 --workers 4",
        "secateur study run study.tuned.toml",
    ],
    page="how-to/compare-your-solver",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--trials", type=int, help="Of each method; as [tune] says unless given.")
@workers_option
@store_option
@study_charge_option
@json_option
def tune(
    file: Path,
    trials: int | None,
    workers: int | None,
    store: str | None,
    charge: bool,
    as_json: bool,
) -> None:
    """Give every method the same tuning, on instances that are none of the study's.

    Each gets the same number of trials under the study's time limit; the first are its options as
    they are. Written are FILE.tuned.toml, the study with the best options of each, and
    FILE.tuning.json with every trial. Stopped and started again, it goes on where it was.
    """
    from secateur.report.output import try_output
    from secateur.study.engine import Pool
    from secateur.study.spec import load_study
    from secateur.study.store import open_store
    from secateur.study.tuning import tune as run_tuning
    from secateur.study.tuning import write_trials, write_tuned

    target = file.with_suffix(".tuned.toml")
    try_output(target)
    study = load_study(file)
    where = study.store if store is None else store
    folder = study.path.parent if store is None else None
    with open_store(where, folder=folder) as opened, Pool(workers) as engine:
        tuned = run_tuning(study, opened, engine, trials=trials, charge=charge)
    told = write_trials(tuned, file.with_suffix(".tuning.json"))
    written = write_tuned(tuned, target)
    if as_json:
        print_json({"study": str(written), "trials": str(told), "methods": _methods(tuned)})
        return
    for one in _methods(tuned):
        gain = "" if one["gap"] is None else f", mean gap {one['first_gap']:.3g} → {one['gap']:.3g}"
        say(f"{one['name']}: {one['trials']} trials{gain}")
        if one["not_tuned"]:
            say(f"  note: {one['not_tuned']}")
    say(f"trials:  {told}")
    say(f"written: {written}")
    say(f"next:    {command('run', written, store)}")


def _methods(tuned: Tuned) -> list[dict[str, object]]:
    return [
        {
            "name": one.method.name,
            "trials": len(one.trials),
            "tuned": one.method.tuned,
            "first_gap": one.trials[0].value if one.trials else None,
            "gap": None if one.best is None else one.best.value,
            "options": {} if one.best is None else dict(one.best.options),
            "not_tuned": one.reason,
        }
        for one in tuned.methods
    ]
