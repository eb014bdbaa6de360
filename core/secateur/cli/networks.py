"""What the commands about networks share: networks by name, tasks by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secateur.cli.common import say
from secateur.errors import DataError, NetworkError, OptionError, SecateurError, TaskError
from secateur.imported import explain, import_attribute

if TYPE_CHECKING:
    from torch import nn

    from secateur.tasks import Task

Command = TypeVar("Command", bound=Callable[..., Any])

TASKS = ("denoising", "sidd")


def network_options(command: Command) -> Command:
    """The options that say which network is pruned, and for what."""
    for option in reversed(
        (
            click.option(
                "--network",
                "network_name",
                required=True,
                metavar="MODULE:FACTORY",
                help="A function without arguments (or a class) that builds the network.",
            ),
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
            ),
            click.option(
                "--photos",
                type=click.Path(path_type=Path),
                help="A folder of images for the denoising task; photographs that come with "
                "scikit-image and scikit-learn unless given.",
            ),
            click.option(
                "--sidd", type=click.Path(path_type=Path), help="The folder of the SIDD data set."
            ),
        )
    ):
        command = option(command)
    return command


_ERRORS: dict[str, type[SecateurError]] = {"network": NetworkError, "task": TaskError}


def import_object(name: str, what: str) -> Any:
    """The object that ``module:attribute`` names; modules of the current folder are found.

    Arguments:
        name: as it was typed.
        what: "network", "task" or another word for messages.

    Raises:
        NetworkError, TaskError, OptionError: it cannot be imported.
    """
    wrong = _ERRORS.get(what, OptionError)
    try:
        return import_attribute(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # importing runs the user's code, which may end Python
        fault = explain(error, f"the {what} {name!r}", name)
        raise wrong(fault.message, remedy=fault.remedy) from error


def call_factory(name: str, what: str) -> Any:
    """What the factory ``module:factory`` builds.

    Raises:
        NetworkError, TaskError, OptionError: it cannot be imported or raises.
    """
    wrong = _ERRORS.get(what, OptionError)
    factory = import_object(name, what)
    if not callable(factory):
        raise wrong(
            f"the {what} {name!r} is a {type(factory).__name__}",
            remedy="name a function without arguments",
        )
    try:
        return factory()
    except (KeyboardInterrupt, SecateurError):  # ours say more than that they were raised
        raise
    except BaseException as error:  # the user's code
        raise wrong(
            f"the {what} {name!r} raised {type(error).__name__}: {error}",
            remedy="it is called without arguments",
        ) from error


def load_network(name: str, weights: Path | None, key: str | None = None) -> nn.Module:
    """The network of ``--network`` with the weights of ``--weights``."""
    from torch import nn

    from secateur.surgery import load_weights

    network = call_factory(name, "network")
    if not isinstance(network, nn.Module):
        raise NetworkError(
            f"{name} built a {type(network).__name__}", remedy="build a torch.nn.Module"
        )
    if key is not None and weights is None:
        raise OptionError(
            f"--weights-key is {key!r} and there are no weights", remedy="give --weights FILE too"
        )
    if weights is not None:
        for note in load_weights(network, weights, key=key):
            say(note, err=True)
    return network.eval()


def load_task(name: str, photos: Path | None, sidd: Path | None, seed: int) -> Task:
    """The task of ``--task``."""
    from secateur.tasks import Task

    if name == "denoising":
        from secateur.tasks.denoising import denoising_task

        return denoising_task(photos, seed=seed)
    if name == "sidd":
        from secateur.tasks.sidd import sidd_task

        if sidd is None:
            raise DataError("the task sidd needs its data", remedy="give its folder with --sidd")
        return sidd_task(sidd, seed=seed)
    if ":" not in name:
        raise TaskError(
            f"there is no task {name!r}", remedy=f"use {', '.join(TASKS)} or module:factory"
        )
    task = call_factory(name, "task")
    if not isinstance(task, Task):
        raise TaskError(f"{name} built a {type(task).__name__}", remedy="build a secateur.Task")
    return task
