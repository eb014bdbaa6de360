"""The report of a study: a page that opens anywhere, figures and tables for a paper."""

from __future__ import annotations

from secateur.study.report.about import About
from secateur.study.report.writing import write_report

__all__ = ["About", "write_report"]
