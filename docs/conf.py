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
    "sphinx_gallery.gen_gallery",
    "gallery_look",
    "mathml",
    "option_tables",
    "error_pages",
    "python_pages",
    "command_pages",
    "schema_pages",
]
html_theme = "furo"
html_title = "secateur"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_math_renderer = "mathml"
html_domain_indices = False
exclude_patterns = ["_build", "gallery"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
smartquotes = False  # what is shown is what is printed
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_use_ivar = True
autodoc_default_options = {"members": True, "show-inheritance": True}
suppress_warnings = ["ref.python", "myst.header", "myst.xref_missing"]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",  # made, never committed
    "abort_on_example_error": True,
    "image_scrapers": ("gallery_look.scrape",),
    "reset_modules": ("gallery_look.look",),
    "within_subsection_order": "FileNameSortKey",
    "capture_repr": (),  # what a script prints, and its figures
    "download_all_examples": False,
    "default_thumb_file": str(Path(__file__).parent / "images/networks.png"),  # without figures
    "show_signature": False,
    "min_reported_time": 3600,  # no times of this machine on the pages
    "write_computation_times": False,
    "remove_config_comments": True,
}
