"""What the commands about networks share: networks by name, tasks by name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from secateur.cli.common import say
from secateur.cli.completing import of_words
from secateur.cli.shared import network_option, photos_option
from secateur.errors import DataError, MetricError, OptionError
from secateur.loading import TASKS, build_network, load_task

if TYPE_CHECKING:
    from torch import nn

Command = TypeVar("Command", bound=Callable[..., Any])

__all__ = ["load_network", "load_task", "network_options"]


def network_options(command: Command) -> Command:
    """The options that say which network is pruned, and for what."""
    for option in reversed(
        (
            network_option,
            click.option(
                "--weights",
                type=click.Path(path_type=Path),
                help="Trained weights: .safetensors, or a checkpoint of torch.save (.pt, .pth, …).",
            ),
            click.option(
                "--weights-key",
                metavar="KEY",
                help="Where in the checkpoint, if it holds several state dicts: model, ema.",
            ),
            click.option(
                "--task",
                "task_name",
                default="denoising",
                show_default=True,
                metavar="NAME",
                help="denoising, sidd, or MODULE:FACTORY that builds a secateur.Task.",
                shell_complete=of_words(TASKS),
            ),
            photos_option,
            click.option(
                "--sidd", type=click.Path(path_type=Path), help="The folder of the SIDD data set."
            ),
        )
    ):
        command = option(command)
    return _told_of_the_task(command)


def _told_of_the_task(command: Command) -> Command:
    """Where the images of the default task fail, that nobody named it is told."""

    @functools.wraps(command)
    def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (DataError, MetricError) as error:
            source = click.get_current_context().get_parameter_source("task_name")
            if source is click.core.ParameterSource.DEFAULT:
                error.remedy = (
                    "no --task is given, so it was run on images of the task denoising; name your "
                    f"own: --task mytask:task. Or {error.remedy}"
                )
            raise

    return cast(Command, told)


def load_network(name: str, weights: Path | None, key: str | None = None) -> nn.Module:
    """The network of ``--network`` with the weights of ``--weights``."""
    if key is not None and weights is None:
        raise OptionError(
            f"--weights-key is {key!r} and there are no weights", remedy="give --weights FILE too"
        )
    network, notes = build_network(name, weights, key)
    for note in notes:
        say(note, err=True)
    return network
