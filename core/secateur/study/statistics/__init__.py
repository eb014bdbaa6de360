"""What rows say of methods: estimates with intervals, tests, curves; nothing is drawn here."""

from __future__ import annotations

from secateur.study.statistics.analysing import analyse
from secateur.study.statistics.analysis import (
    Agreement,
    Analysis,
    AnytimeCurve,
    Contribution,
    EnergyQuality,
    PairComparison,
    Ranks,
    Steps,
    TargetCurve,
    VirtualBest,
)
from secateur.study.statistics.summaries import (
    CellSummary,
    Estimate,
    InstanceSummary,
    MethodSummary,
    MethodTimes,
    Spent,
)

__all__ = [
    "Agreement",
    "Analysis",
    "AnytimeCurve",
    "CellSummary",
    "Contribution",
    "EnergyQuality",
    "Estimate",
    "InstanceSummary",
    "MethodSummary",
    "MethodTimes",
    "PairComparison",
    "Ranks",
    "Spent",
    "Steps",
    "TargetCurve",
    "VirtualBest",
    "analyse",
]
