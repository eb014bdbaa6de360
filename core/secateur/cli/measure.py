"""``secateur measure``: measure a network once, for many prunings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from secateur.cli.common import print_json, say
from secateur.cli.declared import declared_options
from secateur.cli.help import Taught
from secateur.cli.measured import load_subject, read_measuring
from secateur.cli.networks import network_options
from secateur.cli.shared import json_option, objective_option, output_option
from secateur.errors import SecateurError
from secateur.methods.measuring import Measuring


@click.command(
    cls=Taught,
    examples=[
        "secateur measure --network secateur.zoo:pretrained_halfunet --output measured",
        "secateur prune --network secateur.zoo:pretrained_halfunet --measured measured "
        "--amount 50%",
    ],
    page="how-to/measure-once",
)
@network_options
@declared_options(Measuring)
@output_option("A new folder; none if left out.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help="A new image: what each layer would lose at each width.",
)
@objective_option
@json_option
def measure(
    output: Path | None,
    picture: Path | None,
    objective: str,
    as_json: bool,
    **values: Any,
) -> None:
    """Measure every channel of a network once, and show which there are.

    The objective is that of the picture.
    """
    from secateur.measured import measure as run
    from secateur.measured.describing import as_json as content
    from secateur.objectives import resolve_objective
    from secateur.report import try_output
    from secateur.report.landscape import draw_curves
    from secateur.report.output import save_somewhere

    try_output(output)
    try_output(picture)
    chosen = resolve_objective(objective, None)
    measuring = read_measuring(values, None)
    network, task = load_subject(values, measuring.seed)
    measured = run(network, task, **{name: getattr(measuring, name) for name in measuring.public()})
    if as_json:
        print_json(content(measured))
    else:
        say(str(measured))
    faults: list[SecateurError] = []
    for path, write in (
        (output, measured.save),
        (picture, lambda path: draw_curves(measured.curves(chosen), path, chosen.name)),
    ):
        if path is None:
            continue
        try:
            saved = save_somewhere(write, path)
        except SecateurError as error:  # nowhere: the other one is written all the same
            faults.append(error)
            continue
        if saved.error is not None:
            faults.append(saved.error)
        elif not as_json:
            say(f"written: {saved.path}")
    for fault in faults[1:]:
        say(f"{type(fault).__name__}: {fault}", err=True)
    if faults:  # told when all is written that can be
        raise faults[0]
