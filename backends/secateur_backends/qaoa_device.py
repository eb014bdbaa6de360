"""QAOA on quantum computers: IBM's through qiskit-ibm-runtime, and any Qiskit ``BaseSamplerV2``.

What a real device is sent, and paid for, is in ``qaoa_jobs``; a fake one is our own machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from secateur.backends import (
    Applicability,
    Availability,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
    option,
)
from secateur.errors import BackendOptionError
from secateur.limits import LONGEST_SECONDS
from secateur.problem import Problem
from secateur.seeds import LARGEST_SEED
from secateur_backends.leap_budget import budget_of, search_of
from secateur_backends.leap_jobs import job_key
from secateur_backends.qaoa import CircuitBackend, CircuitOptions, versions
from secateur_backends.qaoa_ansatz import Ansatz
from secateur_backends.qaoa_engine import Engine, MeasuredEngine
from secateur_backends.qaoa_estimate import CircuitEstimate, job_seconds
from secateur_backends.qaoa_jobs import Paid
from secateur_backends.qaoa_journal import Ledger, Runs, default_folder, run_key
from secateur_backends.qaoa_samplers import INSTALL, Measured, Measurer
from secateur_backends.qaoa_service import (
    SESSIONS,
    check_shots,
    device,
    given_device,
    real_device,
)
from secateur_backends.qaoa_session import Hold
from secateur_backends.qaoa_watch import Watch

_FIRST_BUDGET = 10.0
"""Seconds that may be charged where nobody said how many: a few jobs, to see what it is like."""
_MOST_SHOTS = 100_000
"""Of one job: what IBM's devices take at most."""


@dataclass(frozen=True)
class DeviceOptions(CircuitOptions):
    """Options of QAOA on a quantum computer."""

    iterations: int = option(
        20,
        "most evaluations of the circuit; each is a job",
        least=1,
        most=10_000,
        why="each is a job that waits in a queue",
    )
    shots: int = option(
        1024,
        "measurements of one job",
        least=1,
        most=_MOST_SHOTS,
        why="a device takes no more in one job",
    )
    device: str | None = option(
        None, "ibm:NAME with a saved account, or fake:NAME (fake:FakeSherbrooke), offline"
    )
    sampler: Any = option(  # noqa: RUF009 (the call makes a dataclass field)
        None, "any Qiskit BaseSamplerV2 instead of a device (from Python)"
    )
    pass_manager: Any = option(  # noqa: RUF009
        None, "Qiskit PassManager that fits circuits to `sampler`"
    )
    classical_seed: int | None = option(
        None, "seed of SPSA, the transpiler and a fake device's noise", least=0, most=LARGEST_SEED
    )
    session: str = option(
        "none",
        "session: the device is held, and charged, between jobs; batch: jobs are queued together",
        choices=SESSIONS,
    )
    max_charge_s: float | None = option(
        None,
        "most seconds of a real device that all calls together, resumed ones too, are charged; "
        "None: 10 s, or no limit where charging is allowed",
        least=0.0,
        most=86_400.0,
        unit="s",
        why="a day of a device is not asked for by mistake",
    )
    dry_run: bool = option(False, "tell gates, jobs and charge, and send nothing")
    journal: str | None = option(
        None,
        "folder that records a real device's jobs and answers; None: $XDG_STATE_HOME/secateur/ibm",
    )
    again: bool = option(False, "measure again, and pay, where the journal has an answer")
    resubmit: bool = option(False, "if an earlier job cannot be settled, pay for another one")
    cancel_on_interrupt: bool = option(
        False, "on Ctrl-C cancel the job; otherwise it goes on and can be fetched"
    )
    wait: float = option(
        86_400.0,
        "give up waiting for one job after this",
        least=0.0,
        most=LONGEST_SECONDS,
        unit="s",
        why="no clock counts more",
    )


