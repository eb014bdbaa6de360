"""The solvers of the stand-in for the Leap service: jobs are solved for real, and charged for."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dimod
import numpy as np

from .books import Job

if TYPE_CHECKING:
    from .server import LeapServer


def charge(job: Job) -> float:
    if job.type in ("bqm", "cqm", "nl"):
        return float(job.params["time_limit"])
    return float(job.answer["timing"]["qpu_access_time"]) * 1e-6 if job.answer else 0.0


def solve(leap: LeapServer, job: Job) -> dict[str, Any]:
    if job.type in ("bqm", "cqm"):
        data = io.BytesIO(leap.problems[job.data["data"]])
        micro = 1e6 * job.params["time_limit"]
        info = {"run_time": 0.9 * micro, "charge_time": micro, "qpu_access_time": 21_000.0}
        if job.type == "bqm":
            bqm = dimod.BinaryQuadraticModel.from_file(data)
            found = _best(bqm, lambda z: np.ones(len(z), bool))
        else:
            cqm = dimod.ConstrainedQuadraticModel.from_file(data)
            bqm = dimod.BinaryQuadraticModel(
                cqm.objective.linear, cqm.objective.quadratic, cqm.objective.offset, "BINARY"
            )
            found = _best(bqm, lambda z: _satisfied(cqm, list(bqm.variables), z))
            found = dimod.SampleSet.from_samples_cqm(
                (found.record.sample, list(found.variables)), cqm
            )
        found.info.update(info)
        return {"format": "bq", "data": found.to_serializable()}
    if job.type == "nl":
        return _solve_nl(leap, job)
    return _solve_qpu(leap, job)


def _solve_nl(leap: LeapServer, job: Job) -> dict[str, Any]:
    """Asks the uploaded model for its objective and constraints, whatever it is made of.

    The objective is taken to be quadratic, so its values at one and two ones tell all others.
    """
    from dwave.optimization import Model

    model = Model.from_file(io.BytesIO(leap.problems[job.data["data"]]))
    (x,) = model.iter_decisions()
    n = x.size()
    with model.lock():
        model.states.resize(1)

        def at(z: Any) -> tuple[float, bool]:
            x.set_state(0, z)
            kept = all(bool(c.state(0)) for c in model.iter_constraints())
            return float(model.objective.state(0)), kept

        eye = np.eye(n)
        offset = at(np.zeros(n))[0]
        linear = [at(one)[0] - offset for one in eye]
        bqm = dimod.BinaryQuadraticModel("BINARY")
        bqm.offset = offset
        for i in range(n):
            bqm.add_linear(i, linear[i])
        for i in range(n):
            for j in range(i):
                both = at(eye[i] + eye[j])[0] - linear[i] - linear[j] - offset
                if abs(both) > 1e-12:
                    bqm.add_quadratic(i, j, both)
        ranked = _best(bqm, lambda z: np.ones(len(z), bool), rows=4000).record.sample
        kept = [row for row in ranked if at(row)[1]][:3] or [ranked[0]]
        model.states.resize(len(kept))
        for i, row in enumerate(kept):
            x.set_state(i, row)
        with model.states.to_file() as file:
            leap.states[job.id] = file.read()
    micro = 1e6 * job.params["time_limit"]
    return {
        "format": "binary-ref",
        "auth_method": "sapi-token",
        "url": f"{leap.endpoint}problems/{job.id}/answer/data",
        "timing": {"run_time": 0.9 * micro, "charge_time": micro, "qpu_access_time": 0.0},
        "shape": {},
    }


def _best(
    bqm: dimod.BinaryQuadraticModel, allowed: Callable[[np.ndarray], np.ndarray], rows: int = 3
) -> dimod.SampleSet:
    """The best rows by enumeration; beyond 18 variables, by a local search."""
    n, order = bqm.num_variables, list(bqm.variables)
    if n <= 18:
        z = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(np.int8)
    else:
        rng = np.random.default_rng(0)
        z = (rng.random((4000, n)) < rng.random((4000, 1))).astype(np.int8)
    z = z[allowed(z)]
    if not len(z):
        z = np.zeros((1, n), np.int8)
    energies = bqm.energies((z, order))
    first = np.argsort(energies, kind="stable")[:rows]
    return dimod.SampleSet.from_samples((z[first], order), "BINARY", energy=energies[first])


def _satisfied(cqm: dimod.ConstrainedQuadraticModel, order: list[Any], z: np.ndarray) -> np.ndarray:
    good = np.ones(len(z), bool)
    for constraint in cqm.constraints.values():
        columns = [order.index(v) for v in constraint.lhs.variables]
        biases = np.array([constraint.lhs.get_linear(v) for v in constraint.lhs.variables])
        value = z[:, columns] @ biases
        sense = constraint.sense.value
        good &= (value == constraint.rhs) if sense == "==" else (value <= constraint.rhs)
    return good


def _solve_qpu(leap: LeapServer, job: Job) -> dict[str, Any]:
    properties = next(s for s in leap.solvers() if "graph_id" in str(s["identity"]))["properties"]
    qubits, couplers = properties["qubits"], properties["couplers"]
    lin = np.frombuffer(base64.b64decode(job.data["lin"]), "<f8")
    quad = np.frombuffer(base64.b64decode(job.data["quad"]), "<f8")
    active = [q for q, bias in zip(qubits, lin, strict=True) if not np.isnan(bias)]
    inside = [(u, v) for u, v in couplers if u in set(active) and v in set(active)]
    model = dimod.BinaryQuadraticModel(
        {q: float(b) for q, b in zip(qubits, lin, strict=True) if not np.isnan(b)},
        {(u, v): float(b) for (u, v), b in zip(inside, quad, strict=True)},
        0.0,
        "BINARY" if job.type == "qubo" else "SPIN",
    )
    reads = job.params.get("num_reads", 1)
    rows, energies = _reads(model.change_vartype("BINARY", inplace=False), active, min(reads, 3))
    often = [reads - len(rows) + 1] + [1] * (len(rows) - 1)
    if job.params.get("answer_mode") == "raw":
        rows, energies = np.repeat(rows, often, axis=0), np.repeat(energies, often)
        often = [1] * reads
    packed = np.packbits(rows.astype(np.uint8), axis=1)
    access = 15_000.0 + 100.0 * reads

    def b64(array: Any, kind: str) -> str:
        return base64.b64encode(np.asarray(array, kind).tobytes()).decode()

    return {
        "format": "qp",
        "num_variables": max(qubits) + 1,
        "active_variables": b64(active, "<i4"),
        "energies": b64(energies, "<f8"),
        "num_occurrences": b64(often, "<i4"),
        "solutions": b64(packed, "u1"),
        "timing": {"qpu_access_time": access, "qpu_sampling_time": 100.0 * reads},
    }


def _reads(
    model: dimod.BinaryQuadraticModel, active: list[int], number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Some low rows of each connected part by itself, so that no row is the best of all parts."""
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(active)
    graph.add_edges_from(pair for pair, bias in model.quadratic.items() if bias)
    rows = np.zeros((number, len(active)), np.int8)
    for turn, part in enumerate(sorted(nx.connected_components(graph), key=min)):
        own = dimod.BinaryQuadraticModel(
            {q: model.linear[q] for q in sorted(part)},
            {(u, v): b for (u, v), b in model.quadratic.items() if {u, v} <= part},
            "BINARY",
        )
        found = _best(own, lambda z: np.ones(len(z), bool), rows=number)
        low = np.resize(found.record.sample, (number, len(part)))
        rows[:, [active.index(q) for q in found.variables]] = np.roll(low, turn, axis=0)
    return rows, np.asarray(model.energies((rows, active)))
