"""What the capacity search returns: exactly K ones, with an energy of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from secateur.backends import Problem, Status, Stopped
from secateur.backends.problem import Bits, Label


@dataclass(frozen=True, eq=False)
class Selection:
    """A choice of exactly K variables.

    Arguments:
        labels: every variable, in the order of ``bits``.
        bits: 1 where it is chosen (pruned), shape ``(n,)``.
        energy: recomputed from the problem.
        bound: a proven lower bound on the energy of any feasible choice, or None.
        status: "optimal" if the bound meets the energy, else "feasible".
        stopped: why the last call of the backend stopped.
        backend: who solved it.
        calls: how often the backend was called.
        seconds: wall time of the whole search.
        seed: used by the search and the backend.
        provenance: how it came about, JSON-safe: the method, the offsets tried, what the exchange
            moves added, the backend's versions and options.
    """

    labels: tuple[Label, ...]
    bits: Bits
    energy: float
    bound: float | None
    status: Status
    stopped: Stopped
    backend: str
    calls: int
    seconds: float
    seed: int | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of ones."""
        return int(self.bits.sum(dtype="int64"))

    @property
    def ones(self) -> tuple[Label, ...]:
        """The labels chosen."""
        return tuple(label for label, bit in zip(self.labels, self.bits, strict=True) if bit)

    @property
    def gap(self) -> float | None:
        """``energy - bound``, or None without a bound."""
        return None if self.bound is None else self.energy - self.bound


def make_selection(
    problem: Problem,
    bits: Bits,
    *,
    bound: float | None,
    stopped: Stopped,
    backend: str,
    calls: int,
    seconds: float,
    seed: int | None,
    provenance: Mapping[str, Any],
) -> Selection:
    """A selection whose count and energy are checked against the problem.

    Raises:
        AssertionError: the count or a limit is wrong; a fault of this library, never a user's.
    """
    if not bool(problem.feasible(bits)[0]):
        raise AssertionError("the capacity search made a choice that is not feasible")
    energy = float(problem.energies(bits)[0])
    closed = bound is not None and energy - bound <= 1e-9 * max(1.0, abs(energy))
    return Selection(
        labels=problem.variables,
        bits=bits,
        energy=energy,
        bound=bound,
        status=Status.OPTIMAL if closed else Status.FEASIBLE,
        stopped=stopped,
        backend=backend,
        calls=calls,
        seconds=seconds,
        seed=seed,
        provenance=dict(provenance),
    )
