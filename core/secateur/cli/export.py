"""``secateur export``: write a saved network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secateur.cli.common import print_json, say
from secateur.cli.networks import load_network
from secateur.errors import FileError

if TYPE_CHECKING:
    from secateur.surgery.export import Exported


@click.command(epilog="Reading ONNX needs onnxruntime: pip install 'secateur[export]'.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--network",
    "network_name",
    required=True,
    metavar="MODULE:FACTORY",
    help="Builds the dense network that was pruned; its weights do not matter.",
)
@click.option("--fixed-batch", is_flag=True, help="For one sample at a time only.")
@click.option("--no-check", is_flag=True, help="Do not run the file and compare.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def export(
    folder: Path, path: Path, network_name: str, fixed_batch: bool, no_check: bool, as_json: bool
) -> None:
    """Write the network of FOLDER to PATH: model.onnx, or model.pt2 for torch.export.

    \b
    Example:
      secateur prune --network mymodel:build --task mytask:task --amount 36% --output smaller
      secateur export smaller model.onnx --network mymodel:build

    Batch normalisation is folded in, the number of samples is free, and the file is run and held
    against the network.
    """
    from secateur.life import export as run
    from secateur.report.output import save_somewhere, try_output

    try_output(path)
    network = load_network(network_name, None)

    def write(place: Path) -> Exported:
        return run(
            folder, place, network=network, dynamic_batch=not fixed_batch, check=not no_check
        )

    saved = save_somewhere(write, path, only=FileError)
    if as_json:
        print_json(saved.value.to_json())
    else:
        say(str(saved.value))
    if saved.error is not None:
        raise saved.error
