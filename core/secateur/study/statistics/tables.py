"""An analysis as tables, each declared once, and as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from secateur.report.columns import Column
from secateur.study.statistics.analysis import Analysis
from secateur.study.statistics.summaries import Estimate, Spent

INFINITE = "infinite"
"""What stands in JSON and CSV for a number that is; JSON knows none."""


def methods_columns() -> list[Column]:
    """Of ``Analysis.methods``."""
    return [
        _name("method"),
        _plain("rank", ".2f"),
        _estimate("success", scale=100, unit="%", form=".0f"),
        _estimate("gap", scale=100, unit="%"),
        _estimate("time to solution", "tts", unit="s"),
        _estimate("time to target", "expected", unit="s"),
        _plain("primal_integral", ".3g", name="primal integral"),
        _plain("solved"),
        _plain("best_on", name="best on"),
        _plain("runs"),
        *_states(),
        _plain("tuned", shown=False),
        _plain("metered", shown=False),
        Column("backends", _get("backends"), shown=False, data=", ".join),
    ]


def instances_columns() -> list[Column]:
    """Of ``Analysis.instances``."""
    return [
        _name("name", "instance"),
        _plain("family", shown=False),
        _plain("sha256", shown=False),
        _plain("variables"),
        _plain("couplings"),
        _plain("count"),
        _plain("best", ".9g"),
        _plain("source", name="from"),
        _plain("bound", ".9g"),
        Column("proven", _get("proven"), format=lambda proven: "yes" if proven else ""),
        _plain("size", ".9g", shown=False),
        _plain("conflict", shown=False),
    ]


def cells_columns() -> list[Column]:
    """Of ``Analysis.cells``."""
    return [
        _name("method"),
        _name("instance"),
        _plain("energy", ".9g"),
        _percent("gap"),
        _percent("gap_best", shown=False),
        _percent("gap_worst", shown=False),
        _percent("to_bound", name="to bound"),
        _plain("successes", shown=False),
        _estimate("success", scale=100, unit="%", form=".0f"),
        _estimate("success of a read", "read_success", scale=100, unit="%"),
        _plain("seconds", ".3g", unit="s", name="time"),
        _plain("access", ".3g", unit="s"),
        _estimate("time to solution", "tts", unit="s"),
        _estimate("by access", "tts_access", unit="s"),
        _estimate("by reads", "tts_reads", unit="s"),
        _plain("expected", ".3g", unit="s", name="time to target"),
        _plain("runs"),
        *_states(),
    ]


def pairs_columns() -> list[Column]:
    """Of ``Analysis.pairs``."""
    return [
        _name("first"),
        _name("second"),
        _estimate("difference of gaps", "difference", scale=100, unit="%"),
        _estimate("first is better", "superiority", scale=100, unit="%", form=".0f"),
        _plain("p", ".2g"),
        _plain("p_holm", ".2g", name="p, Holm"),
        _plain("p_nemenyi", ".2g", name="p, Nemenyi"),
        _plain("pairs"),
        _plain("instances"),
        _plain("unpaired"),
        _plain("note", shown=False),
    ]


def contributions_columns() -> list[Column]:
    """Of ``VirtualBest.contributions``."""
    return [
        _name("method"),
        _plain("best_on", name="best on"),
        _plain("alone_on", name="alone the best on"),
        _plain("only_solver", name="alone solves"),
        _percent("gap", name="gap without it, more by"),
        _plain("solved", name="solved without it, fewer by"),
    ]


def agreement_columns() -> list[Column]:
    """Of ``Analysis.agreement``."""
    return [
        _name("first"),
        _name("second"),
        _plain("jaccard", ".2f", name="Jaccard"),
        _plain("least", ".2f"),
        _plain("pairs"),
        _plain("instances"),
    ]


def quality_columns() -> list[Column]:
    """Of ``Analysis.quality``."""
    return [
        _name("instance"),
        _plain("selections"),
        _estimate("Kendall's tau", "kendall", form=".2f"),
        _estimate("Spearman's rho", "spearman", form=".2f"),
        _plain("best_energy_metric", ".4g", name="metric at the best energy"),
        _plain("best_metric", ".4g", name="best metric"),
        _plain("dense", ".4g"),
        _plain("rows", shown=False),
        _plain("higher_is_better", shown=False),
        _plain("note", shown=False),
    ]


def times_columns() -> list[Column]:
    """Of ``Analysis.times``: sums, and medians of a row."""
    kinds = ("wall", "queue", "access", "cpu")
    return [
        _name("method"),
        _plain("rows"),
        *(_spent(kind, "total", unit="s") for kind in kinds),
        *(_spent(kind, "median", unit="s") for kind in kinds),
        _spent("charged", "total"),
        _spent("charged", "median"),
        *(_spent(kind, "told", shown=False) for kind in (*kinds, "charged")),
    ]


def as_data(value: Any) -> Any:
    """An analysis, or a part of it, as plain data for JSON; infinite numbers as a word."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: as_data(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): as_data(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [as_data(inner) for inner in value]
    if isinstance(value, float) and math.isinf(value):
        return INFINITE if value > 0 else f"-{INFINITE}"
    return value


