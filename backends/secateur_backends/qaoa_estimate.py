"""What a run on a quantum computer will take, told before anything is sent.

IBM charges the seconds for which the processor is locked. Its documentation ("Workload usage")
estimates them as about 2 s for each job, and for each shot the circuit and the pause after it
(``rep_delay``). That is an estimate; what holds is the cap that is sent with each job.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

JOB_SECONDS = 2.0
"""Seconds that a job is charged besides its shots, by IBM's documentation."""
REP_DELAY = 2.5e-4
"""Seconds between two shots unless the device says otherwise: IBM's default."""


@dataclass(frozen=True)
class CircuitEstimate:
    """What a run is and what it will cost; prints as a short table.

    Arguments:
        device: as the option says it.
        n: variables, and so qubits that the circuit uses.
        qubits: that the device has, or None.
        two_qubit_gates: of the circuit as it is sent.
        depth: of the circuit as it is sent.
        shots: of each job.
        jobs: at most so many.
        job_s: seconds that one job is charged.
        charge_s: seconds for all jobs; 0 where nothing is charged.
        budget_s: no more is spent.
        note: what else is to be known.
    """

    device: str
    n: int
    qubits: int | None
    two_qubit_gates: int
    depth: int
    shots: int
    jobs: int
    job_s: float
    charge_s: float
    budget_s: float | None
    note: str = ""

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)

    def __str__(self) -> str:
        there = "" if self.qubits is None else f" of {self.qubits}"
        rows = [
            ("device", self.device),
            ("qubits", f"{self.n}{there}"),
            ("gates", f"{self.two_qubit_gates} on two qubits"),
            ("depth", str(self.depth)),
            ("jobs", f"at most {self.jobs}, each of {self.shots} shots"),
            ("one job", f"about {self.job_s:.3g} s"),
            ("charged", f"about {self.charge_s:.3g} s" if self.charge_s else "nothing"),
        ]
        if self.budget_s is not None:
            rows.append(("at most", f"{self.budget_s:.6g} s (max_charge_s)"))
        if self.note:
            rows.append(("note", self.note))
        return "\n".join(f"{name:<14}{value}" for name, value in rows)


def job_seconds(shots: int, circuit: Any = None, device: Any = None) -> float:
    """Seconds that one job is charged, about.

    Arguments:
        shots: of the job.
        circuit: as it is sent; its duration is left out if it is None, or not known.
        device: a Qiskit backend, for the times of its gates and its pause between shots.
    """
    pause = getattr(device, "default_rep_delay", None)
    return JOB_SECONDS + shots * (
        (REP_DELAY if pause is None else pause) + _duration(circuit, device)
    )


def _duration(circuit: Any, device: Any) -> float:
    if circuit is None or device is None:
        return 0.0
    from qiskit.circuit.exceptions import CircuitError

    try:
        return float(circuit.estimate_duration(device.target, unit="s"))
    except (CircuitError, AttributeError, KeyError, TypeError, ValueError):
        return 0.0  # a gate without a time: the pause between shots is ten times as long anyway
