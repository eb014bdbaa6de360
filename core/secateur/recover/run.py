"""One recovery: what it leaves is measured by us, and is never worse than its start."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from secateur.errors import SecateurError, StageFailed
from secateur.network.door import check_weights
from secateur.options import owner_of
from secateur.recover.base import Recovery
from secateur.recover.work import Work
from secateur.stages import RECOVERIES, origin
from secateur.surgery.seeded import seeded
from secateur.tasks import Task


@dataclass(frozen=True, eq=False)
class Recovered:
    """What became of a smaller network.

    Arguments:
        network: a copy, in evaluation mode; its start where nothing was better.
        start: the metric of the start on the selection split.
        value: the metric of ``network`` there.
        looks: of the selection split on the way, in order.
        method: the recovery with its options.
        seconds: wall time.
    """

    network: nn.Module
    start: float
    value: float
    looks: tuple[float, ...]
    method: Recovery
    seconds: float

    @property
    def kept(self) -> bool:
        """Whether anything better than the start was found."""
        return self.value != self.start

    def to_json(self) -> dict[str, Any]:
        """All but the network, as plain data."""
        return {
            "method": self.method.name,
            "settings": self.method.public(),
            "start": self.start,
            "value": self.value,
            "looks": list(self.looks),
            "seconds": self.seconds,
        }


def recover(
    network: nn.Module, dense: nn.Module, task: Task, method: Recovery, *, seed: int = 0
) -> Recovered:
    """Train a copy of a smaller network towards the dense one, on inputs alone.

    Arguments:
        network: smaller; not changed.
        dense: what it is to be like; not changed.
        task: its ``unlabelled`` split is trained on, and its selection split chosen by; no target
            of the former is looked at.
        method: resolved, with its options.
        seed: of everything random.

    Raises:
        DataError: a batch cannot be understood.
        MetricError: the start's metric is not finite.
        NetworkError: nothing in the network can be trained.
        StageFailed: the recovery raises something else, or leaves another network.
    """
    started = time.monotonic()
    with torch.inference_mode(False), torch.enable_grad():
        work = Work(copy.deepcopy(network), dense, task)
        shapes = _shapes(work.network)
        with seeded(work.network, seed):
            try:
                method.recover(work, seed)
            except (SecateurError, KeyboardInterrupt):
                raise
            except Exception as error:
                raise StageFailed(
                    f"{owner_of(type(method))} raised {type(error).__name__}: {error}",
                    remedy=_remedy(method),
                ) from error
        if _shapes(work.network) != shapes:
            raise StageFailed(
                f"{owner_of(type(method))} left a network of other sizes", remedy=_remedy(method)
            )
        work.back()
        made = copy.deepcopy(network)  # laid out as it was, and as trainable
        made.load_state_dict(work.network.state_dict())
    made.eval()
    made.zero_grad(set_to_none=True)
    check_weights(made)
    return Recovered(
        network=made,
        start=work.start,
        value=work.best,
        looks=tuple(work.looks),
        method=method,
        seconds=time.monotonic() - started,
    )


def _remedy(method: Recovery) -> str:
    return f"report it to {origin(RECOVERIES, method.name, type(method))}, and go without"


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
