"""``secateur export``: write a saved network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secateur.cli.common import print_json, say
from secateur.cli.help import Taught
from secateur.cli.networks import load_network
from secateur.cli.shared import json_option, network_option
from secateur.errors import FileError

if TYPE_CHECKING:
    from secateur.surgery.export import Exported


@click.command(
    cls=Taught,
    examples=[
        "secateur export smaller model.onnx --network mymodel:build",
        "secateur prune --network mymodel:build --task mytask:task --amount 36% --output smaller",
    ],
    page="how-to/export",
    epilog="Reading ONNX needs onnxruntime: pip install 'secateur[export]'.",
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("path", type=click.Path(path_type=Path))
@network_option
@click.option("--fixed-batch", is_flag=True, help="For one sample at a time only.")
@click.option("--no-check", is_flag=True, help="Do not run the file and compare.")
@json_option
def export(
    folder: Path, path: Path, network_name: str, fixed_batch: bool, no_check: bool, as_json: bool
) -> None:
    """Write the network of FOLDER to PATH: model.onnx, or model.pt2 for torch.export.

    FOLDER is what `secateur prune --output` wrote. The network is the dense one that was pruned;
    its weights do not matter.

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
