"""What is written of a study."""

from __future__ import annotations

from schema_making import (
    ANYTHING,
    HASH,
    NOTES,
    NUMBER,
    OPTIONS,
    TEXT,
    TRUTH,
    WHOLE,
    Making,
    Schema,
    arguments,
    by_name,
    document,
    each,
    maybe,
    record,
    said,
)


@document("study-new", "A study's file that was written", "`secateur study new --json`")
def _study_new(making: Making) -> Schema:
    return record({"file": TEXT})


@document("study-check", "What a study takes", "`secateur study check --json`")
def _study_check(making: Making) -> Schema:
    from secateur.study.outlook import Cost, Part

    counts = {name: said(WHOLE, f"cells: {text}") for name, text in _CELLS.items()}
    return record(
        {
            "title": TEXT,
            "file": TEXT,
            "sha256": said(HASH, "of the study's file"),
            "store": TEXT,
            **counts,
            "workers": WHOLE,
            "seconds": said(NUMBER, "at most"),
            "charge_s": said(maybe(NUMBER), "at most; null: not known"),
            "budget_s": maybe(NUMBER),
            "methods": each(making.part(Part)),
            "instances": each(making.part(Part)),
            "costs": each(making.part(Cost)),
            "reasons": each(record({"reason": TEXT, "cells": WHOLE})),
        }
    )


_CELLS = {
    "cells": "all of the study",
    "done": "that have a row",
    "cannot": "that cannot be run",
    "left": "to run",
}


@document("study-run", "How a run of a study ended", "`secateur study run --json`")
def _study_run(making: Making) -> Schema:
    from secateur.study.row import State
    from secateur.study.running import Ran

    told = arguments(Ran)
    return record(
        {
            "study": said(TEXT, "its title"),
            "store": said(TEXT, told["store"]),
            "cells": said(WHOLE, told["cells"]),
            "new": said(WHOLE, told["new"]),
            **{str(state): said(WHOLE, "rows that ended so") for state in State},
            "waiting": said(WHOLE, "cells that were not run"),
            "waiting_for": said(each(TEXT), "why"),
            "charged_s": said(maybe(NUMBER), told["charged"]),
            "budget_s": said(maybe(NUMBER), told["budget_s"]),
            "seconds": said(NUMBER, told["seconds"]),
        }
    )


@document("study-tune", "How a tuning ended", "`secateur study tune --json`")
def _study_tune(making: Making) -> Schema:
    method = record(
        {
            "name": TEXT,
            "trials": WHOLE,
            "tuned": said(WHOLE, "trials that the options were chosen by"),
            "first_gap": said(maybe(NUMBER), "mean, of the options as they came"),
            "gap": said(maybe(NUMBER), "mean, of the best"),
            "options": OPTIONS,
            "not_tuned": said(TEXT, "why; empty: it was"),
        }
    )
    return record({"study": TEXT, "trials": TEXT, "methods": each(method)})


@document("trials", "Every trial of a tuning", "`FILE.tuning.json` of `secateur study tune`")
def _trials(making: Making) -> Schema:
    from secateur.study.tuning import Trial

    dimension = {
        "oneOf": [
            record({"choices": each(ANYTHING)}),
            record({"from": NUMBER, "to": NUMBER, "log": TRUTH}),
        ]
    }
    method = record(
        {
            "name": TEXT,
            "backend": TEXT,
            "tuned": WHOLE,
            "not_tuned": TEXT,
            "space": by_name(dimension),
            "best": said(maybe(WHOLE), "number of a trial"),
            "trials": each(making.part(Trial)),
        }
    )
    head = {"study": TEXT, "sha256": HASH, "seed": maybe(WHOLE), "best_known": by_name(NUMBER)}
    return record({**head, "methods": each(method)})


def _analysis(making: Making, **more: Schema) -> Schema:
    from secateur.study.statistics import Analysis
    from secateur.study.statistics.tables import INFINITE

    making.number = {"anyOf": [NUMBER, {"enum": [INFINITE, f"-{INFINITE}"]}]}
    found = making.of(Analysis)
    return record({**more, **found["properties"]})


@document("analysis", "What a study found", "`analysis.json` of `secateur study report`")
def _whole_analysis(making: Making) -> Schema:
    return _analysis(making)


@document("study-report", "The same, with where the page is", "`secateur study report --json`")
def _study_report(making: Making) -> Schema:
    return _analysis(making, report=said(TEXT, "the page"))


@document("report-files", "The files of a report", "`.secateur-report.json` of `study report`")
def _report_files(making: Making) -> Schema:
    return said(by_name(HASH), "sha256 by path, so that nothing of yours is overwritten")


@document("study-export", "Rows that were written", "`secateur study export --json`")
def _study_export(making: Making) -> Schema:
    kinds = ("csv", "parquet", "qoblib")
    written = record(dict.fromkeys(kinds, TEXT), optional=kinds)
    return record({"rows": WHOLE, "written": written, "notes": NOTES})


@document(
    "time-series",
    "Better and better choices, QOBLIB's form",
    "`NAME_objective_time_series.json` of `secateur study export --qoblib`",
)
def _time_series(making: Making) -> Schema:
    step = record({"Time": said(NUMBER, "seconds"), "Incumbent": said(NUMBER, "the objective")})
    return said(each(each(step)), "a list for each run")
