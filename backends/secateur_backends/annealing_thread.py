"""The samplers' C code, called in a thread of its own, so that Ctrl-C is heard at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from secateur.backends import Stopped
from secateur.lazy import dimod
from secateur.problem import Problem


def interruptible(
    bqm: dimod.BinaryQuadraticModel,
    call: Callable[[dimod.BinaryQuadraticModel, Callable[[], bool]], dimod.SampleSet],
    deadline: float | None,
) -> tuple[dimod.SampleSet, Stopped]:
    """Call the C code in a thread; Ctrl-C is raised here at once, and the thread told to stop."""
    stop = threading.Event()
    late = False
    outcome: list[Any] = []

    def should_stop() -> bool:
        nonlocal late
        if deadline is not None and time.monotonic() > deadline:
            late = True
        return late or stop.is_set()

    def work() -> None:
        try:
            outcome.append(plain(call(bqm, should_stop)))
        except BaseException as error:  # handed over to the caller's thread
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True, name="secateur-sampler")
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.05)
    except BaseException:
        stop.set()
        raise
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0], Stopped.TIME_LIMIT if late else Stopped.COMPLETED


def timed(stop: Callable[[], bool], ends: list[float]) -> Callable[[], bool]:
    """``stop``, which the C code asks after each read, keeping when it was asked."""

    def asked() -> bool:
        ends.append(time.monotonic())
        return stop()

    return asked


def plain(samples: dimod.SampleSet) -> dimod.SampleSet:
    """Only samples and energies: the vendor's other columns differ from sampler to sampler."""
    return dimod.SampleSet.from_samples(
        (samples.record.sample, list(samples.variables)),
        vartype=samples.vartype,
        energy=samples.record.energy,
    ).change_vartype(dimod.BINARY, inplace=False)


def empty(problem: Problem) -> dimod.SampleSet:
    """The one answer to a problem without variables."""
    return dimod.SampleSet.from_samples(
        (np.zeros((1, 0), dtype=np.int8), []), vartype=dimod.BINARY, energy=[problem.offset]
    )
