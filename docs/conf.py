"""Sphinx settings."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "secateur"
author = "The secateur maintainers"
copyright = "2026, The secateur maintainers"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "option_tables",
    "error_pages",
    "python_pages",
    "command_pages",
    "schema_pages",
]
html_theme = "furo"
html_title = "secateur"
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
smartquotes = False  # what is shown is what is printed
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_ivar = True
autodoc_default_options = {"members": True, "show-inheritance": True}
suppress_warnings = ["ref.python", "myst.header", "myst.xref_missing"]
