"""``secateur qubo``: stop at the BQM."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from secateur.cli.common import key_values, print_json, say
from secateur.cli.declared import declared_options
from secateur.cli.help import Taught
from secateur.cli.measured import (
    load_measured,
    load_subject,
    measured_option,
    read_measuring,
)
from secateur.cli.networks import network_options
from secateur.cli.shared import json_option, objective_option, output_option, pairs_option
from secateur.methods.measuring import Measuring


@click.command(
    cls=Taught,
    examples=[
        "secateur qubo --network secateur.zoo:pretrained_halfunet --objective hybrid "
        "--output halfunet.bqm",
        "secateur solve halfunet.bqm --count 173 --backend tabu",
    ],
    page="reference/objectives",
)
@network_options
@measured_option
@declared_options(Measuring)
@objective_option
@pairs_option(
    "--objective-option",
    "objective_options",
    "An option of the objective, similarity_weight=0.3.",
)
@output_option("A new file: .bqm (dimod), .coo or .qubo.", required=True)
@json_option
def qubo(
    folder: Path | None,
    objective: str,
    objective_options: tuple[str, ...],
    output: Path,
    as_json: bool,
    **values: Any,
) -> None:
    """Write the QUBO of a network to a file, and stop."""
    from secateur.files import save_bqm
    from secateur.measured import measure
    from secateur.objectives import check_one, resolve_objective
    from secateur.report import try_output
    from secateur.report.output import save_somewhere
    from secateur.versions import versions

    try_output(output)
    chosen = resolve_objective(objective, key_values(objective_options, "--objective-option"))
    check_one(chosen)
    measuring = read_measuring(values, folder)
    if folder is not None:
        measured, _ = load_measured(values, folder)
    else:
        network, task = load_subject(values, measuring.seed)
        if chosen.needs_across_groups:
            measuring = replace(measuring, across_groups=True)
        settings = {name: getattr(measuring, name) for name in measuring.public()}
        measured = measure(network, task, **settings)
    for note in measured.subject.notes:
        say(note, err=True)
    bqm = measured.qubo(chosen)
    provenance = {
        "network": values["network_name"],
        "task": measured.task.name,
        "objective": chosen.name,
        "objective_options": chosen.public(),
        **measured.measuring.public(),
        "versions": versions(),
    }
    saved = save_somewhere(lambda path: save_bqm(bqm, path, provenance), output)
    about = {
        "file": str(saved.path),
        "sha256": saved.value,
        "variables": bqm.num_variables,
        "couplings": bqm.num_interactions,
    }
    if as_json:
        print_json(about)
    else:
        say(
            f"written: {saved.path} ({bqm.num_variables} variables, "
            f"{bqm.num_interactions} couplings)\nsha256:  {saved.value}"
        )
    if saved.error is not None:
        raise saved.error
