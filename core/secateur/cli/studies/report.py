"""``secateur study report``: a page, figures and tables of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secateur.cli.common import print_json, say
from secateur.cli.help import Taught
from secateur.cli.shared import json_option, output_option, store_option, title_option

if TYPE_CHECKING:
    from secateur.study.report.sources import Source
    from secateur.study.statistics import Analysis


@click.command(
    cls=Taught,
    examples=[
        "secateur study report study.toml --open",
        "secateur study report --store results.db --study Annealers --output annealers",
    ],
    page="how-to/write-up-a-study",
)
@click.argument("file", type=click.Path(path_type=Path), required=False)
@store_option
@title_option
@output_option(
    "A folder: new, or of an earlier report; beside the file, STUDY-report, unless given."
)
@click.option("--open", "open_page", is_flag=True, help="Show the page in a browser.")
@json_option
def report(
    file: Path | None,
    store: str | None,
    title: str | None,
    output: Path | None,
    open_page: bool,
    as_json: bool,
) -> None:
    """Write a page, figures and tables of what a study has found so far.

    The page is one file, opens anywhere and asks nothing of the network. Figures are SVG and PDF
    of one column, tables LaTeX, Markdown, CSV and Parquet.
    """
    from secateur.errors import OptionError

    if file is None and store is None:
        raise OptionError(
            "neither a study's file nor a store is given",
            remedy="name one: secateur study report study.toml, or --store study.db",
        )
    if file is not None and title is not None:
        raise OptionError(
            f"--study is {title!r}, and {file} has a title of its own",
            remedy="leave --study out, or give --store without the file",
        )
    from secateur.study.report import write_report
    from secateur.study.report.folder import check_place
    from secateur.study.report.sources import from_file, from_store
    from secateur.study.statistics import analyse
    from secateur.study.statistics.tables import as_data

    source = from_store(store or "", title) if file is None else from_file(file, store=store)
    if output is None:
        output = Path("study-report") if file is None else file.with_name(f"{file.stem}-report")
    check_place(output)
    analysis = analyse(
        source.rows,
        confidence=source.confidence,
        threshold=source.threshold,
        expected=source.expected,
    )
    page = write_report(source.rows, output, about=source.about, analysis=analysis)
    if as_json:
        print_json({"report": str(page), **as_data(analysis)})
    else:
        _show(source, analysis, page)
    if open_page and click.launch(page.absolute().as_uri()):
        say(f"{'note':8} no browser could be started; open {page} yourself", err=True)


def _show(source: Source, analysis: Analysis, page: Path) -> None:
    from secateur.report.table import text
    from secateur.study.statistics.tables import methods_columns

    say(text(methods_columns(), sorted(analysis.methods, key=lambda of: (of.rank, of.method))))
    say("")
    for sentence in (*source.about.limitations(source.rows), *analysis.limitations):
        say(f"{'note':8} {sentence}")
    say(f"{'page':8} {page}")
    say(f"{'figures':8} {page.parent / 'figures'}")
    say(f"{'tables':8} {page.parent / 'tables'}")
