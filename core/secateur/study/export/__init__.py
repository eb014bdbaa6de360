"""A study as other people's files."""
