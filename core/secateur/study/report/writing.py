"""A report: a page, figures and tables in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from secateur import __version__
from secateur.errors import DataError
from secateur.progress import Step, track
from secateur.shown import escaped
from secateur.study.export import write_csv, write_parquet
from secateur.study.report import words
from secateur.study.report.about import About
from secateur.study.report.charts import Plot, plots
from secateur.study.report.figures import scripts, write_figures
from secateur.study.report.folder import check_place, replaced
from secateur.study.report.looks import page_look, paper_look
from secateur.study.report.numbers import level
from secateur.study.report.page.rendering import render
from secateur.study.report.page.tabulated import tabulated
from secateur.study.report.palette import signs
from secateur.study.report.tabled import all_tables
from secateur.study.report.tables import write_tables
from secateur.study.row import Row
from secateur.study.statistics import Analysis, analyse
from secateur.study.statistics.tables import to_json

PAGE = "report.html"
_SECTIONS = (
    ("result", "Result"),
    ("read", "How to read it"),
    ("good", "How good"),
    ("fast", "How fast"),
    ("better", "Who is better"),
    ("selected", "Selections"),
    ("undone", "Failed"),
    ("limits", "Limitations"),
    ("conditions", "Conditions"),
    ("again", "Do it again"),
    ("cite", "How to cite"),
)


def write_report(
    rows: Iterable[Row],
    folder: Path | str,
    *,
    about: About | None = None,
    analysis: Analysis | None = None,
    figures: bool = True,
) -> Path:
    """Write a report of a study: a page, figures and tables.

    ::

        FOLDER/report.html          opens anywhere, asks nothing of the network
        FOLDER/figures/NAME.svg     and .pdf, one column wide; .vl.json to change
        FOLDER/tables/NAME.tex      and .md, .csv, .parquet; rows.csv and rows.parquet: all rows
        FOLDER/analysis.json        every number that is shown

    Arguments:
        rows: of one study.
        folder: new, empty, or made by a report and unchanged since: then it is replaced.
        about: what the study's file says; made from the rows unless given.
        analysis: of these rows; made with the defaults of ``analyse`` unless given.
        figures: False: the page and the tables alone, which is quicker.

    Returns:
        The page.

    Raises:
        DataError: there are no rows.
        FileError: something that no report made is in the folder, or it cannot be written.
        MissingExtra: a package of the extra "study" is not installed.
    """
    rows, folder = list(rows), Path(folder)
    if not rows:
        raise DataError(
            "there are no rows to report",
            remedy="`secateur study run` makes them; --study chooses among the studies of a store",
        )
    check_place(folder)
    about = about or About(rows[0].study)
    with track("report", 4) as step:
        analysis = analysis or analyse(rows)
        step.advance(note="analysed")
        with replaced(folder) as draft:
            _write(rows, draft, about, analysis, figures, step)
    return folder / PAGE


def _write(
    rows: Sequence[Row], draft: Path, about: About, analysis: Analysis, figures: bool, step: Step
) -> None:
    tables = all_tables(analysis, rows)
    (draft / "tables").mkdir()
    write_tables(list(tables.values()), draft / "tables")
    write_csv(rows, draft / "tables" / "rows.csv")
    write_parquet(rows, draft / "tables" / "rows.parquet")
    (draft / "analysis.json").write_text(to_json(analysis), encoding="utf-8")
    step.advance(note="tables")
    (draft / PAGE).write_text(page(rows, analysis, about), encoding="utf-8", newline="")
    step.advance(note="page")
    if figures:
        drawn = plots(analysis, rows, paper_look(_signs(analysis)))
        (draft / "figures").mkdir()
        write_figures({name: plot.spec for name, plot in drawn.items()}, draft / "figures")
    step.advance(note="figures")


def page(rows: Sequence[Row], analysis: Analysis, about: About) -> str:
    """The page as HTML.

    Arguments:
        rows: of one study.
        analysis: of them.
        about: what the study's file says.
    """
    drawn = plots(analysis, rows, page_look(_signs(analysis)))
    return render(
        _values(list(rows), analysis, about, drawn),
        signs=signs([escaped(of.method) for of in analysis.methods]),
        plots=drawn,
        instances=[
            {"name": escaped(of.name), "family": escaped(of.family)} for of in analysis.instances
        ],
        library=scripts(),
    )


def _signs(analysis: Analysis) -> Any:
    return signs([of.method for of in analysis.methods])


def _values(
    rows: list[Row], analysis: Analysis, about: About, drawn: dict[str, Plot]
) -> dict[str, Any]:
    selected = {"agreement", "quality"} & set(drawn)
    return {
        "version": __version__,
        "title": about.title,
        "headline": words.headline(analysis, rows),
        "submitter": about.submitter,
        "notes": about.notes,
        "sections": [(id, name) for id, name in _SECTIONS if selected or id != "selected"],
        "families": sorted({of.family for of in analysis.instances}),
        "compared": words.compared(analysis, rows),
        "reading": words.reading(analysis),
        "tables": {name: tabulated(t) for name, t in all_tables(analysis, rows).items()},
        "limitations": [*about.limitations(rows), *analysis.limitations],
        "options": words.options_of(rows),
        "conditions": [*about.told(), *words.conditions(rows)],
        "bootstrap": f"{level(analysis.confidence)}; bootstraps of {analysis.resamples} "
        f"resamples from seed {analysis.seed}",
        "commands": about.commands(),
        "text": about.text,
        "sha256": about.sha256,
        "citation": about.citation(rows),
        "rows": len(rows),
    }
