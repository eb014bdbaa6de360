"""Solvers that do what solvers do: answer, raise, lie, hang, and die."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from secateur.backends import option, wrap
from secateur.backends.base import Applicability, Backend, Capabilities, Solution


def _some(problem, options):
    return np.zeros((1, problem.n), np.int8)


class Shy(Backend):
    """Takes small problems alone."""

    name = "shy"
    capabilities = Capabilities(max_variables=8)

    def applicability(self, problem, options=None):
        if problem.n > 8:
            return Applicability(False, reason=f"{problem.n} variables, and shy takes at most 8")
        return Applicability(True)

    def solve(self, problem, options):
        return Solution.from_bits(problem, _some(problem, options), options, 0.0)


shy = Shy


class Liar(Shy):
    """Claims an energy that is none."""

    name = "liar"
    capabilities = Capabilities()

    def applicability(self, problem, options=None):
        return Applicability(True)

    def solve(self, problem, options):
        made = super().solve(problem, options)
        made.samples.record.energy[:] = -1e9
        return made


liar = Liar


def _raise(problem, options):
    raise RuntimeError("made to raise")


raises = wrap(_raise, name="raises", options={})


def _die(problem, options):
    os.kill(os.getpid(), signal.SIGKILL)


dies = wrap(_die, name="dies", options={})


def _die_once(problem, options):
    """The first process that runs it dies; each writes a line before."""
    with Path(options.file).open("a") as handle:
        handle.write(f"{os.getpid()}\n")
    if len(Path(options.file).read_text().splitlines()) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return _some(problem, options)


dies_once = wrap(_die_once, name="dies-once", options={"file": option("", "where it is told")})


def _sleep(problem, options):
    with Path(options.file).open("a") as handle:
        handle.write(f"{os.getpid()}\n")
    time.sleep(options.seconds)
    return _some(problem, options)


sleeps = wrap(
    _sleep,
    name="sleeps",
    options={"file": option("", "where it is told"), "seconds": option(60.0, "of sleep", least=0)},
)


def _threads(problem, options):
    """As many ones as there are numerical threads, and as many zeros for each that is read late."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    bits = np.zeros((1, problem.n), np.int8)
    bits[0, 0] = all(os.environ.get(name) == "1" for name in names)
    return bits


threads = wrap(_threads, name="threads", options={})


def _exit(problem, options):
    sys.exit(3)


exits = wrap(_exit, name="exits", options={})
