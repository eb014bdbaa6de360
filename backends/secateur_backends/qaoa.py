"""QAOA on simulators. Quantum computers are in ``qaoa_device``.

They are two backends because two promises differ: a device is metered and does not repeat itself.
The circuit is in ``qaoa_ansatz``, the simulation in ``qaoa_simulation``, Qiskit in
``qaoa_circuits`` and ``qaoa_samplers``, the classical loop in ``qaoa_optimize``.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from secateur.backends import (
    Applicability,
    Availability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Timings,
    option,
)
from secateur.errors import BackendUnsuitable
from secateur.lazy import dimod
from secateur.limits import MOST_READS, READS_WHY
from secateur.problem import Problem
from secateur.seeds import LARGEST_SEED
from secateur_backends.qaoa_ansatz import Ansatz, make_ansatz
from secateur_backends.qaoa_engine import Answer, Engine, ExactEngine, MeasuredEngine
from secateur_backends.qaoa_optimize import OPTIMIZERS, Run, minimise
from secateur_backends.qaoa_samplers import INSTALL, Measured, simulator
from secateur_backends.qaoa_watch import Watch

_MOST_VARIABLES = 26
"""2^26 amplitudes at 80 bytes are 5 GiB; each variable more doubles that and the time."""
_COST = {"exact": (80, 1.2e-8), "statevector": (5200, 2e-7), "aer": (32, 4e-9)}
"""Bytes an amplitude, and seconds an amplitude and gate, measured on two cores."""

_OVERRUN, _GRACE = 1.2, 1.0
"""Something has to be prepared and evaluated: refused if one evaluation, and as much again for what
is made before and after it, are estimated to take longer than so many times the limit and seconds
more."""
_CITATION = """
@article{farhi2014quantum,
  author  = {Farhi, Edward and Goldstone, Jeffrey and Gutmann, Sam},
  title   = {A Quantum Approximate Optimization Algorithm},
  journal = {arXiv:1411.4028}, year = {2014}
}
@article{hadfield2019quantum,
  author  = {Hadfield, Stuart and Wang, Zhihui and O'Gorman, Bryan and Rieffel, Eleanor G. and
             Venturelli, Davide and Biswas, Rupak},
  title   = {From the Quantum Approximate Optimization Algorithm to a Quantum Alternating Operator
             Ansatz},
  journal = {Algorithms}, volume = {12}, number = {2}, pages = {34}, year = {2019},
  doi     = {10.3390/a12020034}
}
@inproceedings{bartschi2019deterministic,
  author    = {B{\\"a}rtschi, Andreas and Eidenbenz, Stephan},
  title     = {Deterministic Preparation of {Dicke} States},
  booktitle = {Fundamentals of Computation Theory}, series = {LNCS}, volume = {11651},
  pages     = {126--139}, year = {2019}, doi = {10.1007/978-3-030-25027-0_9}
}
@article{egger2021warm,
  author  = {Egger, Daniel J. and Mare{\\v{c}}ek, Jakub and Woerner, Stefan},
  title   = {Warm-starting quantum optimization},
  journal = {Quantum}, volume = {5}, pages = {479}, year = {2021}, doi = {10.22331/q-2021-06-17-479}
}
@article{barkoutsos2020improving,
  author  = {Barkoutsos, Panagiotis Kl. and Nannicini, Giacomo and Robert, Anton and
             Tavernelli, Ivano and Woerner, Stefan},
  title   = {Improving Variational Quantum Optimization using {CVaR}},
  journal = {Quantum}, volume = {4}, pages = {256}, year = {2020}, doi = {10.22331/q-2020-04-20-256}
}
"""


@dataclass(frozen=True)
class CircuitOptions(BackendOptions):
    """What QAOA has wherever it runs."""

    reps: int = option(2, "layers of the circuit", least=1, most=100)
    optimizer: str = option("cobyla", "method that finds the angles", choices=OPTIMIZERS)
    iterations: int = option(
        60,
        "most evaluations of the circuit by the optimizer",
        least=1,
        most=1_000_000,
        why="the angles of every evaluation are held",
    )
    shots: int = option(
        1024,
        "measurements of one evaluation, and in the answer",
        least=1,
        most=MOST_READS,
        why=READS_WHY,
    )
    cvar: float = option(
        0.2, "share of best samples whose mean is minimised; 1: all", least=0.001, most=1.0
    )
    warm_start: bool = option(True, "begin near Problem.start, if that is given")
    mixer: str = option(
        "auto",
        "x, or xy, which keeps the number of ones; auto: xy if a count is wanted",
        choices=("auto", "x", "xy"),
    )
    xy_pairs: str = option("ring", "pairs that the mixer xy couples", choices=("ring", "complete"))
    time_limit: float | None = option(
        None, "stop after so long, or before an evaluation that would not fit", least=0.0, unit="s"
    )


@dataclass(frozen=True)
class QAOAOptions(CircuitOptions):
    """Options of QAOA on a simulator."""

    seed: int | None = option(None, "random seed", least=0, most=LARGEST_SEED)
    simulator: str = option(
        "exact",
        "exact: our own, in numpy; statevector and aer: Qiskit's",
        choices=tuple(_COST),
    )


class CircuitBackend(Backend):
    """What QAOA does wherever it runs."""

    citation: ClassVar[str] = _CITATION

    def refusal(self, problem: Problem, options: Any) -> Applicability | None:
        """Why the mixer that was asked for does not suit the problem, or None."""
        mixer = _mixer(problem, options)
        if mixer == "x" and problem.count is not None:
            return Applicability(
                False,
                reason=f"exactly {problem.count} ones are wanted, and the mixer x does not keep a "
                "count",
                remedy="use mixer='auto' or 'xy'",
            )
        if mixer == "xy" and problem.count is None:
            return Applicability(
                False,
                reason="the mixer xy keeps a count, and no number of ones is wanted",
                remedy="use mixer='auto' or 'x', or give Problem.ones",
            )
        return None

    def run_circuit(self, problem: Problem, options: Any, given_seed: int | None) -> Solution:
        """Find the angles, then take the answer at the best ones."""
        started = time.monotonic()
        suits = self.applicability(problem, options)
        if not suits.applicable:
            raise BackendUnsuitable(
                f"backend {self.name!r} cannot take this problem: {suits.reason}",
                backend=self.name,
                remedy=suits.remedy,
            )
        entropy = int(np.random.default_rng().integers(LARGEST_SEED))
        seed = entropy if given_seed is None else given_seed
        if problem.n == 0:  # nothing to prepare
            run = Run(np.zeros(0), 0.0)
            answer = Answer(np.zeros((1, 0), np.int8), np.ones(1, np.int64), {})
        else:
            ansatz = self.ansatz(problem, options)
            random = np.random.default_rng(seed)
            watch = Watch(options.time_limit, started)
            engine = self.engine(problem, ansatz, options, seed, random, watch)
            try:
                run = minimise(
                    engine.value,
                    ansatz.ramp(),
                    optimizer=options.optimizer,
                    iterations=options.iterations,
                    watch=watch,
                    random=random,
                )
            finally:
                engine.close()
            answer = engine.answer(run.angles)
        took = time.monotonic() - started
        samples = _samples(problem, answer)
        jobs = answer.about.get("jobs") or []
        return Solution(
            samples=samples,
            status=Status.FEASIBLE if len(samples) else Status.NONE,
            stopped=run.stopped,
            timings=Timings(
                total=took,
                solve=took,
                queue=answer.about.get("queued_s"),
                access=answer.about.get("charged_s"),
            ),
            versions=versions(),
            options=options.public(),
            seed=seed,
            job_id=jobs[-1] if jobs else None,
            raw=answer.about
            | {
                "mixer": _mixer(problem, options),
                "angles": [float(angle) for angle in run.angles],
                "evaluations": len(run.values),
                "values": run.values,
            },
        )

    def ansatz(self, problem: Problem, options: Any) -> Ansatz:
        """The circuit that the options ask for, without its angles."""
        return make_ansatz(
            problem,
            reps=options.reps,
            mixer=_mixer(problem, options),
            xy_pairs=options.xy_pairs,
            warm_start=options.warm_start,
        )

    def engine(
        self, problem: Problem, ansatz: Ansatz, options: Any, seed: int, random: Any, watch: Watch
    ) -> Engine:
        """Where it runs."""
        raise NotImplementedError


class QAOA(CircuitBackend):
    """QAOA simulated; with a wanted count, every sample has it."""

    name: ClassVar[str] = "qaoa"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=_MOST_VARIABLES,
        native=frozenset({"count"}),
        stochastic=True,
        takes_seed=True,
        takes_time_limit=True,
        takes_start=True,
    )
    Options: ClassVar[type[BackendOptions]] = QAOAOptions

    @classmethod
    def availability(cls) -> Availability:
        """The exact simulation is always there; Qiskit's simulators need Qiskit."""
        found = versions()
        return Availability(
            installed=True,
            detail=", ".join(f"{name} {number}" for name, number in found.items()),
            remedy=None if "qiskit" in found and "qiskit-aer" in found else INSTALL,
        )

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Whether the state fits into the memory, and how long it takes."""
        given: Any = options or self.Options()
        bytes_each, seconds_each = _COST[given.simulator]
        amplitudes = 2.0**problem.n
        memory = int(min(bytes_each * amplitudes, 2.0**62))
        mixing = problem.n
        if problem.count is not None and given.xy_pairs == "complete":
            mixing = problem.n * (problem.n - 1) // 2
        gates = given.reps * (len(problem.quadratic[2]) + problem.n + mixing)
        if given.simulator == "exact":
            gates = given.reps * (mixing + 2)  # the cost is one multiplication
        once = min(seconds_each * amplitudes * gates + 1e-3, 1e12)
        seconds = given.iterations * once
        if given.time_limit is not None:
            seconds = min(seconds, max(given.time_limit, once))
        available = _available_memory()
        reason = None
        if problem.n > _MOST_VARIABLES:
            reason = f"{problem.n} variables, and {self.name} takes at most {_MOST_VARIABLES}"
        elif available is not None and memory > available:
            reason = (
                f"the state of {problem.n} variables needs {_gib(memory)} with "
                f"simulator={given.simulator!r}, and {_gib(available)} are free"
            )
        elif given.time_limit is not None and 2 * once > _OVERRUN * given.time_limit + _GRACE:
            reason = (
                f"one evaluation of its circuit takes about {once:.0f} s with {problem.n} "
                f"variables, and the time limit is {given.time_limit:g} s"
            )
        if reason is not None:
            return Applicability(
                False,
                reason=reason,
                remedy=f"use decompose:{self.name} (secateur.backends.decomposition), which sends "
                "parts of it",
                seconds=seconds,
                memory_bytes=memory,
            )
        return self.refusal(problem, given) or Applicability(
            True, seconds=seconds, memory_bytes=memory
        )

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Find the angles, then sample at the best ones."""
        assert isinstance(options, QAOAOptions)
        return self.run_circuit(problem, options, options.seed)

    def engine(
        self, problem: Problem, ansatz: Ansatz, options: Any, seed: int, random: Any, watch: Watch
    ) -> Engine:
        """Our simulation or Qiskit's."""
        if options.simulator == "exact":
            return ExactEngine(
                ansatz, alpha=options.cvar, shots=options.shots, random=random, watch=watch
            )
        measurer = simulator(options.simulator, seed, self.name)
        return MeasuredEngine(
            problem,
            ansatz,
            Measured(ansatz, measurer, options.shots, self.name),
            alpha=options.cvar,
        )


def _mixer(problem: Problem, options: Any) -> str:
    if options.mixer == "auto":
        return "x" if problem.count is None else "xy"
    return str(options.mixer)


def _samples(problem: Problem, answer: Answer) -> dimod.SampleSet:
    """The answer, best first; a start that was given is in it, with 0 occurrences."""
    bits, counts = answer.bits, answer.counts
    if problem.start is not None and len(problem.start) and len(bits):
        known = problem.start
        if problem.count is not None:
            known = known[known.sum(axis=1, dtype=np.int64) == problem.count]
        bits = np.vstack([bits, known.astype(np.int8)])
        counts = np.concatenate([counts, np.zeros(len(known), np.int64)])
    energies = problem.energies(bits)
    order = np.argsort(energies, kind="stable")
    return dimod.SampleSet.from_samples(
        (bits[order], list(problem.variables)),
        vartype=dimod.BINARY,
        energy=energies[order],
        num_occurrences=counts[order],
        sort_labels=False,
    )


def versions() -> dict[str, str]:
    """The versions of what is installed of the packages that QAOA uses."""
    found = {}
    for name in ("scipy", "qiskit", "qiskit-aer", "qiskit-ibm-runtime"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _available_memory() -> int | None:
    """Bytes that can be had without swapping, where the system tells."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"
