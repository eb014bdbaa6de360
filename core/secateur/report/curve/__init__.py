"""Several methods at several amounts: as a table, as a picture, and what it says in a sentence."""

from secateur.report.curve.folder import save_curve
from secateur.report.curve.points import HYBRID, LINES, OURS, TAYLOR, TIE, Curve
from secateur.report.curve.shown import Printer, lead, pivot, ties

__all__ = [
    "HYBRID",
    "LINES",
    "OURS",
    "TAYLOR",
    "TIE",
    "Curve",
    "Printer",
    "lead",
    "pivot",
    "save_curve",
    "ties",
]
