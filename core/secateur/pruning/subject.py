"""What is looked at before any data are measured: network, task, channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import nn

from secateur.methods.measuring import Measuring
from secateur.network import Call, Channels, find_channels
from secateur.network.device import device_of
from secateur.network.door import check_call, unwrap
from secateur.network.labels import Origin
from secateur.tasks import Task, check_task
from secateur.tasks.likelihood import likelihood_note


class Smaller(Protocol):
    """A network that was pruned before: a result, or what ``load_pruned`` gives."""

    @property
    def network(self) -> nn.Module:
        """As it is now."""

    @property
    def origin(self) -> Origin | None:
        """What is left of the dense network's channels."""


Prunable = nn.Module | Smaller


@dataclass(frozen=True, eq=False)
class Subject:
    """A network, what it is for, and its channels.

    Arguments:
        network: bare: without wrappers, parametrizations baked.
        task: gives data, loss and metric.
        channels: of it, under the dense network's labels.
        example: one sample.
        measuring: the settings that the channels were found with.
        notes: what was done to the network, and what a user should know of its channels.
        origin: what it is left of, or None for a dense network.
    """

    network: nn.Module
    task: Task
    channels: Channels
    example: Call
    measuring: Measuring
    notes: tuple[str, ...]
    origin: Origin | None


def look_at(given: Prunable, task: Task, measuring: Measuring) -> Subject:
    """Run a network once and find its channels.

    Raises:
        DataError: the network fails on an example of the task.
        NetworkError: nothing can be pruned, the network cannot be trusted, or an ignored path is
            no module of it.
    """
    check_task(task, given)
    origin = None if isinstance(given, nn.Module) else getattr(given, "origin", None)
    network, notes = unwrap(given if origin is None else given.network)
    example = task.example(device_of(network))
    check_call(network, example)
    channels = find_channels(
        network,
        example,
        ignored=measuring.ignored,
        tied=measuring.tied,
        norm_over=measuring.norm_over,
        seed=measuring.seed,
    )
    if origin is not None:
        channels = origin.named(channels)
    told = likelihood_note(task) if measuring.probes else ()
    notes = (*notes, *channels.notes, *told)
    return Subject(network, task, channels, example, measuring, notes, origin)
