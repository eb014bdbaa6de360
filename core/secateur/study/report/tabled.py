"""The tables of a report: which there are, their captions, and what stands out in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from secateur.report.columns import Column
from secateur.study.report.numbers import level
from secateur.study.report.tables import Table
from secateur.study.row import Row, State
from secateur.study.statistics import Analysis
from secateur.study.statistics import tables as declared


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


def all_tables(analysis: Analysis, rows: Sequence[Row]) -> dict[str, Table]:
    """Every table that there is something for, by name.

    Arguments:
        analysis: of the rows.
        rows: of one study.
    """
    order = {of.name: number for number, of in enumerate(analysis.instances)}
    sure = level(analysis.confidence)
    made = [
        Table(
            "methods",
            "Methods over all instances",
            declared.methods_columns(),
            sorted(analysis.methods, key=lambda of: (of.rank, of.method)),
            f"Beside a number: its {sure} interval. {_success(analysis)} Time to solution: until "
            "one success is 99 % sure; ∞ where no run succeeded.",
            {
                "rank": "mean over instances, 1 is best",
                "success": "share of runs",
                "gap": "mean, to the best known",
                "tts": "99 %, median over instances",
                "expected": "expected, median over instances",
                "primal_integral": "mean gap over time",
                "solved": f"of {len(analysis.instances)} instances",
                "best_on": "instances",
            },
            {
                "rank": "low",
                "success": "high",
                "gap": "low",
                "tts": "low",
                "expected": "low",
                "primal_integral": "low",
                "solved": "high",
                "best_on": "high",
            },
        ),
        Table(
            "instances",
            "Instances and the best that is known of them",
            declared.instances_columns(),
            analysis.instances,
            ""
            if not any(of.conflict for of in analysis.instances)
            else "Contradictions: "
            + "; ".join(f"{of.name}: {of.conflict}" for of in analysis.instances if of.conflict)
            + ".",
        ),
        Table(
            "cells",
            "Methods, instance by instance",
            declared.cells_columns(),
            sorted(
                analysis.cells,
                key=lambda of: (order[of.instance], of.method),
            ),
            f"Beside a share: Wilson's {sure} interval; beside a time to solution: what follows "
            "from it. A run without an answer counts as a gap of 100 %.",
            {"energy": "best run", "gap": "mean", "to_bound": "mean gap", "seconds": "mean"},
        ),
        Table(
            "pairs",
            "Differences of methods, pair by pair",
            declared.pairs_columns(),
            analysis.pairs,
            f"Beside a number: its {sure} interval by a paired bootstrap of "
            f"{analysis.resamples} resamples. p: Wilcoxon's signed-rank test over instances, then "
            "Holm's correction for all pairs, then Nemenyi's test." + _notes(analysis),
            {
                "difference": "below 0 the first is better",
                "superiority": "probability, ties half",
                "pairs": "of runs",
                "unpaired": "runs, left out",
            },
        ),
        Table(
            "times",
            "Wall, queue, access and processor times apart",
            declared.times_columns(),
            analysis.times,
            "The kinds overlap; charged is in the service's own unit. A kind that no run told "
            "is not here.",
        ),
        Table(
            "contributions",
            "What each method adds to the virtual best solver",
            declared.contributions_columns(),
            analysis.virtual_best.contributions,
            "",
            {"best_on": "instances, ties too", "only_solver": "instances"},
        ),
        Table(
            "agreement",
            "Agreement of selections: Jaccard's index",
            declared.agreement_columns(),
            analysis.agreement,
            "",
            {"least": "of an instance", "pairs": "of runs"},
        ),
        Table(
            "quality",
            "Rank correlation of energy and metric, instance by instance",
            declared.quality_columns(),
            analysis.quality,
            "Positive: the better the energy, the better the network.",
        ),
        _undone(rows),
    ]
    return {table.name: table for table in made if table.rows}


def _success(analysis: Analysis) -> str:
    """What a success is here."""
    if analysis.threshold:
        return f"Success: within {level(analysis.threshold)} of the best known energy."
    return "Success: the best known energy."


def _notes(analysis: Analysis) -> str:
    notes = dict.fromkeys(pair.note for pair in analysis.pairs if pair.note)
    return f" Notes: {'; '.join(notes)}" if notes else ""


def _undone(rows: Sequence[Row]) -> Table:
    held: dict[tuple[str, str, str, str], list[int]] = {}
    for row in rows:
        if row.state is not State.DONE:
            name = (row.method, row.instance, row.state.value, row.reason)
            held.setdefault(name, []).append(row.seed)
    return Table(
        "undone",
        "Cells without an answer, by reason",
        [
            Column("method", attrgetter("method"), left=True),
            Column("instance", attrgetter("instance"), left=True),
            Column("state", attrgetter("state"), left=True),
            Column("reason", attrgetter("reason"), left=True),
            Column("cells", lambda of: len(of.seeds), format="d"),
            Column("seeds", lambda of: ", ".join(map(str, of.seeds)), left=True),
        ],
        [Undone(*name, tuple(sorted(seeds))) for name, seeds in sorted(held.items())],
    )
