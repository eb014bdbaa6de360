"""Who measures the circuit: Qiskit's simulators, or any ``BaseSamplerV2``, so also hardware."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import BackendUnavailable, BackendUnsuitable
from secateur_backends.qaoa_ansatz import Ansatz, Floats
from secateur_backends.qaoa_circuits import circuit

INSTALL = "pip install 'secateur[qaoa]'"


@dataclass(frozen=True)
class Measurer:
    """A sampler and how circuits are made fit for it.

    Arguments:
        sampler: a Qiskit ``BaseSamplerV2``.
        pass_manager: turns the circuit into one that the sampler takes; None if it takes any.
        name: of the device or simulator.
        qubits: how many it has; None if unknown.
        device: Qiskit's object for it, if it is one of IBM's or a fake one.
        ibm: its service, if it is a real one, whose jobs are paid for.
        mode: an open session or batch that ``sampler`` uses.
    """

    sampler: Any
    pass_manager: Any
    name: str
    qubits: int | None = None
    device: Any = None
    ibm: Any = None
    mode: Any = None


@dataclass
class Measured:
    """One ansatz on one measurer.

    Arguments:
        ansatz: what to measure.
        measurer: where.
        shots: of each measurement.
        backend: whose errors these are.

    Attributes:
        circuit: as it is run.
        jobs: the services' names of what was run, where they have some.
    """

    ansatz: Ansatz
    measurer: Measurer
    shots: int
    backend: str
    circuit: Any = None
    jobs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        ansatz, measurer = self.ansatz, self.measurer
        if measurer.qubits is not None and ansatz.n > measurer.qubits:
            raise BackendUnsuitable(
                f"{ansatz.n} variables, and {measurer.name} has {measurer.qubits} qubits",
                backend=self.backend,
                remedy=f"use decompose:{self.backend} with size={measurer.qubits} or less",
            )
        plain = circuit(ansatz)
        self.circuit = plain if measurer.pass_manager is None else measurer.pass_manager.run(plain)

    def run(self, angles: Floats) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        """Measure at these angles: distinct bit vectors, variable 0 first, and their counts.

        On Ctrl-C the job is cancelled.
        """
        values = self.values(angles)
        job = self.measurer.sampler.run([(self.circuit, values)], shots=self.shots)
        with suppress(Exception):
            self.jobs.append(str(job.job_id()))
        try:
            result = job.result()
        except BaseException:
            with suppress(Exception):
                job.cancel()
            raise
        return self.decode(result)

    def about(self) -> dict[str, Any]:
        """What was run, for ``Solution.raw``; a fake device charges nothing."""
        return {
            "sampler": self.measurer.name,
            "depth": int(self.circuit.depth()),
            "two_qubit_gates": int(self.circuit.num_nonlocal_gates()),
            "jobs": list(self.jobs),
        } | ({} if self.measurer.device is None else {"charged_s": 0.0})

    def close(self) -> None:
        """End what was opened for it."""
        if self.measurer.mode is not None:
            self.measurer.mode.close()

    def values(self, angles: Floats) -> list[float]:
        """The values of the circuit's parameters, in its order."""
        layers = self.ansatz.reps
        named = {"gamma": angles[:layers], "beta": angles[layers:]}
        # a parameter that no gate uses (all costs zero) is not in the circuit
        return [float(named[p.vector.name][p.index]) for p in self.circuit.parameters]

    def decode(self, result: Any) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        """Distinct bit vectors and their counts from a sampler's result."""
        packed = result[0].data.meas.array.reshape(-1, (self.ansatz.n + 7) // 8)
        # big endian bytes and bits: the last bit is qubit 0
        bits = np.unpackbits(packed, axis=1)[:, ::-1][:, : self.ansatz.n]
        rows, counts = np.unique(bits, axis=0, return_counts=True)
        return rows.astype(np.int8), counts.astype(np.int64)


def simulator(kind: str, seed: int, backend: str) -> Measurer:
    """Qiskit's "statevector" or "aer" simulator.

    Raises:
        BackendUnavailable: it is not installed.
    """
    try:
        if kind == "statevector":
            from qiskit.primitives import StatevectorSampler

            return Measurer(StatevectorSampler(seed=seed), None, "Qiskit StatevectorSampler")
        from qiskit.transpiler import generate_preset_pass_manager
        from qiskit_aer import AerSimulator
        from qiskit_aer.primitives import SamplerV2
    except ImportError as error:
        raise BackendUnavailable(
            f"the simulator {kind!r} of backend {backend!r} cannot be imported: {error}",
            backend=backend,
            remedy=f"{INSTALL}, or use simulator='exact'",
        ) from error
    manager = generate_preset_pass_manager(
        optimization_level=1, backend=AerSimulator(), seed_transpiler=seed
    )
    return Measurer(SamplerV2(seed=seed), manager, "Qiskit Aer")
