"""``secateur demo``: the whole job on the network that comes with secateur."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secateur.cli.common import print_json, say
from secateur.errors import SecateurError

if TYPE_CHECKING:
    from torch import nn

    from secateur.result import PruningResult

TIED = ("random", "taylor", "fisher", "residual")
"""The methods of the second table."""


@click.command()
@click.option("--amount", default="36%", show_default=True, help="36%, 0.36 or a count.")
@click.option(
    "--evaluations",
    default=100,
    show_default=True,
    help="Budget of the tensor-train refinement, in evaluations of the true metric.",
)
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
    seed: int,
    photos: Path | None,
    output: Path,
    as_json: bool,
) -> None:
    """Prune a trained denoiser by several methods, and show what each is worth.

    The network is a Half-UNet trained on photographs with simulated smartphone noise; the tables
    show PSNR on test photographs that neither training nor pruning has seen, with the channels
    removed and nothing else, and after the layers that read them were re-fitted.

    The first table is of the reference's setting: every filter goes by itself, and what a sum adds
    up is put in place by index. In the second one filters that are added up leave together, and the
    network that comes out has plain widths: fewer and larger channels, less time.

    \b
    Example:
      secateur demo --amount 50% --output half
    """
    from secateur.methods import resolve, standard_methods
    from secateur.pipeline import compare
    from secateur.report import try_output
    from secateur.tasks.denoising import denoising_task
    from secateur.zoo import pretrained_halfunet

    try_output(output)
    network = pretrained_halfunet()
    task = denoising_task(photos, seed=seed)
    methods = standard_methods(evaluations=evaluations)
    apart = compare(network, task, amount=amount, methods=methods, seed=seed, tied=False)
    if not as_json:
        say(f"Every filter by itself:\n\n{apart}\n")
    few = [method for method in methods if resolve(method).name in TIED]
    try:
        together = compare(network, task, amount=amount, methods=few, seed=seed)
    except BaseException:  # also Ctrl-C: the first table took a minute, and is not lost
        if as_json:
            print_json({"untied": apart.to_json(), "tied": None})
        for fault in _saved([(apart, output / "untied")], network, quiet=as_json):
            say(f"{type(fault).__name__}: {fault}", err=True)
        raise
    if as_json:
        print_json({"untied": apart.to_json(), "tied": together.to_json()})
    else:
        say(
            f"Filters that are added up together:\n\n{together}\n"
            f"\nStatistics: {apart.statistics_seconds:.1f} and "
            f"{together.statistics_seconds:.1f} s, shared by all rows. Reliability of the Fisher "
            f"couplings: {apart.reliability:.2f} and {together.reliability:.2f}."
        )
    results = [(together, output), (apart, output / "untied")]
    faults = _saved(results, network, quiet=as_json)
    for fault in faults[1:]:
        say(f"{type(fault).__name__}: {fault}", err=True)
    if faults:
        raise faults[0]


def _saved(
    results: list[tuple[PruningResult, Path]], network: nn.Module, *, quiet: bool
) -> list[SecateurError]:
    """Write every result that can be written, and say where; what went wrong.

    A result below a folder that ended up somewhere else goes with it.
    """
    from secateur.report.folder import save_somehow

    written: dict[Path, Path] = {}
    faults: list[SecateurError] = []
    for result, folder in results:
        place = written[folder.parent] / folder.name if folder.parent in written else folder
        try:
            saved = save_somehow(result, place, network)
        except SecateurError as error:
            faults.append(error)
            continue
        written[folder] = saved.path
        if saved.error is not None:
            faults.append(saved.error)
    if written and not quiet:
        say(
            f"Written: {' and '.join(map(str, written.values()))} (result.json, selection.json, "
            "network.safetensors, figure.png)"
        )
    return faults
