"""``secateur study export``: rows as other people's files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secateur.cli.common import print_json, say
from secateur.cli.help import Taught
from secateur.cli.shared import json_option, store_option, title_option

if TYPE_CHECKING:
    from secateur.study.cell import Study
    from secateur.study.row import Row


@click.command(
    cls=Taught,
    examples=[
        "secateur study export study.toml --csv rows.csv --parquet rows.parquet",
        "secateur study export study.toml --qoblib submission",
        "secateur study export --store study.db --csv all.csv",
    ],
    page="how-to/write-up-a-study",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@store_option
@title_option
@click.option("--csv", type=click.Path(path_type=Path), help="A new CSV file, one line a cell.")
@click.option("--parquet", type=click.Path(path_type=Path), help="A new Parquet file.")
@click.option(
    "--qoblib",
    type=click.Path(path_type=Path),
    help="A new folder, as a submission to QOBLIB; needs FILE.",
)
@click.option(
    "--edition",
    type=click.Choice(["2025", "2026"]),
    default="2025",
    help="Of QOBLIB's columns: as the library began, or with Affiliation, Paradigm and Time to "
    "Solution, which its checker asks for since 2026.",
)
@click.option("--affiliation", default="", help="Of the submitter, for the edition of 2026.")
@click.option(
    "--date",
    "submitted",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Of the submission; today unless given.",
)
@json_option
def export(
    file: Path | None,
    store: str | None,
    title: str | None,
    csv: Path | None,
    parquet: Path | None,
    qoblib: Path | None,
    edition: Any,
    affiliation: str,
    submitted: datetime | None,
    as_json: bool,
) -> None:
    """Write the rows of a study as CSV, Parquet, or a submission to QOBLIB.

    A submission has a folder for each instance with NAME_summary.csv, solutions and a time series.
    Submitter, reference and hardware are those of [report] in FILE; nothing is invented, and
    nothing is overwritten.
    """
    from secateur.report.output import try_output

    _check(file, store, title, csv, parquet, qoblib)
    for path in (csv, parquet, qoblib):
        try_output(path)
    study, rows = _rows(file, store, title)
    written: dict[str, str] = {}
    notes: Sequence[str] = ()
    if csv is not None:
        from secateur.study.export import write_csv

        written["csv"] = str(write_csv(rows, csv))
    if parquet is not None:
        from secateur.study.export import write_parquet

        written["parquet"] = str(write_parquet(rows, parquet))
    if qoblib is not None and study is not None:
        from secateur.study.export import write_submission
        from secateur.study.instances import load_problem

        done = write_submission(
            study,
            rows,
            qoblib,
            load=load_problem,
            edition=edition,
            submitted=None if submitted is None else submitted.date(),
            affiliation=affiliation,
        )
        written["qoblib"], notes = str(done.folder), done.notes
    missing = 0 if study is None else len(study.cells) - len(rows)
    if missing > 0:
        notes = [*notes, f"{missing} of {len(study.cells) if study else 0} cells have no row yet"]
    if as_json:
        print_json({"rows": len(rows), "written": written, "notes": list(notes)})
        return
    say(f"rows:    {len(rows)}")
    for path_ in written.values():
        say(f"written: {path_}")
    for note in notes:
        say(f"note:    {note}")


def _check(
    file: Path | None,
    store: str | None,
    title: str | None,
    csv: Path | None,
    parquet: Path | None,
    qoblib: Path | None,
) -> None:
    if file is None and store is None:
        raise click.UsageError("Give the study's FILE, or --store.")
    if file is not None and title is not None:
        raise click.UsageError("--study names a study of a store; FILE has a title of its own.")
    if qoblib is not None and file is None:
        raise click.UsageError("--qoblib needs FILE: it says submitter, reference and hardware.")
    if csv is None and parquet is None and qoblib is None:
        raise click.UsageError("Give --csv, --parquet or --qoblib.")


def _rows(
    file: Path | None, store: str | None, title: str | None
) -> tuple[Study | None, list[Row]]:
    """The rows of a file's study, or of a store.

    Raises:
        OptionError: the store has no study of that title.
    """
    from secateur.errors import OptionError
    from secateur.nearest import did_you_mean
    from secateur.study.store import open_store

    study = None
    if file is not None:
        from secateur.study.spec import load_study

        study = load_study(file)
        title = study.title
    where = store if store is not None or study is None else study.store
    folder = study.path.parent if store is None and study is not None else None
    with open_store(where or "", folder=folder) as opened:
        known = [one.title for one in opened.studies()]
        if title is not None and title not in known:
            raise OptionError(
                f"the store {opened} has no study {title!r}",
                remedy=f"{did_you_mean(title, known)}it has: {', '.join(map(repr, known))}"
                if known
                else "run it first: `secateur study run FILE`",
            )
        return study, opened.rows(title)
