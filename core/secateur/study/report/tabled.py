"""The tables of a report, declared once: for the page, and for LaTeX, Markdown, CSV and Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from secateur.report.columns import Column
from secateur.study.report import numbers as shown
from secateur.study.report.numbers import MISSING, numbers
from secateur.study.report.tables import Table
from secateur.study.row import Row, State
from secateur.study.statistics import Analysis


def methods_table(analysis: Analysis) -> Table:
    """The key table: every method over all instances."""
    sure = shown.level(analysis.confidence)
    columns: list[Column] = [
        Column("method", attrgetter("method"), left=True),
        numbers(
            "rank",
            attrgetter("rank"),
            shown.hundredths,
            key="rank",
            best="low",
            help="mean over instances, 1 is best",
        ),
        numbers(
            "gap",
            attrgetter("gap"),
            shown.percent,
            key="gap",
            best="low",
            estimate=True,
            help="mean, to the best known energy",
        ),
        numbers(
            "success",
            attrgetter("success"),
            shown.percent,
            key="success",
            best="high",
            estimate=True,
            help="share of runs at the best known energy"
            if not analysis.threshold
            else f"share of runs within {shown.level(analysis.threshold)}",
        ),
        numbers(
            "TTS 99 %",
            attrgetter("tts"),
            key="tts_99",
            best="low",
            unit="s",
            estimate=True,
            help="seconds to a success that is 99 % sure, median",
        ),
        numbers(
            "solved",
            attrgetter("solved"),
            shown.whole,
            key="solved",
            best="high",
            help=f"of {len(analysis.instances)} instances",
        ),
        numbers(
            "primal integral",
            attrgetter("primal_integral"),
            shown.percent,
            key="primal_integral",
            best="low",
            help="mean gap over the time",
        ),
        numbers("runs", attrgetter("runs"), shown.whole, key="runs", help="expected"),
        numbers("done", attrgetter("done"), shown.whole, key="done", help="with an answer"),
        numbers("tuned", attrgetter("tuned"), shown.whole, key="tuned", help="trials"),
        numbers("failed", attrgetter("failed"), key="failed"),
        numbers("cannot", attrgetter("cannot"), key="cannot"),
        numbers("absent", attrgetter("absent"), key="absent"),
    ]
    columns = [_hidden(c) if c.name in ("failed", "cannot", "absent") else c for c in columns]
    return Table(
        "methods",
        "Methods over all instances",
        columns,
        sorted(analysis.methods, key=lambda of: (of.rank, of.method)),
        f"Beside the numbers: {sure} intervals. A time of ∞: no run succeeded.",
    )


def instances_table(analysis: Analysis) -> Table:
    """Every method on every instance."""
    sizes = {of.name: of for of in analysis.instances}
    return Table(
        "instances",
        "Methods, instance by instance",
        [
            Column("instance", attrgetter("instance"), left=True),
            Column("method", attrgetter("method"), left=True),
            numbers(
                "variables", lambda c: sizes[c.instance].variables, shown.whole, key="variables"
            ),
            numbers("energy", attrgetter("energy"), shown.energy, key="energy", help="best run"),
            numbers("gap", attrgetter("gap"), shown.percent, key="gap", help="mean"),
            numbers("best gap", attrgetter("gap_best"), shown.percent, key="gap_best"),
            numbers(
                "to bound",
                attrgetter("to_bound"),
                shown.percent,
                key="gap_to_bound",
                help="mean gap",
            ),
            numbers("success", attrgetter("success"), shown.percent, key="success", estimate=True),
            numbers("TTS 99 %", attrgetter("tts"), key="tts_99", unit="s", estimate=True),
            numbers("seconds", attrgetter("seconds"), key="seconds", help="mean of a run"),
            numbers("done", attrgetter("done"), shown.whole, key="done"),
            numbers("runs", attrgetter("runs"), shown.whole, key="runs"),
        ],
        analysis.cells,
        f"Beside the numbers: Wilson's {shown.level(analysis.confidence)} intervals, and of times what "
        "follows from them. A run without an answer counts as a gap of 100 %.",
    )


def problems_table(analysis: Analysis) -> Table:
    """The instances themselves."""
    said = {"run": "a run", "study": "the study's file", "bound": "a proven bound", "": "nobody"}
    return Table(
        "problems",
        "Instances and the best that is known of them",
        [
            Column("instance", attrgetter("name"), left=True),
            Column("family", attrgetter("family"), left=True),
            numbers("variables", attrgetter("variables"), shown.whole, key="variables"),
            numbers("couplings", attrgetter("couplings"), shown.whole, key="couplings"),
            numbers("count", attrgetter("count"), shown.whole, key="count"),
            numbers("best known", attrgetter("best"), shown.energy, key="best"),
            Column("known by", lambda of: said[of.source], left=True, key="source"),
            numbers("bound", attrgetter("bound"), shown.energy, key="bound"),
            Column("proven", lambda of: "yes" if of.proven else "no", left=True),
            Column("conflict", attrgetter("conflict"), left=True, shown=False),
            Column("sha256", attrgetter("sha256"), left=True, shown=False),
        ],
        analysis.instances,
    )


def pairs_table(analysis: Analysis) -> Table:
    """Every two methods."""
    return Table(
        "pairs",
        "Differences of methods, pair by pair",
        [
            Column("first", attrgetter("first"), left=True),
            Column("second", attrgetter("second"), left=True),
            numbers(
                "difference of gaps",
                attrgetter("difference"),
                shown.percent,
                key="difference",
                estimate=True,
                help="below 0 the first is better",
            ),
            numbers(
                "first is better",
                attrgetter("superiority"),
                shown.percent,
                key="superiority",
                estimate=True,
                help="probability, ties half",
            ),
            numbers("p", attrgetter("p"), shown.p_value, key="p", help="Wilcoxon"),
            numbers(
                "p, Holm", attrgetter("p_holm"), shown.p_value, key="p_holm", help="for all pairs"
            ),
            numbers("p, Nemenyi", attrgetter("p_nemenyi"), shown.p_value, key="p_nemenyi"),
            numbers("pairs", attrgetter("pairs"), shown.whole, key="pairs", help="of runs"),
            numbers("instances", attrgetter("instances"), shown.whole, key="instances"),
            numbers("unpaired", attrgetter("unpaired"), shown.whole, key="unpaired"),
            Column(
                "note",
                attrgetter("note"),
                left=True,
                shown=any(pair.note for pair in analysis.pairs),
            ),
        ],
        analysis.pairs,
        f"Beside the numbers: {shown.level(analysis.confidence)} intervals of a paired bootstrap, "
        f"{analysis.resamples} resamples.",
    )


def times_table(analysis: Analysis) -> Table:
    """Where the time of each method went."""
    columns: list[Column] = [
        Column("method", attrgetter("method"), left=True),
        numbers("rows", attrgetter("rows"), shown.whole, key="rows"),
    ]
    for kind in ("wall", "queue", "access", "cpu", "charged"):
        for part in ("median", "total"):
            columns.append(
                numbers(
                    f"{kind}, {part}",
                    attrgetter(f"{kind}.{part}"),
                    key=f"{kind}_{part}",
                    unit="" if kind == "charged" else "s",
                )
            )
        columns.append(
            _hidden(numbers(f"{kind}, told", attrgetter(f"{kind}.told"), key=f"{kind}_told"))
        )
    return Table(
        "times",
        "Wall, queue, access and processor times apart",
        columns,
        analysis.times,
        f"{MISSING}: no run told it. The kinds overlap; charged is in the service's own unit.",
    )


def contributions_table(analysis: Analysis) -> Table:
    """What each method adds to the others."""
    return Table(
        "contributions",
        "What each method adds to the virtual best solver",
        [
            Column("method", attrgetter("method"), left=True),
            numbers(
                "best on",
                attrgetter("best_on"),
                shown.whole,
                key="best_on",
                help="instances, ties too",
            ),
            numbers(
                "alone on",
                attrgetter("alone_on"),
                shown.whole,
                key="alone_on",
                help="better than all others",
            ),
            numbers(
                "only solver",
                attrgetter("only_solver"),
                shown.whole,
                key="only_solver",
                help="instances nobody else solves",
            ),
            numbers(
                "gap without it", attrgetter("gap"), shown.percent, key="gap", help="how much more"
            ),
            numbers(
                "solved without it",
                attrgetter("solved"),
                shown.whole,
                key="solved",
                help="how many fewer",
            ),
        ],
        analysis.virtual_best.contributions,
    )


def quality_table(analysis: Analysis) -> Table:
    """Whether a better energy is a better network, instance by instance."""
    return Table(
        "quality",
        "Rank correlation of energy and metric, instance by instance",
        [
            Column("instance", attrgetter("instance"), left=True),
            numbers(
                "Kendall's τ",
                attrgetter("kendall"),
                shown.hundredths,
                key="kendall",
                estimate=True,
                help="positive: yes",
            ),
            numbers(
                "Spearman's ρ",
                attrgetter("spearman"),
                shown.hundredths,
                key="spearman",
                estimate=True,
                help="positive: yes",
            ),
            numbers("dense", attrgetter("dense"), key="dense", help="metric before"),
            numbers(
                "at the best energy",
                attrgetter("best_energy_metric"),
                key="best_energy_metric",
                help="metric",
            ),
            numbers("best of all", attrgetter("best_metric"), key="best_metric", help="metric"),
            numbers(
                "selections",
                attrgetter("selections"),
                shown.whole,
                key="selections",
                help="different ones",
            ),
            Column(
                "note", attrgetter("note"), left=True, shown=any(of.note for of in analysis.quality)
            ),
        ],
        analysis.quality,
    )


@dataclass(frozen=True)
class Undone:
    """Cells that failed or could not be run, for one reason.

    Arguments:
        method: whose.
        instance: on which.
        state: "failed", or "cannot".
        reason: why.
        seeds: of the cells.
    """

    method: str
    instance: str
    state: str
    reason: str
    seeds: tuple[int, ...]


def undone_table(rows: Sequence[Row]) -> Table:
    """What failed or could not be run, and why; every row of it is here."""
    held: dict[tuple[str, str, str, str], list[int]] = {}
    for row in rows:
        if row.state is not State.DONE:
            name = (row.method, row.instance, row.state.value, row.reason)
            held.setdefault(name, []).append(row.seed)
    undone = [Undone(*name, tuple(sorted(seeds))) for name, seeds in sorted(held.items())]
    return Table(
        "undone",
        "Cells without an answer, by reason",
        [
            Column("method", attrgetter("method"), left=True),
            Column("instance", attrgetter("instance"), left=True),
            Column("state", attrgetter("state"), left=True),
            numbers("cells", lambda of: len(of.seeds), shown.whole, key="cells"),
            Column("seeds", lambda of: ", ".join(map(str, of.seeds)), left=True),
            Column("reason", attrgetter("reason"), left=True),
        ],
        undone,
    )


def all_tables(analysis: Analysis, rows: Sequence[Row]) -> dict[str, Table]:
    """Every table that there is something for, by name."""
    made = [
        methods_table(analysis),
        problems_table(analysis),
        instances_table(analysis),
        pairs_table(analysis),
        times_table(analysis),
        contributions_table(analysis),
        quality_table(analysis),
        undone_table(rows),
    ]
    return {table.name: table for table in made if table.rows}


def _hidden(column: Column) -> Column:
    """In CSV and Parquet only."""
    from dataclasses import replace

    return replace(column, shown=False)
