"""A study as a page, figures and tables."""
