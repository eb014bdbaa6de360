"""``docs/pages.py`` for tests; with ``WRITE_PAGES=1`` they put what is printed into the pages."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITE = bool(os.environ.get("WRITE_PAGES"))

sys.path.insert(0, str(DOCS))
try:
    pages: Any = importlib.import_module("pages")
finally:
    sys.path.remove(str(DOCS))


def run_page(path: Path) -> None:
    """Run a page in the current folder, as it is served there."""
    pages.run_page(path, write=WRITE)
