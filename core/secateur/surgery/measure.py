"""What smaller means: parameters, multiply–accumulates, and time on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from secateur.network.call import Call
from secateur.network.run import evaluation
from secateur.progress import track


@dataclass(frozen=True)
class Latency:
    """The time of one forward pass in milliseconds: median and quartiles."""

    median_ms: float
    low_ms: float
    high_ms: float


def count_parameters(network: nn.Module) -> int:
    """The number of parameters; a shared one counts once."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(network: nn.Module, call: Call) -> int:
    """Multiply–accumulates of convolutions and matrix products for one sample, counted by torch."""
    counter = FlopCounterMode(display=False)
    one = call.take(slice(0, 1))
    with evaluation(network), torch.no_grad(), counter:
        network(*one.args, **one.kwargs)
    return int(counter.get_total_flops()) // 2


def measure_latency(
    networks: Mapping[str, nn.Module],
    call: Call,
    *,
    repeats: int = 30,
    threads: int = 1,
) -> dict[str, Latency]:
    """The latency of several networks, measured in turn so that their ratios are fair.

    Arguments:
        networks: by name.
        call: one sample of it is used.
        repeats: rounds; each runs every network once, after three that do not count.
        threads: of torch, while measuring.
    """
    one = call.take(slice(0, 1))
    times: dict[str, list[float]] = {name: [] for name in networks}
    with _threads(threads), torch.no_grad(), track("measuring latency", repeats) as step:
        for repeat in range(-3, repeats):
            for name, network in networks.items():
                with evaluation(network):
                    started = time.perf_counter()
                    network(*one.args, **one.kwargs)
                    took = time.perf_counter() - started
                if repeat >= 0:
                    times[name].append(1e3 * took)
            step.advance(int(repeat >= 0))
    return {
        name: Latency(*(float(q) for q in np.percentile(values, [50, 25, 75])))
        for name, values in times.items()
    }


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
