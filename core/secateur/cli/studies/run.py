"""``secateur study run``: run what is not done yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secateur.cli.common import print_json, say
from secateur.cli.help import Taught
from secateur.cli.shared import json_option, store_option, study_charge_option, workers_option
from secateur.cli.studies.commands import command

if TYPE_CHECKING:
    from secateur.study.engine import Engine
    from secateur.study.running import Ran


@click.command(
    cls=Taught,
    examples=[
        "secateur study run study.toml",
        "secateur study run study.toml --workers 4",
        "secateur study run study.toml --engine tcp://10.0.0.5:8786",
        "secateur study run study.toml --again failed",
    ],
    page="tutorial/first-study",
)
@click.argument("file", type=click.Path(path_type=Path))
@workers_option
@click.option(
    "--engine", "address", metavar="tcp://…", help="Run on a Dask cluster, by its scheduler."
)
@store_option
@study_charge_option
@click.option(
    "--again",
    type=click.Choice(["failed", "cannot"]),
    multiple=True,
    help="Run cells that ended so once more.",
)
@json_option
def run(
    file: Path,
    workers: int | None,
    address: str | None,
    store: str | None,
    charge: bool,
    again: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run the cells of a study that have no row yet, and store each as it ends.

    A run that was interrupted or killed goes on where it stopped. Several runs of one study may be
    at work at the same time: each takes cells that no other has.
    """
    from secateur.study.row import State
    from secateur.study.running import run_study
    from secateur.study.spec import load_study
    from secateur.study.store import open_store

    study = load_study(file)
    where = study.store if store is None else store
    folder = study.path.parent if store is None else None
    with open_store(where, folder=folder) as opened, _engine(workers, address) as engine:
        states = [State(name) for name in again]
        ran = run_study(study, opened, engine, charge=charge, again=states)
    if as_json:
        print_json(ran.to_json())
    else:
        _show(ran, file, store)


def _engine(workers: int | None, address: str | None) -> Engine:
    from secateur.errors import OptionError
    from secateur.study.engine import Pool

    if address is None:
        return Pool(workers)
    if workers is not None:
        raise OptionError(
            f"--workers is {workers}, and --engine names a cluster with workers of its own",
            remedy="leave one of them out",
        )
    from secateur.study.engine_dask import Cluster

    return Cluster(address)


def _show(ran: Ran, file: Path, store: str | None) -> None:
    for name, number in {**ran.states, "waiting": len(ran.waiting)}.items():
        say(f"{name:8} {number} of {ran.cells} cells")
    for reason in sorted({one.reason for one in ran.waiting}):
        number = sum(one.reason == reason for one in ran.waiting)
        metered = "metered cell waits" if number == 1 else "metered cells wait"
        say(f"{'note':8} {number} {metered}: {reason}")
    if ran.charged != 0.0 or ran.budget_s is not None:
        charged = "not known" if ran.charged is None else f"{ran.charged:g} s"
        of = "" if ran.budget_s is None else f" of {ran.budget_s:g} s"
        say(f"{'charged':8} {charged}{of}")
    say(f"{'seconds':8} {ran.seconds:.1f}")
    say(f"{'store':8} {ran.store}")
    if ran.states.get("failed"):
        say(f"{'again':8} {command('run', file, store, '--again', 'failed')}")
    say(f"{'next':8} {command('report', file, store)}")
