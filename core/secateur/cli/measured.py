"""What the commands about networks share once a network is there: measured, or to be measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secateur.cli.declared import given, typed
from secateur.cli.networks import load_network, load_task
from secateur.errors import OptionError

if TYPE_CHECKING:
    from torch import nn

    from secateur.measured import Measured
    from secateur.methods.measuring import Measuring
    from secateur.tasks import Task

measured_option = click.option(
    "--measured",
    "folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="What `secateur measure` wrote of this network and task, instead of measuring again.",
)


def read_measuring(values: Mapping[str, Any], folder: Path | None) -> Measuring:
    """The settings of a measuring, or those that say nothing where a folder has them.

    Raises:
        OptionError: a setting that it cannot have, or one besides the folder's.
    """
    from secateur.methods.keywords import measuring_of
    from secateur.methods.measuring import Measuring

    said = [flag for flag in typed(click.get_current_context(), Measuring) if flag != "--seed"]
    if folder is not None and said:
        raise OptionError(
            f"--measured is given, and {', '.join(said)} besides",
            remedy="leave them out: the folder holds what was measured with which settings",
        )
    return measuring_of(given(values, Measuring))


def load_subject(values: Mapping[str, Any], seed: int) -> tuple[nn.Module, Task]:
    """The network and the task that the options name."""
    network = load_network(values["network_name"], values["weights"], values["weights_key"])
    return network, load_task(values["task_name"], values["photos"], values["sidd"], seed)


def load_measured(values: Mapping[str, Any], folder: Path) -> tuple[Measured, int]:
    """What was measured, and the seed of what is done with it.

    The task's own seed is that of the measuring.
    """
    from secateur.measured import Measured
    from secateur.measured.folder import read_settings

    settings = read_settings(folder)
    network, task = load_subject(values, settings.seed)
    source = click.get_current_context().get_parameter_source("seed")
    chosen = source is click.core.ParameterSource.COMMANDLINE
    return Measured.load(folder, network, task), values["seed"] if chosen else settings.seed
