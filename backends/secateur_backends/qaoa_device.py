"""QAOA on quantum computers: IBM's through qiskit-ibm-runtime, and any Qiskit ``BaseSamplerV2``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from secateur.backends import (
    Applicability,
    Availability,
    BackendOptions,
    Capabilities,
    Solution,
    option,
)
from secateur.backends.metered import paid_by
from secateur.errors import BackendOptionError
from secateur.problem import Problem
from secateur.seeds import LARGEST_SEED
from secateur_backends.qaoa import CircuitBackend, CircuitOptions, versions
from secateur_backends.qaoa_ansatz import Ansatz
from secateur_backends.qaoa_engine import Engine, MeasuredEngine
from secateur_backends.qaoa_samplers import INSTALL, Measured, Measurer, device


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
        free = (
            paid_by(given.sampler) is None
            if given.sampler is not None
            else not str(given.device).startswith("ibm:")
        )
        charge = 0.0 if free else None
        return self.refusal(problem, given) or Applicability(True, charge_seconds=charge)

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Find the angles on the device; the answer is the best measurement."""
        assert isinstance(options, DeviceOptions)
        return self.run_circuit(problem, options, options.classical_seed)

    def engine(
        self, problem: Problem, ansatz: Ansatz, options: Any, seed: int, random: Any
    ) -> Engine:
        """A device or a sampler; exactly one has to be given."""
        if options.sampler is not None and options.device is not None:
            raise BackendOptionError(
                "both `device` and `sampler` are given", backend=self.name, remedy="give one"
            )
        if options.sampler is None:
            measurer = device(options.device, seed, self.name)
        else:
            name = type(options.sampler).__name__
            measurer = Measurer(options.sampler, options.pass_manager, name)
        return MeasuredEngine(
            problem,
            ansatz,
            Measured(ansatz, measurer, options.shots, self.name),
            alpha=options.cvar,
        )
