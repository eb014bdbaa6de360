"""The QUBOs that solvers and penalties are compared on: the large Half-UNet, 480 filters."""

from __future__ import annotations

from functools import cache
from typing import Any

from secateur.network import count_of
from secateur.problem import Problem, count
from secateur.pruning.selecting import make_problem


@cache
def demo_statistics() -> Any:
    import torch

    from secateur.network import find_channels
    from secateur.statistics import collect_statistics
    from secateur.tasks.denoising import denoising_task
    from secateur.zoo import pretrained_halfunet

    torch.set_num_threads(1)
    network, task = pretrained_halfunet(), denoising_task()
    channels = find_channels(network, task.calibration[0][0][:1], tied=False)
    return collect_statistics(network, task, channels, probes=20, seed=0)


def demo_problem(objective: str, amount: float) -> Problem:
    """Prune a share of all channels, every layer keeping one."""
    statistics = demo_statistics()
    ones = count_of(amount, statistics.channels)
    return make_problem(statistics, objective, [count(ones)])
