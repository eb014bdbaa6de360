"""``secateur convert``: a QUBO file in another format."""

from __future__ import annotations

from pathlib import Path

import click

from secateur.cli.common import print_json, say
from secateur.cli.help import Taught
from secateur.cli.shared import format_options, json_option


@click.command(
    cls=Taught,
    examples=[
        "secateur convert gka1a.sparse gka1a.lp",
        "secateur convert G1.txt G1.bqm.gz --format max-cut",
        "secateur convert program.lp program.sparse --numbered",
    ],
    page="reference/file-formats",
)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@format_options
@click.option("--to", metavar="NAME", help="The format of the target, unless its suffix says it.")
@click.option(
    "--numbered",
    is_flag=True,
    help="Number the variables where the target cannot hold their labels.",
)
@json_option
def convert(
    source: Path,
    target: Path,
    file_format: str | None,
    to: str | None,
    maximise: bool,
    numbered: bool,
    as_json: bool,
) -> None:
    """Write a QUBO file in another format; what the target cannot hold is refused.

    What the source says of itself goes into TARGET.json, with where it came from. Suffixes .gz,
    .xz and .bz2 pack. Nothing is overwritten.
    """
    from secateur.files import convert as write

    made = write(source, target, format=file_format, to=to, maximise=maximise, numbered=numbered)
    file = made.source
    about = {
        "file": str(made.path),
        "format": made.format,
        "sha256": made.sha256,
        "source": str(source),
        "source_format": file.format,
        "variables": int(file.bqm.num_variables),
        "couplings": int(file.bqm.num_interactions),
        "constraints": len(file.constraints),
        "maximised": file.maximised,
        "warnings": list(file.warnings),
    }
    if as_json:
        print_json(about)
        return
    say(
        f"written: {made.path} ({about['variables']} variables, {about['couplings']} couplings, "
        f"{about['constraints']} constraints; {file.format} to {made.format})\n"
        f"sha256:  {made.sha256}"
    )
    if "sense" in file.provenance:
        say(f"note:    {file.provenance['sense']}")
