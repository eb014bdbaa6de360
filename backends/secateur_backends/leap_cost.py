"""What a Leap job will cost, told before anything of the problem is sent.

The shortest time that a hybrid solver accepts, and so the least that is charged, follows from the
problem's size and from properties that the service sends with its list of solvers. Listing is free.
The last list is kept, so that the estimate is there without the network from the second time on;
before that it is unknown, and said to be.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from secateur.errors import BackendMisbehaved
from secateur.limits import as_number
from secateur.problem import Problem
from secateur_backends.leap_jobs import write_whole

# of the many properties of a solver (a QPU lists all its qubits), those that an estimate needs
_KEPT = (
    "minimum_time_limit",
    "minimum_time_limit_s",
    "maximum_time_limit_hrs",
    "num_variables_multiplier",
    "num_biases_multiplier",
    "num_constraints_multiplier",
    "maximum_number_of_variables",
    "maximum_number_of_biases",
    "maximum_number_of_constraints",
    "num_nodes_multiplier",
    "state_size_multiplier",
    "num_nodes_state_size_multiplier",
    "offset",
    "min_time_limit",
    "maximum_number_of_nodes",
    "maximum_state_size",
    "maximum_decision_state_size",
)
_KEPT_NUMBERS = (
    "minimum_time_limit_s",
    "num_variables_multiplier",
    "num_biases_multiplier",
    "num_constraints_multiplier",
)

NATIVE = ("cqm", "nl")
"""Kinds of solvers that take the count and the limits as constraints."""
_BYTES = 8
"""Of one number in the state of a nonlinear model."""


@dataclass(frozen=True)
class Estimate:
    """What a job is and what it will cost; prints as a short table.

    Arguments:
        kind: "bqm", "cqm", "nl" or "qpu".
        solver: the service's solver, or "" if none was listed yet.
        n: variables.
        interactions: couplings that are not zero.
        density: of all pairs, the share that is coupled.
        constraints: the number of native constraints.
        qubits: after embedding, for a QPU.
        blocks: parts that no coupling joins, for a QPU.
        submissions: jobs that they are sent in, each charged.
        minimum_s: the shortest time limit that the solver accepts.
        time_limit_s: the time limit that will be asked for.
        charge_s: seconds that will be charged; None if not known yet.
        note: what is not known, and how to find it out.
        most_variables: that the solver takes, if it says so.
    """

    kind: str
    solver: str
    n: int
    interactions: int
    density: float
    constraints: int = 0
    qubits: int | None = None
    minimum_s: float | None = None
    time_limit_s: float | None = None
    charge_s: float | None = None
    note: str = ""
    blocks: int | None = None
    submissions: int | None = None
    most_variables: int | None = None

    def as_data(self) -> dict[str, Any]:
        """JSON-safe."""
        return asdict(self)

    def __str__(self) -> str:
        def seconds(value: float | None) -> str:
            return "not known" if value is None else f"{value:.6g} s"

        rows = [
            ("solver", self.solver or f"(any {self.kind})"),
            ("variables", str(self.n)),
            ("couplings", f"{self.interactions} ({self.density:.1%} of all pairs)"),
            ("constraints", str(self.constraints)),
            ("minimum time", seconds(self.minimum_s)),
            ("time limit", seconds(self.time_limit_s)),
            ("charged", seconds(self.charge_s)),
        ]
        if self.qubits is not None:
            rows[4:6] = [("qubits", str(self.qubits))]
        if self.blocks is not None:
            rows[4:4] = [("blocks", str(self.blocks)), ("submissions", str(self.submissions))]
        if self.note:
            rows.append(("note", self.note))
        return "\n".join(f"{name:<14}{value}" for name, value in rows)


def shape(problem: Problem, kind: str) -> dict[str, Any]:
    """The part of an estimate that follows from the problem alone."""
    interactions = int(np.count_nonzero(problem.quadratic[2]))
    pairs = problem.n * (problem.n - 1) / 2
    return {
        "kind": kind,
        "n": problem.n,
        "interactions": interactions,
        "density": interactions / pairs if pairs else 0.0,
        "constraints": len(constraints(problem)) if kind in NATIVE else 0,
    }


def constraints(problem: Problem) -> list[tuple[str, list[int], str, int]]:
    """The native constraints as (name, positions, sense, right-hand side)."""
    found: list[tuple[str, list[int], str, int]] = []
    if problem.count is not None:
        found.append(("ones", list(range(problem.n)), "==", problem.count))
    for i, limit in enumerate(problem.limits):
        positions = limit.members.tolist()
        if positions and limit.most < len(positions):
            found.append((f"limit{i}", positions, "<=", limit.most))
        if positions and limit.least > 0:
            found.append((f"limit{i}-least", positions, ">=", limit.least))
    return found


def minimum_time(problem: Problem, kind: str, properties: Mapping[str, Any]) -> float | None:
    """The shortest time limit in seconds that a hybrid solver accepts, by its own properties.

    The formulas are those of ``LeapHybridSampler.min_time_limit`` and its siblings.
    """
    if kind == "nl":
        nodes, state = model_size(problem)
        grown = (
            properties.get("num_nodes_multiplier", 8.306792043756981e-05) * nodes
            + properties.get("state_size_multiplier", 2.8379674360396316e-10) * state
            + properties.get("num_nodes_state_size_multiplier", 2.1097317822863966e-12)
            * nodes
            * state
            + properties.get("offset", 0.012671678446550175)
        )
        return float(max(grown, properties.get("min_time_limit", 5)))
    if kind == "bqm":
        curve = properties.get("minimum_time_limit")
        if not curve:
            return None
        try:
            sizes, seconds = zip(*curve, strict=True)
        except (TypeError, ValueError):
            raise _no_number("minimum_time_limit", curve) from None
        for value in (*sizes, *seconds):
            as_seconds(value, "minimum_time_limit")
        return float(np.interp(problem.n, sizes, seconds))
    least = properties.get("minimum_time_limit_s")
    if least is None:
        return None
    for name in _KEPT_NUMBERS:
        if name in properties:
            as_seconds(properties[name], name)
    biases = count_biases(problem, kind)
    crossed = problem.n * len(constraints(problem))
    grown = (
        properties.get("num_variables_multiplier", 1.57e-04) * problem.n
        + properties.get("num_biases_multiplier", 4.65e-06) * biases
        + properties.get("num_constraints_multiplier", 6.44e-09) * crossed
    )
    return float(max(least, grown))


def model_size(problem: Problem) -> tuple[int, int]:
    """Nodes of a problem's nonlinear model, and bytes of its state, without making it."""
    wanted = constraints(problem)
    sums = {() if name == "ones" else tuple(positions) for name, positions, _, _ in wanted}
    parts = [members for members in sums if members]  # an array of indices, and what it picks
    constants = {value for _, _, _, value in wanted}
    single = 1 + len(constants) + len(sums) + len(wanted)  # the objective first
    nodes = 1 + single + 2 * len(parts)
    numbers = problem.n + single + 2 * sum(map(len, parts))
    if not np.count_nonzero(problem.quadratic[2]):  # biases, and each times its variable
        nodes, numbers = nodes + 2, numbers + 2 * problem.n
    return nodes, _BYTES * numbers


