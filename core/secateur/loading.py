"""Networks and tasks by name, as commands and study files name them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from secateur.errors import DataError, NetworkError, OptionError, SecateurError, TaskError
from secateur.imported import explain, import_attribute
from secateur.nearest import did_you_mean

if TYPE_CHECKING:
    from torch import nn

    from secateur.tasks import Task

TASKS = ("denoising", "sidd")
"""Tasks that have a name of their own."""

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
            remedy="name a function without arguments that builds it",
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


def build_network(
    name: str, weights: Path | None, key: str | None = None
) -> tuple[nn.Module, tuple[str, ...]]:
    """A network with its weights, in evaluation mode, and what is to be told of them.

    Arguments:
        name: ``module:factory``.
        weights: a file; None: as the factory builds it.
        key: where in the file, if it holds several state dicts.

    Raises:
        NetworkError: it cannot be built.
        FileError: the weights cannot be read.
    """
    from torch import nn

    from secateur.surgery import load_weights

    network = call_factory(name, "network")
    if not isinstance(network, nn.Module):
        raise NetworkError(
            f"{name} built a {type(network).__name__}", remedy="build a torch.nn.Module"
        )
    notes = () if weights is None else tuple(load_weights(network, weights, key=key))
    return network.eval(), notes


def load_task(name: str, photos: Path | None, sidd: Path | None, seed: int) -> Task:
    """A task.

    Arguments:
        name: "denoising", "sidd" or ``module:factory``.
        photos: a folder of images for "denoising"; None: those in the packages.
        sidd: the folder of that data set.
        seed: of the calibration data of the tasks that have a name.

    Raises:
        TaskError: there is no such task, or it cannot be built.
        DataError: data that it needs are not there.
    """
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
            f"there is no task {name!r}",
            remedy=f"{did_you_mean(name, TASKS)}use {', '.join(TASKS)} or module:factory",
        )
    task = call_factory(name, "task")
    if not isinstance(task, Task):
        raise TaskError(f"{name} built a {type(task).__name__}", remedy="build a secateur.Task")
    return task
