"""Numbers as people read them, and columns of estimates: the number, its interval beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from secateur.report.columns import Column
from secateur.study.statistics import Estimate

MISSING = "–"
"""Stands where nothing is known."""


def plain(value: float) -> str:
    """Three figures: ``0.0123``, ``12.3``, ``1234``, ``1.2e-07``, ``∞``."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if math.isnan(value):
        return MISSING
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e7:
        return _signed(f"{value:.2e}")
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return _signed(f"{value:.{digits}f}")


def percent(value: float) -> str:
    """A share of 1: ``12.3 %``, ``0.012 %``; 0 and 100 only where it is so."""
    if not math.isfinite(value):
        return plain(value)
    hundred = 100 * value
    if value in (0, 1):
        return f"{hundred:.0f} %"
    if 0.1 <= abs(hundred) <= 99.9:
        return _signed(f"{hundred:.1f} %")
    return f"{plain(hundred)} %" if abs(hundred) < 1 else _signed(f"{hundred:.3g} %")


def level(value: float) -> str:
    """A share that somebody chose, as it was chosen: ``95 %``, ``0.1 %``."""
    return f"{100 * value:.6g} %"


def seconds(value: float) -> str:
    """Seconds that somebody chose, as they were chosen: ``10 s``."""
    return f"{value:g} s"


def energy(value: float) -> str:
    """Seven figures: energies differ late."""
    return _signed(f"{value:.7g}") if math.isfinite(value) else plain(value)


def hundredths(value: float) -> str:
    """``1.25``."""
    return _signed(f"{value:.2f}") if math.isfinite(value) else plain(value)


def whole(value: float) -> str:
    """``12``."""
    return _signed(f"{value:d}") if isinstance(value, int) else plain(value)


def p_value(value: float) -> str:
    """Three decimals, or that it is less."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _signed(text: str) -> str:
    return text.replace("-", "−") if text.startswith("-") else text


@dataclass(frozen=True)
class NumberColumn(Column):
    """A column of numbers or of estimates.

    Arguments:
        digits: from a number to what is shown.
        best: "low" or "high": which of them stands out; "" for none.
        help: what it means, for the head of a table on the page.
    """

    digits: Callable[[float], str] = plain
    best: str = ""
    help: str = ""

    def parts(self, row: Any) -> tuple[str, str, float | None]:
        """What is shown, its interval, and the number to sort by."""
        value = self.of(row)
        if isinstance(value, Estimate):
            if value.value is None:
                return MISSING, "", None
            return self.digits(value.value), interval(value, self.digits), float(value.value)
        return (MISSING, "", None) if value is None else (self.digits(value), "", float(value))


def numbers(
    name: str,
    value: Callable[[Any], Any],
    digits: Callable[[float], str] = plain,
    *,
    key: str,
    best: str = "",
    unit: str = "",
    help: str = "",
    estimate: bool = False,
) -> NumberColumn:
    """A column of numbers; of estimates, CSV holds ``KEY.value``, ``KEY.low`` and ``KEY.high``."""

    def text(shown: Any) -> str:
        if not isinstance(shown, Estimate):
            return digits(shown)
        if shown.value is None:
            return MISSING
        between = interval(shown, digits)
        return f"{digits(shown.value)} [{between}]" if between else digits(shown.value)

    return NumberColumn(
        name,
        value,
        unit=unit,
        format=text,
        missing=MISSING,
        key=key,
        data=_ends if estimate else None,
        digits=digits,
        best=best,
        help=help,
    )


def interval(estimate: Estimate, digits: Callable[[float], str]) -> str:
    """``0.60–0.95``; the unit once, "to" where a minus would be read as a range."""
    if estimate.low is None or estimate.high is None:
        return ""
    low, high = digits(estimate.low), digits(estimate.high)
    between = " to " if "−" in low + high or "e" in low + high else "–"
    if low.endswith(" %") and high.endswith(" %"):
        low = low[:-2]
    return f"{low}{between}{high}"


def _ends(estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {"value": None, "low": None, "high": None}
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
