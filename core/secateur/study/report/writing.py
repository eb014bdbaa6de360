"""A report: a page, figures and tables in a folder."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from secateur.errors import DataError
from secateur.progress import working
from secateur.study.cell import Study
from secateur.study.report import words
from secateur.study.report.charts import plots
from secateur.study.report.figures import scripts, write_figures
from secateur.study.report.folder import check_place, replaced
from secateur.study.report.looks import page_look, paper_look
from secateur.study.report.page.rendering import render
from secateur.study.report.page.tabulated import tabulated
from secateur.study.report.palette import signs
from secateur.study.report.tabled import all_tables
from secateur.study.report.tables import write_tables
from secateur.study.row import Row
from secateur.study.statistics import Analysis, analyse
from secateur.versions import of_ourselves
