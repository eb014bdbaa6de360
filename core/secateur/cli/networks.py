"""What the commands about networks share: networks by name, tasks by name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secateur.errors import DataError, NetworkError, OptionError, SecateurError

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
            click.option(
                "--ignored",
                multiple=True,
                metavar="PATH",
                help="A module path that stays whole; may be given many times.",
            ),
            click.option(
                "--untied",
                is_flag=True,
                help="Filters that are added up go one by one, and modules behind them put the "
                "rest in place: more choice, and slower. Otherwise they leave together.",
            ),
            click.option(
                "--norm-over",
                type=click.Choice(["all", "kept"]),
                default="all",
                show_default=True,
                help="all: channels under a layer norm, a softmax or a mean over them stay; kept: "
                "they go, and the statistic is taken over those that are kept.",
            ),
            click.option(
                "--probes",
                default=20,
                show_default=True,
                help="Fisher probes for each calibration sample.",
            ),
            click.option("--seed", default=0, show_default=True, help="Of everything random."),
        )
    ):
        command = option(command)
    return command


def import_object(name: str, what: str) -> Any:
    """The object that ``module:attribute`` names; modules of the current folder are found.

    Raises:
        NetworkError: it cannot be imported.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise NetworkError(f"the {what} is {name!r}", remedy="write it as module:factory")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except AttributeError as error:
        raise NetworkError(
            f"the {what} {name!r} cannot be found: {error}",
            remedy=f"check the name behind the colon in {module_name}",
        ) from error
    except BaseException as error:  # importing runs the user's code, which may call sys.exit
        raise NetworkError(
            f"the {what} {name!r} cannot be imported: {type(error).__name__}: {error}",
            remedy="run from the folder that holds the module, or install it",
        ) from error
    return found


def call_factory(name: str, what: str) -> Any:
    """What the factory ``module:factory`` builds.

    Raises:
        NetworkError: it cannot be imported or raises.
    """
    factory = import_object(name, what)
    if not callable(factory):
        raise NetworkError(
            f"the {what} {name!r} is a {type(factory).__name__}",
            remedy="name a function without arguments",
        )
    try:
        return factory()
    except (SecateurError, KeyboardInterrupt):
        raise
    except BaseException as error:  # the user's code
        raise NetworkError(
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
            click.echo(note, err=True)
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
        raise OptionError(
            f"there is no task {name!r}", remedy=f"use {', '.join(TASKS)} or module:factory"
        )
    task = call_factory(name, "task")
    if not isinstance(task, Task):
        raise DataError(f"{name} built a {type(task).__name__}", remedy="build a secateur.Task")
    return task