def to_json(analysis: Analysis) -> str:
    """The whole analysis as one JSON document."""
    return json.dumps(as_data(analysis), indent=2, allow_nan=False) + "\n"


def shown_estimate(estimate: Estimate | None, *, scale: float = 1.0, form: str = ".3g") -> str:
    """``93 [79, 98]``; an infinite number as ∞, nothing where nothing is told.

    Arguments:
        estimate: what is shown.
        scale: 100 for per cent.
        form: of each number.
    """
    if estimate is None or estimate.value is None:
        return ""
    value = shown_number(estimate.value * scale, form)
    if estimate.low is None and estimate.high is None:
        return value
    low, high = (
        "?" if end is None else shown_number(end * scale, form)
        for end in (estimate.low, estimate.high)
    )
    return f"{value} [{low}, {high}]"


def shown_number(value: float, form: str = ".3g") -> str:
    """A number, or ∞."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    # what rounds to nothing has no sign
    made = format(value, form)
    return made.lstrip("-") if float(made) == 0 else made


def _get(field: str) -> Callable[[Any], Any]:
    return attrgetter(field)


def _name(field: str, name: str = "") -> Column:
    return Column(name or field, _get(field), key=field, left=True)


def _plain(
    field: str, form: str = "", *, name: str = "", unit: str = "", shown: bool = True
) -> Column:
    def format_of(value: Any) -> str:
        return shown_number(value, form) if form else str(value)

    return Column(
        name or field,
        _get(field),
        unit=unit,
        format=format_of,
        key=field,
        data=as_data,
        shown=shown,
    )


def _percent(field: str, *, name: str = "", shown: bool = True) -> Column:
    return Column(
        name or field,
        _get(field),
        unit="%",
        format=lambda share: shown_number(100 * share),
        key=field,
        shown=shown,
    )


def _estimate(
    name: str, field: str = "", *, scale: float = 1.0, unit: str = "", form: str = ".3g"
) -> Column:
    return Column(
        name,
        _get(field or name),
        unit=unit,
        format=lambda estimate: shown_estimate(estimate, scale=scale, form=form),
        key=field or name,
        data=as_data,
    )


def _spent(kind: str, part: str, *, unit: str = "", shown: bool = True) -> Column:
    def value(row: Any) -> Any:
        spent: Spent = getattr(row, kind)
        return getattr(spent, part)

    return Column(
        f"{kind}, {part}",
        value,
        unit=unit,
        format=lambda number: shown_number(number, ".4g"),
        key=(kind, part),
        shown=shown,
    )


def _states() -> list[Column]:
    return [_plain(state) for state in ("done", "failed", "cannot", "absent")]
