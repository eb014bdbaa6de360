"""``secateur study new``: a commented example."""

from __future__ import annotations

from pathlib import Path

import click

from secateur.cli.common import print_json, say


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--metered", is_flag=True, help="With a metered backend and a budget.")
@click.option("--json", "as_json", is_flag=True, help="Print the file written as JSON.")
def new(file: Path, metered: bool, as_json: bool) -> None:
    """Write a commented example of a study to a new file; it runs as it is in under a minute.

    \b
    Example:
      secateur study new study.toml
      secateur study check study.toml
    """
    from secateur.study.spec.example import write_example

    write_example(file, metered=metered)
    if as_json:
        print_json({"file": str(file)})
        return
    say(f"{'written':8} {file}")
    say(f"{'next':8} secateur study check {file}")
