"""A study as other people's files: CSV, Parquet, a submission to QOBLIB."""

from __future__ import annotations

from secateur.study.export.columns import RowColumn, row_columns
from secateur.study.export.qoblib import COLUMNS as QOBLIB_COLUMNS
from secateur.study.export.submission import Submission, write_submission
from secateur.study.export.tables import read_csv, read_parquet, write_csv, write_parquet

__all__ = [
    "QOBLIB_COLUMNS",
    "RowColumn",
    "Submission",
    "read_csv",
    "read_parquet",
    "row_columns",
    "write_csv",
    "write_parquet",
    "write_submission",
]
