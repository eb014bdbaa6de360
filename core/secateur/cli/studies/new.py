"""``secateur study new``: a commented example."""

from __future__ import annotations

from pathlib import Path

import click

from secateur.cli.common import print_json, say
from secateur.cli.help import Taught
from secateur.cli.shared import json_option


@click.command(
    cls=Taught,
    examples=[
        "secateur study new study.toml",
        "secateur study new study.toml --metered",
    ],
    page="tutorial/first-study",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--metered", is_flag=True, help="With a metered backend and a budget.")
@json_option
def new(file: Path, metered: bool, as_json: bool) -> None:
    """Write a commented example of a study to a new file; it runs as it is in under a minute."""
    from secateur.study.spec.example import write_example

    write_example(file, metered=metered)
    if as_json:
        print_json({"file": str(file)})
        return
    say(f"{'written':8} {file}")
    say(f"{'next':8} secateur study check {file}")
