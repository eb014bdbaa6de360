"""What a search returns: a choice that keeps every demand, its energy and a bound of our own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from secateur.backends.base import Status, Stopped
from secateur.problem.model import Bits, Label, Problem
from secateur.shown import escaped

if TYPE_CHECKING:
    import dimod

    from secateur.solving.certificate import Certificate


PROVEN = 1e-6
"""A proof that claims to be closed may leave this gap, relative to the energy."""
CLOSED = 1e-9
"""A bound from elsewhere proves an energy that it meets as nearly as this."""
NOTES, SHOWN = 3, 12
"""So many notes, and labels of ones, are shown."""


@dataclass(frozen=True, eq=False)
class Selection:
    """A choice that keeps every demand.

    Arguments:
        labels: every variable, in the order of ``bits``.
        bits: 1 where it is chosen (pruned), shape ``(n,)``.
        energy: recomputed from the problem.
        bound: a proven lower bound on the energy of any choice that keeps the demands, or None.
        status: "optimal" if the bound meets the energy, else "feasible".
        stopped: why the search stopped.
        backend: who was asked.
        calls: how often the backend was called.
        timings: seconds by stage; "total" is wall time of the whole search.
        seed: used by the search and the backend.
        backend_energy: the best energy of the backend's own answers, brought to the demands but
            not improved; None if it was not asked or gave nothing.
        provenance: how it came about, JSON-safe: the method, the problem's sha256, versions,
            options, the incumbents with their times.
        reads: makes ``samples``.
        prover: makes ``certificate``.
    """

    labels: tuple[Label, ...]
    bits: Bits
    energy: float
    bound: float | None
    status: Status
    stopped: Stopped
    backend: str
    calls: int
    timings: Mapping[str, float]
    seed: int | None = None
    backend_energy: float | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    reads: Callable[[], dimod.SampleSet] | None = field(default=None, repr=False)
    prover: Callable[[], Certificate | None] | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """Wall time of the whole search."""
        return float(self.timings.get("total", 0.0))

    @property
    def count(self) -> int:
        """The number of ones."""
        return int(self.bits.sum(dtype="int64"))

    @property
    def ones(self) -> tuple[Label, ...]:
        """The labels chosen."""
        return tuple(label for label, bit in zip(self.labels, self.bits, strict=True) if bit)

    @cached_property
    def sample(self) -> dict[Label, int]:
        """The choice by label."""
        return {label: int(bit) for label, bit in zip(self.labels, self.bits, strict=True)}

    @cached_property
    def samples(self) -> dimod.SampleSet:
        """Every read of every call with its occurrences, its energy, and whether it is feasible.

        The choice itself is the only row where no backend was called.
        """
        import dimod

        if self.reads is not None:
            return self.reads()
        return dimod.SampleSet.from_samples(
            (self.bits[None], list(self.labels)),
            vartype=dimod.BINARY,
            energy=[self.energy],
            sort_labels=False,
        )

    @cached_property
    def certificate(self) -> Certificate | None:
        """What the bound rests on, for ``secateur verify``; None if there is no bound."""
        return None if self.prover is None else self.prover()

    @property
    def gap(self) -> float | None:
        """``(energy - bound) / |energy|``: 0.0 is proven, None is no bound."""
        if self.bound is None:
            return None
        if self.status is Status.OPTIMAL:
            return 0.0
        size = abs(self.energy) or abs(self.bound)
        return max(0.0, self.energy - self.bound) / size if size else 0.0

    @property
    def proof(self) -> str:
        """ "proven", "gap = x %" or "no bound"."""
        gap = self.gap
        if gap is None:
            return "no bound"
        return "proven" if self.status is Status.OPTIMAL else f"gap = {100 * gap:.3g} %"

    def __str__(self) -> str:
        """What `secateur solve` prints."""
        return table(self, "to_json() has all")

    def to_json(self) -> dict[str, Any]:
        """Everything but the reads and the certificate, JSON-safe."""
        names = [str(label) for label in self.labels]
        if len(set(names)) < len(names):  # 1 and "1"
            names = [repr(label) for label in self.labels]
        return {
            "backend": self.backend,
            "energy": self.energy,
            "ones": self.count,
            "bound": self.bound,
            "gap": self.gap,
            "proof": self.proof,
            "status": str(self.status),
            "stopped": str(self.stopped),
            "backend_energy": self.backend_energy,
            "calls": self.calls,
            "seconds": self.seconds,
            "timings": dict(self.timings),
            "seed": self.seed,
            "provenance": dict(self.provenance),
            "sample": {name: int(bit) for name, bit in zip(names, self.bits, strict=True)},
        }


def table(answer: Selection, rest: str) -> str:
    """A selection as people read it: a line for each thing that there is to know.

    Arguments:
        answer: what was found.
        rest: where that is which is cut off, "--json has all".
    """
    return "\n".join(f"{name:8} {text}" for name, text in _rows(answer, rest))


def _rows(answer: Selection, rest: str) -> Iterator[tuple[str, str]]:
    yield "backend", answer.backend
    yield "energy", f"{answer.energy:.9g}"
    yield "bound", "none" if answer.bound is None else f"{answer.bound:.9g}"
    yield "proof", answer.proof
    yield "ones", str(answer.count)
    yield "status", str(answer.status)
    yield "stopped", str(answer.stopped)
    yield "calls", str(answer.calls)
    yield "seconds", f"{answer.seconds:.2f}"
    own = answer.backend_energy
    if own is not None and own > answer.energy:
        yield "own", f"{own:.9g} is the best of the backend's own answers"
    if "charged" in answer.provenance:
        yield "charged", answer.provenance["charged"]["text"]
    notes = answer.provenance.get("notes") or []
    for note in notes[:NOTES]:
        yield "note", note
    if len(notes) > NOTES:
        yield "note", f"and {len(notes) - NOTES} more ({rest})"
    for name, value in (answer.provenance.get("broken") or {}).items():
        yield "broken", f"{name} is {value:g}"
    which = [escaped(str(label)) for label in answer.ones]
    more = f", and {len(which) - SHOWN} more ({rest})" if len(which) > SHOWN else ""
    yield "sample", f"1 for {', '.join(which[:SHOWN])}{more}" if which else "all 0"


def is_proven(problem: Problem, energy: float, bound: float, closed: bool) -> bool:
    """Whether a bound proves an energy: one rule for answers and certificates.

    Arguments:
        problem: that both are of.
        energy: of a choice.
        bound: below every choice.
        closed: a prover of ours calls it closed; it must look so from here, too.
    """
    return energy - bound <= problem.nearly(energy, PROVEN if closed else CLOSED)


def make_selection(
    problem: Problem, bits: Bits, *, bound: float | None, closed: bool = False, **about: Any
) -> Selection:
    """A selection whose demands and energy are checked against the problem.

    Arguments:
        problem: that was solved.
        bits: the choice, shape ``(n,)``.
        bound: a lower bound, or None.
        closed: a proof found bound and energy equal, up to the rounding that it accounts for.
        about: the other fields of ``Selection``.

    Raises:
        AssertionError: a demand is not kept; a fault of this library, never a user's.
    """
    bits = np.asarray(bits, dtype=np.int8)
    if not bool(problem.feasible(bits)[0]):
        raise AssertionError(f"the search made a choice with {problem.broken(bits)[0]}")
    energy = float(problem.energies(bits)[0])
    if bound is not None and not math.isfinite(bound):
        bound = None
    if bound is not None:
        # where terms cancel, the rounding of an energy is larger than what is left of it
        closed = is_proven(problem, math.fsum(problem.terms(bits)), bound, closed)
        bound = min(bound, energy)
    return Selection(
        labels=problem.variables,
        bits=bits,
        energy=energy,
        bound=bound,
        status=Status.OPTIMAL if bound is not None and closed else Status.FEASIBLE,
        **about,
    )


def improving(incumbents: list[tuple[float, float]]) -> list[list[float]]:
    """Those that were better than all before them."""
    best, kept = math.inf, []
    for seconds, energy in sorted(incumbents):
        if energy < best:
            best = energy
            kept.append([seconds, energy])
    return kept
