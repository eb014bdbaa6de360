"""Numbers as people read them in sentences."""

from __future__ import annotations

import math

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
    if 99.9 < hundred < 100:  # as many digits as tell it from all
        return f"{hundred:.{1 - math.floor(math.log10(100 - hundred))}f}".rstrip("0") + " %"
    return f"{plain(hundred)} %"


def level(value: float) -> str:
    """A share that somebody chose, as it was chosen: ``95 %``, ``0.1 %``."""
    return f"{100 * value:.6g} %"


def seconds(value: float) -> str:
    """Seconds that somebody chose, as they were chosen: ``10 s``."""
    return f"{value:g} s"


def hundredths(value: float) -> str:
    """``1.25``."""
    return _signed(f"{value:.2f}") if math.isfinite(value) else plain(value)


def _signed(text: str) -> str:
    return text.replace("-", "−") if text.startswith("-") else text
