"""Who measures the circuit: Qiskit's simulators, or any ``BaseSamplerV2``, so also hardware."""

from __future__ import annotations

import difflib
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import BackendOptionError, BackendUnavailable, BackendUnsuitable
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
    """

    sampler: Any
    pass_manager: Any
    name: str
    qubits: int | None = None


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
        layers = self.ansatz.reps
        named = {"gamma": angles[:layers], "beta": angles[layers:]}
        # a parameter that no gate uses (all costs zero) is not in the circuit
        values = [float(named[p.vector.name][p.index]) for p in self.circuit.parameters]
        job = self.measurer.sampler.run([(self.circuit, values)], shots=self.shots)
        with suppress(Exception):
            self.jobs.append(str(job.job_id()))
        try:
            result = job.result()
        except BaseException:
            with suppress(Exception):
                job.cancel()
            raise
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


def device(name: str, seed: int, backend: str) -> Measurer:
    """The device ``ibm:NAME`` of IBM Quantum, or ``fake:NAME``, its noisy double, offline.

    Raises:
        BackendOptionError: not such a name, or no such device.
        BackendUnavailable: qiskit-ibm-runtime is not installed, or has no account.
    """
    kind, _, which = name.partition(":")
    if kind not in ("ibm", "fake") or not which:
        raise BackendOptionError(
            f"option 'device' of backend {backend!r} is {name!r}",
            backend=backend,
            remedy="give ibm:NAME (ibm:ibm_torino) or fake:NAME (fake:FakeSherbrooke)",
        )
    try:
        from qiskit.transpiler import generate_preset_pass_manager
        from qiskit_ibm_runtime.executor_sampler import Sampler
    except ImportError as error:
        raise BackendUnavailable(
            f"the devices of backend {backend!r} cannot be imported: {error}",
            backend=backend,
            remedy=INSTALL,
        ) from error
    found = _ibm(which, backend) if kind == "ibm" else _fake(which, backend)
    options = {"simulator": {"seed_simulator": seed}} if kind == "fake" else None
    manager = generate_preset_pass_manager(
        optimization_level=3, backend=found, seed_transpiler=seed
    )
    return Measurer(Sampler(mode=found, options=options), manager, name, int(found.num_qubits))


def _fake(name: str, backend: str) -> Any:
    from qiskit_ibm_runtime import fake_provider

    known = [
        n for n in dir(fake_provider) if n.startswith("Fake") and n != "FakeProviderForBackendV2"
    ]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise BackendOptionError(
            f"there is no fake device {name!r}",
            backend=backend,
            remedy=(f"did you mean {near[0]!r}? " if near else "")
            + "they are in qiskit_ibm_runtime.fake_provider",
        )
    return getattr(fake_provider, name)()


def _ibm(name: str, backend: str) -> Any:
    from qiskit_ibm_runtime import QiskitRuntimeService
    from qiskit_ibm_runtime.accounts import AccountNotFoundError

    try:
        return QiskitRuntimeService().backend(name)
    except AccountNotFoundError as error:
        raise BackendUnavailable(
            f"backend {backend!r} found no account for IBM Quantum",
            backend=backend,
            remedy="save one: QiskitRuntimeService.save_account(token=…), or set "
            "QISKIT_IBM_TOKEN; without one, device=fake:FakeSherbrooke",
        ) from error
    except Exception as error:  # the network, the token or the name: the service says which
        raise BackendUnavailable(
            f"backend {backend!r} cannot use ibm:{name}: {type(error).__name__}: {error}",
            backend=backend,
            remedy="look at the account, its instance and the names of its devices",
        ) from error
