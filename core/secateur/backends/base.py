"""The contract between the library and a solver.

A backend says what it can do (``Capabilities``), whether it can be used here (``Availability``)
and on this problem (``Applicability``), and what it found (``Solution``): what you hold
(``status``) apart from why it stopped (``stopped``), times in seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from secateur.backends.metered import is_metered
from secateur.backends.price import Price, shape_of
from secateur.backends.reads import are_bits, distinct_rows
from secateur.errors import BackendOptionError
from secateur.lazy import dimod
from secateur.options import Declared, Options, declared, make_options
from secateur.problem.model import Problem


@dataclass(frozen=True)
class BackendOptions(Options):
    """Base of every backend's options; has none of its own."""


@dataclass(frozen=True)
class Capabilities:
    """What a backend promises; the conformance kit tests each promise in both directions.

    Arguments:
        max_variables: the largest problem it takes at all, or None.
        native: the kinds of constraints that it takes itself: "count", "limit", "multiple",
            "numbers", "linear", "quadratic", "budget", "staircase". It is handed no other; a search
            over its answers keeps those.
        exact: proves optimality when it is not stopped early, and gives a lower bound.
        stochastic: two seeds may give two answers.
        takes_seed: has an option ``seed``; the same seed gives the same answer.
        takes_time_limit: has an option ``time_limit`` in seconds and keeps it.
        takes_start: starts from ``Problem.start`` if that is given.
        metered: a call costs money or quota.
    """

    max_variables: int | None = None
    native: frozenset[str] = frozenset()
    exact: bool = False
    stochastic: bool = False
    takes_seed: bool = False
    takes_time_limit: bool = False
    takes_start: bool = False
    metered: bool = False


@dataclass(frozen=True)
class Availability:
    """Whether a backend can be used here, found without heavy imports and without a licence.

    Arguments:
        installed: its packages are there.
        licensed: a licence or token is configured; None if none is needed.
        detail: versions, the kind of licence, a size limit.
        remedy: what to do if something is missing.
    """

    installed: bool
    licensed: bool | None = None
    detail: str = ""
    remedy: str | None = None

    @property
    def usable(self) -> bool:
        """Installed, and licensed if it has to be."""
        return self.installed and self.licensed is not False


@dataclass(frozen=True)
class Applicability:
    """Whether a backend can take one problem, found without sending or changing anything.

    Arguments:
        applicable: it can.
        reason: why not, with the number and the limit.
        remedy: what to use or do instead.
        seconds: estimated time, if it can be told.
        charge_seconds: seconds that a metered service would charge.
        memory_bytes: estimated memory, if it matters.
    """

    applicable: bool
    reason: str | None = None
    remedy: str | None = None
    seconds: float | None = None
    charge_seconds: float | None = None
    memory_bytes: int | None = None


class Status(StrEnum):
    """What you hold."""

    OPTIMAL = "optimal"
    """Proven: no better solution exists."""
    FEASIBLE = "feasible"
    """A solution, without proof."""
    INFEASIBLE = "infeasible"
    """Proven: no solution exists."""
    NONE = "none"
    """No solution, and no proof that there is none."""


class Stopped(StrEnum):
    """Why the solver stopped."""

    COMPLETED = "completed"
    """It did all that it was asked to (reads, sweeps, a proof)."""
    TIME_LIMIT = "time limit"
    NODE_LIMIT = "node limit"
    MEMORY_LIMIT = "memory limit"
    INTERRUPTED = "interrupted"
    BUDGET = "budget"


@dataclass(frozen=True)
class Timings:
    """Where the time went, in seconds; None where a backend has no such thing.

    Arguments:
        total: wall time of the whole call.
        solve: the solver's own.
        queue: waiting for a service.
        access: the time that a metered service charges for.
    """

    total: float
    solve: float | None = None
    queue: float | None = None
    access: float | None = None


