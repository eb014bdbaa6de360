"""``secateur train``: make the example networks yourself."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from secateur.cli.common import print_json, say
from secateur.cli.help import TaughtGroup
from secateur.cli.shared import json_option, output_option, photos_option, seed_option


@click.group(
    cls=TaughtGroup,
    examples=["secateur train halfunet --output mine", "secateur train chain --output mine"],
    page="reference/command-line",
)
def train() -> None:
    """Train the example networks."""


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every network's training has, in the order of use."""
    for one in reversed(_OPTIONS):
        command = one(command)
    return command


_OPTIONS = (
    click.option("--unshuffle", default=2, show_default=True, help="Pixel unshuffling; 1: none."),
    click.option(
        "--batch-norm/--no-batch-norm",
        default=None,
        help="Behind convolutions, or a bias in them; the former in a Half-UNet, unless given.",
    ),
    click.option("--leak", type=float, help="Slope below zero; 0 in a Half-UNet, 0.1 in a chain."),
    click.option("--steps", type=int, help="Of Adam; 6000 for a Half-UNet, 10000 for a chain."),
    click.option("--batch", default=16, show_default=True, help="Crops a step."),
    click.option("--patch", type=int, help="Side of a crop; 64 for a Half-UNet, 48 for a chain."),
    click.option("--learning-rate", default=1e-3, show_default=True, help="The highest."),
    seed_option(0),
    click.option(
        "--settled",
        default=0.85,
        show_default=True,
        help="Share of the steps from which batch norm uses its running statistics.",
    ),
    click.option("--threads", default=1, show_default=True, help="Another number, other rounding."),
    photos_option,
    click.option("--resume", is_flag=True, help="Go on with the run in --output."),
    json_option,
)


@train.command(
    examples=[
        "secateur train halfunet --output mine",
        "secateur train halfunet --output mine --resume",
    ],
    page="reference/command-line",
)
@output_option("A new folder.", required=True)
@click.option("--width", default=48, show_default=True, help="Filters of every convolution.")
@click.option("--levels", default=4, show_default=True, help="Resolutions.")
@_shared
def halfunet(**given: Any) -> None:
    """Train a Half-UNet to denoise photographs with simulated smartphone noise.

    Without options it is the network that comes with secateur, in 10 to 20 minutes on one core.
    Ctrl-C stops it, and --resume goes on.
    """
    _train("halfunet", given)


@train.command(
    examples=[
        "secateur train chain --output mine",
        "secateur train chain --output mine --resume",
    ],
    page="reference/command-line",
)
@output_option("A new folder.", required=True)
@click.option("--width", default=64, show_default=True, help="Filters of every convolution.")
@click.option("--depth", default=8, show_default=True, help="Convolutions but the head.")
@_shared
def chain(**given: Any) -> None:
    """Train a plain chain of convolutions, as DnCNN is, for the same photographs and noise.

    Without options it is the network that comes with secateur, in 20 to 40 minutes on one core.
    Ctrl-C stops it, and --resume goes on.
    """
    _train("chain", given)


_NOT_OF_RECIPE = ("output", "threads", "photos", "resume", "as_json")
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "halfunet": {"batch_norm": True, "leak": 0.0, "steps": 6000, "patch": 64},
    "chain": {"batch_norm": False, "leak": 0.1, "steps": 10000, "patch": 48},
}
"""Of the networks that come with secateur, where they differ."""


def _train(network: str, given: Mapping[str, Any]) -> None:
    import torch

    from secateur.report.output import try_output
    from secateur.tasks.photographs import load_photographs
    from secateur.zoo.train import Recipe, refuse_another_run, train_network

    own = {name: value for name, value in given.items() if name not in _NOT_OF_RECIPE}
    own = {**own, **{k: v for k, v in _DEFAULTS[network].items() if own[k] is None}}
    recipe = Recipe(network, **own)
    output, as_json = given["output"], given["as_json"]
    if not given["resume"]:
        refuse_another_run(output)
        try_output(output)
    torch.set_num_threads(max(1, given["threads"]))

    def tell(about: dict[str, Any]) -> None:
        if as_json:
            print_json(about)
            return
        noisy, clean = about["psnr_noisy"], about["psnr"]
        say(f"test photographs: {noisy:.2f} dB noisy, {clean:.2f} dB denoised")

    train_network(
        recipe,
        load_photographs(given["photos"]),
        output,
        resume=given["resume"],
        command=_typed(network, output),
        tell=tell,
    )
    if not as_json:
        say(f"written: {output / recipe.weights}")


def _typed(network: str, output: Path) -> str:
    """The command that makes the same weights."""
    context = click.get_current_context()
    command = ["secateur", "train", network, "--output", output.name]
    for name, value in context.params.items():
        typed = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if typed and name not in ("resume", "as_json", "output"):
            flag = "--" + name.replace("_", "-")
            if isinstance(value, bool):
                command.append(flag if value else f"--no-{flag[2:]}")
            else:
                command += [flag, str(value)]
    return shlex.join(command)