def count_biases(problem: Problem, kind: str) -> int:
    """Linear and quadratic biases, as the service counts them."""
    own = problem.n + len(problem.quadratic[2])
    if kind == "bqm":
        return own
    return own + sum(len(positions) for _, positions, _, _ in constraints(problem))


def hybrid_estimate(
    problem: Problem,
    kind: str,
    time_limit: float | None,
    solver: str = "",
    properties: Mapping[str, Any] | None = None,
) -> Estimate:
    """The estimate of a hybrid job; ``properties`` are the solver's, or None if not known."""
    least = None if properties is None else minimum_time(problem, kind, properties)
    limit = least if time_limit is None else time_limit
    note = ""
    if properties is None:
        note = "the solver was not listed yet: `dry_run` lists it, at no charge"
    elif least is None:
        note = "the solver does not say its minimum time"
    return Estimate(
        solver=solver,
        minimum_s=least,
        time_limit_s=limit,
        # a hybrid solver uses its whole time limit, and that is what is charged
        charge_s=limit,
        note=note,
        most_variables=_most(properties or {}, "variables"),
        **shape(problem, kind),
    )


def too_large(
    problem: Problem, kind: str, properties: Mapping[str, Any]
) -> tuple[str, int, int] | None:
    """What is over a limit of the solver, as (what, how many, limit)."""
    if kind == "nl":
        nodes, state = model_size(problem)
        sizes = {
            "nodes": (nodes, "maximum_number_of_nodes"),
            "bytes of state": (state, "maximum_state_size"),
            "bytes of decisions": (_BYTES * problem.n, "maximum_decision_state_size"),
        }
        for what, (number, name) in sizes.items():
            if properties.get(name) is not None and number > properties[name]:
                return what, number, int(properties[name])
        return None
    numbers = {
        "variables": problem.n,
        "biases": count_biases(problem, kind),
        "constraints": len(constraints(problem)) if kind == "cqm" else 0,
    }
    for what, number in numbers.items():
        most = _most(properties, what)
        if most is not None and number > most:
            return what, number, most
    return None


def _most(properties: Mapping[str, Any], what: str) -> int | None:
    name = f"maximum_number_of_{what}"
    most = properties.get(name)
    return None if most is None else int(as_seconds(most, name))


def as_seconds(value: Any, name: str) -> float:
    """A number of at least 0 that the service sent.

    Raises:
        BackendMisbehaved: it is none, NaN, infinite or negative.
    """
    number = as_number(value)
    if number is None or not 0 <= number < math.inf:
        raise _no_number(name, value)
    return number


def _no_number(name: str, value: Any) -> BackendMisbehaved:
    return BackendMisbehaved(
        f"the solver says {name} = {str(value)[:60]!r}, so what a job is charged cannot be told; "
        "nothing was sent",
        backend="leap",
        remedy="name another solver (`solver_name`), and tell D-Wave",
    )


class KnownSolvers:
    """The properties of the solvers listed last, in the journal's folder.

    Arguments:
        folder: the journal's folder.
        service: what tells services apart: endpoint, region and profile.
    """

    def __init__(self, folder: Path, service: str) -> None:
        self._path = folder / "solvers.json"
        self._service = service

    def get(self, kind: str, name: str | None) -> tuple[str, dict[str, Any]] | None:
        """The name and properties of the solver that would be used, if it was listed before."""
        entry = self._read().get(self._entry(kind, name))
        return None if entry is None else (entry["solver"], entry["properties"])

    def put(self, kind: str, name: str | None, solver: str, properties: Mapping[str, Any]) -> None:
        """Keep what the service said."""
        kept = {k: properties[k] for k in _KEPT if k in properties}
        known = self._read() | {self._entry(kind, name): {"solver": solver, "properties": kept}}
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(self._path, json.dumps(known, indent=1))

    def _entry(self, kind: str, name: str | None) -> str:
        return " ".join((self._service, kind, name or "newest"))

    def _read(self) -> dict[str, Any]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # only a cache: what cannot be read is listed again
        return known if isinstance(known, dict) else {}
