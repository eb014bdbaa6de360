"""``secateur demo``: the whole job on the network that comes with secateur."""

from __future__ import annotations

from pathlib import Path

import click

from secateur.cli.common import print_json, refuse_existing


@click.command()
@click.option("--amount", default="36%", show_default=True, help="36%, 0.36 or a count.")
@click.option(
    "--evaluations",
    default=100,
    show_default=True,
    help="Budget of the tensor-train refinement, in evaluations of the true metric.",
)
@click.option("--untied", is_flag=True, help="Filters that are added up go one by one.")
@click.option("--seed", default=0, show_default=True, help="Of everything random.")
@click.option(
    "--photos", type=click.Path(path_type=Path), help="A folder of your own images instead."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("secateur-demo"),
    show_default=True,
    help="A new folder for the result.",
)
@click.option("--json", "as_json", is_flag=True, help="Print result.json instead of the table.")
def demo(
    amount: str,
    evaluations: int,
    untied: bool,
    seed: int,
    photos: Path | None,
    output: Path,
    as_json: bool,
) -> None:
    """Prune a trained denoiser by several methods, and show what each is worth.

    The network is a Half-UNet trained on photographs with simulated smartphone noise; the table
    shows PSNR on test photographs that neither training nor pruning has seen, with the channels
    removed and nothing else, and after the layers that read them were re-fitted.

    \b
    Example:
      secateur demo --amount 50% --output half
    """
    from secateur.methods import standard_methods
    from secateur.pipeline import compare
    from secateur.report import save_result
    from secateur.tasks.denoising import denoising_task
    from secateur.zoo import pretrained_halfunet

    refuse_existing(output)
    network = pretrained_halfunet()
    result = compare(
        network,
        denoising_task(photos, seed=seed),
        amount=amount,
        methods=standard_methods(evaluations=evaluations),
        seed=seed,
        tied=not untied,
    )
    save_result(result, output, network)
    if as_json:
        print_json(result.to_json())
        return
    click.echo(str(result))
    click.echo(
        f"\nStatistics: {result.statistics_seconds:.1f} s, shared by all rows. Reliability of the "
        f"Fisher couplings: {result.reliability:.2f}.\nWritten: {output} (result.json, "
        "selection.json, network.safetensors, figure.png)"
    )
