"""``secateur train``: make the example network yourself."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from secateur.cli.common import print_json, say


@click.group()
def train() -> None:
    """Train the example network.

    \b
    Example:
      secateur train halfunet --output mine
    """


@train.command()
@click.option("--output", type=click.Path(path_type=Path), required=True, help="A new folder.")
@click.option("--width", default=48, show_default=True, help="Filters of every convolution.")
@click.option("--levels", default=4, show_default=True, help="Resolutions.")
@click.option("--unshuffle", default=2, show_default=True, help="Pixel unshuffling; 1 for none.")
@click.option("--no-batch-norm", is_flag=True, help="Convolutions with a bias instead.")
@click.option("--steps", default=6000, show_default=True, help="Of Adam; 5 to 9 a second.")
@click.option("--batch", default=16, show_default=True, help="Crops a step.")
@click.option("--patch", default=64, show_default=True, help="Side of a crop in pixels.")
@click.option("--learning-rate", default=1e-3, show_default=True, help="The highest.")
@click.option("--seed", default=0, show_default=True, help="Of weights, crops and noise.")
@click.option(
    "--settled",
    default=0.85,
    show_default=True,
    help="Share of the steps from which batch norm uses its running statistics.",
)
@click.option("--threads", default=1, show_default=True, help="Another number, other rounding.")
@click.option(
    "--photos", type=click.Path(path_type=Path), help="A folder of your own images instead."
)
@click.option("--resume", is_flag=True, help="Go on with the run in --output.")
@click.option("--json", "as_json", is_flag=True, help="Print halfunet.json at the end.")
def halfunet(
    output: Path,
    width: int,
    levels: int,
    unshuffle: int,
    no_batch_norm: bool,
    steps: int,
    batch: int,
    patch: int,
    learning_rate: float,
    seed: int,
    settled: float,
    threads: int,
    photos: Path | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Train a Half-UNet to denoise photographs with simulated smartphone noise.

    \b
    Example (the network that comes with secateur, 10 to 20 minutes on one core):
      secateur train halfunet --output mine
    Stop it with Ctrl-C and go on later:
      secateur train halfunet --output mine --resume
    """
    import torch

    from secateur.report.output import try_output
    from secateur.tasks.photographs import load_photographs
    from secateur.zoo.train import Recipe, refuse_another_run, train_halfunet

    recipe = Recipe(
        width=width,
        levels=levels,
        unshuffle=unshuffle,
        batch_norm=not no_batch_norm,
        steps=steps,
        batch=batch,
        patch=patch,
        learning_rate=learning_rate,
        seed=seed,
        settled=settled,
    )
    if not resume:
        refuse_another_run(output)
        try_output(output)
    torch.set_num_threads(max(1, threads))
    context = click.get_current_context()
    command = ["secateur", "train", "halfunet", "--output", output.name]
    for name, value in context.params.items():
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and name not in ("resume", "as_json", "output"):
            flag = "--" + name.replace("_", "-")
            command += [flag] if value is True else [flag, str(value)]

    def tell(about: dict[str, Any]) -> None:
        if as_json:
            print_json(about)
            return
        noisy, clean = about["psnr_noisy"], about["psnr"]
        say(f"test photographs: {noisy:.2f} dB noisy, {clean:.2f} dB denoised")

    train_halfunet(
        recipe,
        load_photographs(photos),
        output,
        resume=resume,
        command=shlex.join(command),
        tell=tell,
    )
    if not as_json:
        say(f"written: {output / 'halfunet.safetensors'}")