@dataclass(frozen=True, eq=False)
class Solution:
    """What a backend found.

    Arguments:
        samples: over the labels of ``Problem.bqm``; may be empty only if ``status`` says so.
        status: what you hold.
        stopped: why it stopped.
        timings: in seconds.
        bound: a lower bound on the energy (of the constrained problem where the constraints were
            taken natively), or None.
        versions: packages and their versions; the library puts the distribution that registers
            the backend where there are none.
        options: the options used, without secrets.
        seed: the seed used, or None.
        job_id: the service's name for the call, or None.
        raw: what the vendor said, JSON-safe.
        incumbents: each better answer as the solver had it: seconds since ``solve`` was called, and
            bits of shape ``(n,)`` in the order of ``Problem.variables``; the library computes the
            energies. Empty where a solver does not tell: anytime curves then have one step.
    """

    samples: dimod.SampleSet
    status: Status
    stopped: Stopped
    timings: Timings
    bound: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    job_id: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)
    incumbents: Sequence[tuple[float, NDArray[np.int8]]] = field(default=(), repr=False)

    @classmethod
    def from_bits(
        cls,
        problem: Problem,
        bits: NDArray[np.generic],
        options: BackendOptions,
        seconds: float,
        *,
        status: Status = Status.FEASIBLE,
        stopped: Stopped = Stopped.COMPLETED,
        **more: Any,
    ) -> Solution:
        """The answer in the contract's form, from rows of zeros and ones.

        Equal rows become one, with their number of occurrences.

        Arguments:
            problem: that was solved.
            bits: shape ``(rows, n)``, in the order of ``Problem.variables``.
            options: that were used; an option ``seed`` among them is the answer's.
            seconds: that the whole call took.
            status: what you hold.
            stopped: why it stopped.
            more: other fields of ``Solution``.

        Raises:
            ValueError: a value that is neither 0 nor 1.
        """
        given = np.asarray(bits)
        if not are_bits(given):  # 0.999 would silently become 0
            raise ValueError("the bits are not all 0 or 1: round what the solver gave")
        rows = given.astype(np.int8)
        if rows.ndim != 2:
            rows = rows.reshape(-1, max(problem.n, 1))[:, : problem.n]
        first, which = distinct_rows(rows, {})
        samples = dimod.SampleSet.from_samples(
            (rows[first], list(problem.variables)),
            vartype=dimod.BINARY,
            energy=problem.energies(rows[first]),
            num_occurrences=np.bincount(which, minlength=len(first)),
            sort_labels=False,
        )
        return cls(
            samples=samples,
            status=status,
            stopped=stopped,
            timings=more.pop("timings", Timings(total=seconds)),
            options=options.public(),
            seed=more.pop("seed", getattr(options, "seed", None)),
            **more,
        )


class Backend(ABC):
    """Something that solves a ``Problem``. Subclass it, and register the class as an entry point.

    The entry point's group is ``secateur.backends``; its name is the backend's name.

    Attributes:
        name: what users type.
        capabilities: what it promises.
        Options: its options, a frozen dataclass made with ``secateur.options.option``.
        citation: BibTeX of what to cite, or "".
        default_budget_s: of a metered backend that keeps a budget by itself: the seconds that one
            search may be charged where neither a budget nor ``charge`` is given. None: it is not
            called then.
        keeps_journal: an answer that was paid for is on the disk before it is used, and the same
            search takes it again instead of asking, and paying, anew.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities] = Capabilities()
    Options: ClassVar[type[BackendOptions]] = BackendOptions
    citation: ClassVar[str] = ""
    default_budget_s: ClassVar[float | None] = None
    keeps_journal: ClassVar[bool] = False

    @classmethod
    def make_options(cls, given: Mapping[str, Any]) -> BackendOptions:
        """Its options from names and values, every one checked; nothing is solved.

        Raises:
            BackendOptionError: an unknown name (the nearest is named), a wrong type, a value out of
                range.
        """
        error = partial(BackendOptionError, backend=cls.name)
        return make_options(cls.Options, given, f"backend {cls.name!r}", error)

    @classmethod
    def describe_options(cls) -> list[Declared]:
        """Its options as they were declared, for help and reference pages."""
        return declared(cls.Options)

    @classmethod
    def availability(cls) -> Availability:
        """Whether it can be used here. Imports nothing heavy, takes no licence."""
        return Availability(installed=True)

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Whether it can take this problem. Sends nothing, changes nothing."""
        most = self.capabilities.max_variables
        if most is not None and problem.n > most:
            return Applicability(
                False,
                reason=f"{problem.n} variables, and {self.name} takes at most {most}",
                remedy="choose another backend (`secateur backends` lists them)",
            )
        return Applicability(True)

    def price(self, problem: Problem, options: BackendOptions) -> Price:
        """What one call costs. May ask a service what is free to ask; sends no problem."""
        metered = is_metered(self)
        suits = self.applicability(problem, options)
        charge = suits.charge_seconds if metered else 0.0
        unknown = "the service does not say what a call is charged" if charge is None else ""
        return Price(
            solver=self.name,
            charge_s=charge,
            time_limit_s=suits.seconds,
            most_variables=self.capabilities.max_variables,
            note=(suits.reason or unknown) if metered or not suits.applicable else "",
            **shape_of(problem),
        )

    def charges(self, options: BackendOptions) -> bool:
        """Whether a call with these options costs money or quota; asked of metered backends.

        One that takes a simulator in place of the paid device says so here. What holds an object
        of a vendor whose calls are charged stays metered whatever this says.
        """
        return True

    def spent(self, problem: Problem, options: BackendOptions) -> float | None:
        """Seconds that the search of this problem was charged so far, in every process.

        For backends that keep a journal (``keeps_journal``): by what stands there, tries that
        failed among them. None: not known.
        """
        return None

    @abstractmethod
    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Find low energies. ``options`` is an instance of ``self.Options``.

        Raises:
            BackendError: with the backend's name and a remedy.
            KeyboardInterrupt: promptly, and without leaving anything running.
        """

    @classmethod
    def cite(cls) -> str:
        """BibTeX of what to cite when this backend was used."""
        return cls.citation.strip()