class QAOADevice(CircuitBackend):
    """QAOA on a quantum computer, or on anything that is a Qiskit ``BaseSamplerV2``.

    With a wanted count, samples that lost it to noise are discarded, and counted in
    ``Solution.raw["discarded"]``; if none is left the status is ``NONE``.
    """

    name: ClassVar[str] = "qaoa-device"
    capabilities: ClassVar[Capabilities] = Capabilities(
        native=frozenset({"count"}),
        stochastic=True,
        takes_time_limit=True,
        takes_start=True,
        metered=True,
    )
    Options: ClassVar[type[BackendOptions]] = DeviceOptions
    default_budget_s: ClassVar[float | None] = _FIRST_BUDGET
    keeps_journal: ClassVar[bool] = True
    _ledger: Ledger | None = None
    """Charged by the jobs of this object: the budget is for all its calls."""

    @classmethod
    def availability(cls) -> Availability:
        """Whether Qiskit and its runtime are installed; an account is looked for later."""
        found = versions()
        there = {"scipy", "qiskit", "qiskit-ibm-runtime"} <= set(found)
        return Availability(
            installed=there,
            detail=", ".join(f"{name} {number}" for name, number in found.items()),
            remedy=None if there else INSTALL,
        )

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Whether a device is named; the size of a fake one is looked up."""
        given: Any = options or self.Options()
        if problem.n == 0:
            return Applicability(True)
        if given.device is None and given.sampler is None:
            return Applicability(
                False,
                reason="neither `device` nor `sampler` is given",
                remedy="give device=ibm:NAME or device=fake:FakeSherbrooke; qaoa simulates",
            )
        if given.sampler is None and str(given.device).startswith("fake:"):
            qubits = device(given.device, 0, self.name).qubits
            if qubits is not None and problem.n > qubits:
                return Applicability(
                    False,
                    reason=f"{problem.n} variables, and {given.device} has {qubits} qubits",
                    remedy=f"use decompose:{self.name} with size={qubits} or less",
                )
        refused = self.refusal(problem, given)
        if refused is not None:
            return refused
        if not charges(given):
            return Applicability(True, charge_seconds=0.0)
        # without the circuit, which needs the device: the shots alone
        once = job_seconds(given.shots)
        budget, said = budget_of(given, self.default_budget_s)
        every = once * given.iterations
        if budget is not None and once > budget and not given.dry_run:
            return Applicability(
                False,
                reason=f"about {once:.3g} s would be charged for one job, and {said}",
                remedy="raise `max_charge_s`, ask for fewer `shots`, or use a fake device",
                charge_seconds=once,
            )
        return Applicability(True, charge_seconds=every if budget is None else min(every, budget))

    def charges(self, options: BackendOptions) -> bool:
        """A fake device and a simulating sampler are charged to nobody."""
        assert isinstance(options, DeviceOptions)
        return charges(options)

    def spent(self, problem: Problem, options: BackendOptions) -> float | None:
        """By the journal: what all jobs of this search were, or may be, charged."""
        assert isinstance(options, DeviceOptions)
        return Runs(_folder(options), self.name).spent(search_of(problem, self.name))

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Find the angles on the device; the answer is the best measurement."""
        assert isinstance(options, DeviceOptions)
        if options.dry_run and problem.n:
            return self._dry(problem, options)
        return self.run_circuit(problem, options, self._seed(problem, options))

    def engine(
        self, problem: Problem, ansatz: Ansatz, options: Any, seed: int, random: Any, watch: Watch
    ) -> Engine:
        """A device or a sampler; exactly one has to be given."""
        measurer = self._measurer(options, seed, options.session)
        measured: Measured
        if measurer.ibm is None:
            measured = Measured(ansatz, measurer, options.shots, self.name)
        else:
            measured = self._paid(problem, ansatz, options, measurer)
        return MeasuredEngine(problem, ansatz, measured, alpha=options.cvar)

    def _paid(
        self, problem: Problem, ansatz: Ansatz, options: DeviceOptions, measurer: Measurer
    ) -> Paid:
        check_shots(options.shots, measurer.device, measurer.name, self.name)
        if self._ledger is None:
            self._ledger = Ledger()
        ibm = measurer.ibm
        journal = Runs(_folder(options), self.name, ibm.scrub)
        key = run_key(problem, ansatz, measurer.name, options.shots)
        search = search_of(problem, self.name)
        paid = Paid(
            ansatz,
            measurer,
            options.shots,
            self.name,
            ibm=ibm,
            journal=journal,
            run_key=key,
            ledger=self._ledger,
            job_s=0.0,
            budget=budget_of(options, self.default_budget_s),
            search=search,
            hold=Hold(options.session, ibm, journal, self._ledger, key, search),
            again=options.again,
            resubmit=options.resubmit,
            cancel=options.cancel_on_interrupt,
            wait=options.wait,
        )
        paid.job_s = job_seconds(options.shots, paid.circuit, measurer.device)
        return paid

    def _measurer(self, options: Any, seed: int, session: str) -> Measurer:
        if options.sampler is None:
            return device(options.device, seed, self.name, session)
        if options.device is not None:
            raise BackendOptionError(
                "both `device` and `sampler` are given", backend=self.name, remedy="give one"
            )
        if session != "none":
            raise BackendOptionError(
                f"session={session!r} is given beside `sampler`, which has a mode of its own",
                backend=self.name,
                remedy="leave it out, and make the sampler with mode=Session(backend=…)",
            )
        return given_device(options.sampler, options.pass_manager, self.name)

    def _seed(self, problem: Problem, options: DeviceOptions) -> int | None:
        """Where jobs are paid for, of the problem: a run that is resumed asks for the same ones."""
        if options.classical_seed is not None or not charges(options):
            return options.classical_seed
        return int(job_key(problem)[:7], 16)

    def _dry(self, problem: Problem, options: DeviceOptions) -> Solution:
        """What it would take; the device is looked at, and nothing of the problem is sent."""
        began = time.monotonic()
        seed = self._seed(problem, options) or 0
        ansatz = self.ansatz(problem, options)
        measurer = self._measurer(options, seed, "none")
        check_shots(options.shots, measurer.device, measurer.name, self.name)
        measured = Measured(ansatz, measurer, options.shots, self.name)
        once = job_seconds(options.shots, measured.circuit, measurer.device)
        real = measurer.ibm is not None
        note = ""
        if not real:
            note = f"a real device would charge about {once * options.iterations:.3g} s"
        elif options.session == "session":
            note = "a session is charged from its first job until it is closed, pauses too"
        estimate = CircuitEstimate(
            device=measurer.name,
            n=problem.n,
            qubits=measurer.qubits,
            two_qubit_gates=measured.about()["two_qubit_gates"],
            depth=measured.about()["depth"],
            shots=options.shots,
            jobs=options.iterations,
            job_s=once,
            charge_s=once * options.iterations if real else 0.0,
            budget_s=budget_of(options, self.default_budget_s)[0] if real else None,
            note=note,
        )
        return Solution.from_bits(
            problem,
            np.zeros((0, problem.n), np.int8),
            options,
            0.0,
            status=Status.NONE,
            stopped=Stopped.BUDGET,
            timings=Timings(time.monotonic() - began, access=0.0),
            versions=versions(),
            raw={"dry_run": True, "estimate": estimate.as_data(), "text": str(estimate)},
        )


def _folder(options: DeviceOptions) -> Path:
    return Path(options.journal).expanduser() if options.journal else default_folder()


def charges(options: DeviceOptions) -> bool:
    """Whether a run with these options is paid for: a real device, however it is given."""
    if options.sampler is not None:
        return real_device(options.sampler) is not None
    return str(options.device).startswith("ibm:")
