"""``secateur study``: write, check, run and report a comparison of solvers."""

from __future__ import annotations

import click

from secateur.cli.lazy import LazyGroup

COMMANDS = {
    "new": "Write a commented example of a study.",
    "check": "Say how many cells it has, how long it takes and what it costs; run nothing.",
    "run": "Run what is not done yet.",
    "tune": "Give every method the same tuning, on instances of its own.",
    "report": "Make the page, figures and tables.",
    "export": "Write rows as CSV, Parquet, or a QOBLIB submission.",
}
"""Names and one-line helps, so that ``--help`` imports nothing."""


@click.group(
    cls=LazyGroup,
    home="secateur.cli.studies",
    helps=COMMANDS,
    examples=[
        "secateur study new study.toml",
        "secateur study check study.toml",
        "secateur study run study.toml",
        "secateur study report study.toml",
    ],
    page="tutorial/first-study",
)
def study() -> None:
    """Compare solvers: many problems, many methods, equal time, intervals beside every number.

    A study that was interrupted goes on where it stopped: every cell is stored as it ends.
    """
