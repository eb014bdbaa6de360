"""What rows say of methods: estimates with intervals, tests, curves; nothing is drawn here."""

from __future__ import annotations

from secateur.study.statistics.analysing import analyse
from secateur.study.statistics.analysis import Analysis

__all__ = ["Analysis", "analyse"]
