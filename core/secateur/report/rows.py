"""The columns of a result's rows: what is printed, and what ``result.json`` holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from secateur.report.columns import Column

if TYPE_CHECKING:
    from secateur.result import Row


def row_columns(
    metric: str, unit: str = "", runtimes: Sequence[str] = (), recovered: bool = False
) -> list[Column]:
    """The columns of ``Row``.

    Arguments:
        metric: its name; the keys of its columns carry it.
        unit: of the metric.
        recovered: whether what was recovered is shown.
        runtimes: where there are times; the first stands beside the MACs, the others at the end.
    """
    return [
        Column("method", _get("method"), left=True),
        Column("amount", _get("amount"), shown=False),
        Column("pruned", _get("pruned"), shown=False),
        Column(
            "channels",
            lambda row: (row.channels, row.pruned),
            format=lambda pair: f"{pair[0]} (-{pair[1]})" if pair[1] else str(pair[0]),
            data=itemgetter(0),
        ),
        Column("parameters", _get("parameters"), format=thousands),
        Column("MACs", _get("macs"), format=millions, key="macs"),
        # the place of all times, which may be none
        Column("times", lambda row: {}, shown=False),
        *(_time(name, f"{name} (1 thread)") for name in runtimes[:1]),
        Column(metric, _get("metric"), unit=unit, format=".3f"),
        Column(
            "compensated", _get("metric_compensated"), format=".3f", key=f"{metric}_compensated"
        ),
        Column(
            "recovered",
            _get("metric_recovered"),
            format=".3f",
            key=f"{metric}_recovered",
            shown=recovered,
        ),
        Column(
            "seconds",
            lambda row: (row.seconds, row.pruned),
            format=lambda pair: f"{pair[0]:.1f}" if pair[1] else "",
            data=itemgetter(0),
        ),
        Column("batch_norm", _get("batch_norm"), shown=False),
        Column("fitted", _get("fitted"), shown=False),
        Column("energy", _get("energy"), shown=False),
        Column("evaluations", _get("evaluations"), shown=False),
        Column("QUBO", _get("proof"), key="proof"),
        *(_time(name, name) for name in runtimes[1:]),
    ]


def thousands(number: int) -> str:
    """``12 345``."""
    return f"{number:,}".replace(",", " ")


def millions(number: int) -> str:
    """``3.6 M``; what is less than one in thousands, ``48.3 k``: 0.0 M says nothing."""
    return f"{number / 1e6:.1f} M" if number >= 999_950 else f"{number / 1e3:.1f} k"


def _get(name: str) -> Callable[[Row], Any]:
    return lambda row: getattr(row, name)


def _time(runtime: str, header: str) -> Column:
    """The time of one runtime with its speed-up."""

    def value(row: Row) -> Any:
        if runtime not in row.times_ms:
            return None
        return row.times_ms[runtime], row.speedups.get(runtime)

    return Column(header, value, format=_shown_time, key=("times", runtime), data=_time_data)


def _shown_time(timed: Any) -> str:
    """``3.60 ms (2.00x)``, or that there is no difference."""
    ms, speedup = timed
    if speedup is None:
        return f"{ms:.2f} ms"
    said = f"{speedup.value:.2f}x" if speedup.different else "no difference"
    return f"{ms:.2f} ms ({said})"


def _time_data(timed: Any) -> dict[str, Any] | None:
    if timed is None:
        return None
    ms, speedup = timed
    if speedup is None:
        return {"ms": ms}
    return {
        "ms": ms,
        "speedup": speedup.value,
        "at_least": speedup.low,
        "at_most": speedup.high,
        "different": speedup.different,
    }
