"""``secateur qubo``: stop at the BQM."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from secateur.cli.common import key_values, print_json, refuse_existing, say
from secateur.cli.networks import load_network, load_task, network_options


@click.command()
@network_options
@click.option(
    "--objective",
    default="fisher",
    show_default=True,
    help="fisher, residual, hybrid, taylor or l1.",
)
@click.option(
    "--objective-option",
    "objective_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the objective: similarity_weight=0.3",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="A new file: .bqm (dimod), .coo or .qubo.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def qubo(
    network_name: str,
    weights: Path | None,
    weights_key: str | None,
    task_name: str,
    photos: Path | None,
    sidd: Path | None,
    ignored: tuple[str, ...],
    untied: bool,
    norm_over: Literal["all", "kept"],
    probes: int,
    seed: int,
    objective: str,
    objective_options: tuple[str, ...],
    output: Path,
    as_json: bool,
) -> None:
    """Write the QUBO of a network to a file, and stop.

    \b
    Example:
      secateur qubo --network secateur.zoo:pretrained_halfunet \\
          --objective hybrid --output halfunet.bqm
      secateur solve halfunet.bqm --backend tabu --count 173
    """
    from secateur.files import save_bqm
    from secateur.methods import Method, check_method, make_qubo_of
    from secateur.network import find_channels
    from secateur.network.door import unwrap
    from secateur.statistics import collect_statistics
    from secateur.versions import versions

    refuse_existing(output)
    method = Method(
        objective, objective, objective_options=key_values(objective_options, "--objective-option")
    )
    check_method(method)
    network = load_network(network_name, weights, weights_key)
    task = load_task(task_name, photos, sidd, seed)
    network, notes = unwrap(network)
    for note in notes:
        say(note, err=True)
    channels = find_channels(
        network, task.example(), ignored=ignored, tied=not untied, norm_over=norm_over, seed=seed
    )
    statistics = collect_statistics(network, task, channels, probes=probes, seed=seed)
    bqm = make_qubo_of(statistics, method)
    provenance = {
        "network": network_name,
        "task": task.name,
        "objective": objective,
        "objective_options": dict(method.objective_options),
        "probes": probes,
        "seed": seed,
        "versions": versions(),
    }
    digest = save_bqm(bqm, output, provenance)
    about = {
        "file": str(output),
        "sha256": digest,
        "variables": bqm.num_variables,
        "couplings": bqm.num_interactions,
    }
    if as_json:
        print_json(about)
    else:
        say(
            f"written: {output} ({bqm.num_variables} variables, {bqm.num_interactions} couplings)"
            f"\nsha256:  {digest}"
        )
