"""What backends made of things that are no classes of ours have in common.

A sampler, an algorithm or a function knows nothing of the contract. Around each of its calls the
global random states are kept, a problem without variables is answered here, and whatever it
returns is read into a ``Solution`` with energies of ours.
"""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from secateur.backends.base import (
    Availability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
)
from secateur.backends.randomness import preserved_global_rng
from secateur.backends.reads import are_bits
from secateur.errors import BackendFailed, BackendOptionError
from secateur.lazy import dimod
from secateur.options import declared
from secateur.problem.model import Problem

logger = logging.getLogger("secateur")

TOLERANCE = 1e-6
"""How far an energy may be off, relative to the problem's scale, before it is told."""


@dataclass(frozen=True)
class Promised:
    """What is promised for a thing that cannot say it itself; None: as it is found.

    Arguments:
        native: the kinds of constraints that it is handed, as in ``Capabilities``.
        exact: its best answer is proven.
        stochastic: two runs may differ; if not said, it is where it takes a seed.
        takes_seed: if not said, it does where it has an option ``seed``.
        takes_time_limit: if not said, it does where it has an option ``time_limit``.
        takes_start: it begins at ``Problem.start``.
        metered: it costs money.
        max_variables: it takes no more.
        requires: the distributions that it needs, as ``pip`` calls them.
        citation: BibTeX.
    """

    native: frozenset[str] = frozenset()
    exact: bool = False
    stochastic: bool | None = None
    takes_seed: bool | None = None
    takes_time_limit: bool | None = None
    takes_start: bool = False
    metered: bool | None = None
    max_variables: int | None = None
    requires: tuple[str, ...] = ()
    citation: str = ""

    def capabilities(self, options: Collection[str], *, metered: bool = False) -> Capabilities:
        """The capabilities of a thing with these options; found to be metered, it stays so."""

        def found(said: bool | None, otherwise: bool) -> bool:
            return otherwise if said is None else said

        seed = found(self.takes_seed, "seed" in options)
        return Capabilities(
            max_variables=self.max_variables,
            native=self.native,
            exact=self.exact,
            stochastic=found(self.stochastic, seed),
            takes_seed=seed,
            takes_time_limit=found(self.takes_time_limit, "time_limit" in options),
            takes_start=self.takes_start,
            metered=True if metered else found(self.metered, False),
        )

    def check(self, name: str, options: Collection[str], can: Collection[str] | None) -> None:
        """Refuse a promise that cannot be kept.

        Arguments:
            name: of the backend.
            options: that it has.
            can: the constraints and the start ("start") that a thing of its kind can be handed;
                None: any.

        Raises:
            BackendOptionError: there is one.
        """
        for promise, option in ((self.takes_seed, "seed"), (self.takes_time_limit, "time_limit")):
            if promise and option not in options:
                raise BackendOptionError(
                    f"backend {name!r} promises takes_{option}, and has no option {option!r}",
                    backend=name,
                    remedy=f"declare it: options={{{option!r}: option(None, …)}}",
                )
        wanted = {*self.native, *(("start",) if self.takes_start else ())}
        if can is not None and not wanted <= set(can):
            raise BackendOptionError(
                f"backend {name!r} promises {sorted(wanted - set(can))[0]!r}, which cannot be "
                "handed to a thing of its kind",
                backend=name,
                remedy="wrap a function (problem, options) that hands it over",
            )


NOTHING = Promised()


class Foreign(Backend):
    """A backend made of something else.

    Attributes:
        promised: what was promised where it was wrapped.
        named: it has a name of its own; otherwise an entry point gives it one.
        registered: the distribution that registers it, and the version of that; or None.
        seeded_here: its option ``seed`` is not the thing's own: it seeds the global states alone.
    """

    promised: ClassVar[Promised] = NOTHING
    named: ClassVar[bool] = True
    registered: ClassVar[tuple[str, str] | None] = None
    seeded_here: ClassVar[bool] = False
    _told: ClassVar[bool] = False

    @abstractmethod
    def ask(self, problem: Problem, options: BackendOptions) -> Any:
        """What the thing returns: rows of bits, one row, a ``SampleSet`` or a ``Solution``."""

    def values(self, options: BackendOptions) -> dict[str, Any]:
        """The options as names and values for the thing."""
        given = {one.name: getattr(options, one.name) for one in declared(type(options))}
        if self.seeded_here:
            given.pop("seed", None)
        return given

    def seed(self, options: BackendOptions) -> int | None:
        """The seed among the options."""
        return getattr(options, "seed", None)

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Ask the thing, its random numbers apart from everybody's, and read what it returns."""
        started = time.monotonic()
        answer: Any = np.zeros((1, 0), dtype=np.int8)  # nothing to be asked
        if problem.n:
            with preserved_global_rng(self.seed(options)):
                answer = self.ask(problem.only(self.capabilities.native), options)
                if isinstance(answer, dimod.SampleSet):
                    answer.resolve()
        if isinstance(answer, Solution):
            return answer
        return self.read(problem, options, answer, time.monotonic() - started)

    def read(
        self, problem: Problem, options: BackendOptions, answer: Any, seconds: float
    ) -> Solution:
        """The solution that an answer means.

        Raises:
            BackendFailed: it means none.
        """
        more: dict[str, Any] = {"seed": self.seed(options), "versions": self.versions()}
        samples = answer if isinstance(answer, dimod.SampleSet) else None
        try:
            rows = _rows(problem, answer) if samples is None else _in_order(problem, samples)
        except (TypeError, ValueError) as error:
            raise BackendFailed(
                f"backend {self.name!r} returned no bits: {error}",
                backend=self.name,
                remedy=f"return rows of {problem.n} zeros and ones, in the order of "
                "problem.variables, or a dimod.SampleSet over these",
            ) from error
        energies = problem.energies(rows)
        if not len(rows):
            more["status"] = Status.NONE
        elif self.capabilities.exact:
            more |= {"status": Status.OPTIMAL, "bound": float(energies.min())}
        found = Solution.from_bits(problem, rows, options, seconds, **more)
        if samples is None:
            return found
        self._tell(np.asarray(samples.record.energy, dtype=np.float64), energies, problem.scale)
        vectors = {
            name: samples.record[name]
            for name in samples.record.dtype.names or ()
            if name not in ("sample", "energy")
        }
        kept = dimod.SampleSet.from_samples(
            (rows, list(problem.variables)),
            vartype=dimod.BINARY,
            energy=energies,
            info=dict(samples.info),
            sort_labels=False,
            **vectors,
        )
        return replace(found, samples=kept)

    def _tell(self, claimed: NDArray[np.float64], ours: NDArray[np.float64], scale: float) -> None:
        """Say once that the energies are not what the vendor claims; ours are kept anyway."""
        off = ~(np.abs(claimed - ours) <= TOLERANCE * scale)  # True for NaN too
        if not off.any() or type(self)._told:
            return
        type(self)._told = True
        one = int(np.argmax(off))
        logger.warning(
            "backend %r claims the energy %.9g for a sample of %.9g: ours are kept, here and in "
            "its other answers",
            self.name,
            claimed[one],
            ours[one],
        )

    @classmethod
    def versions(cls) -> dict[str, str]:
        """Of what found the answer: what it requires, and the distribution that registers it."""
        found = {name: version(name) for name in cls.promised.requires}
        if cls.registered is not None:
            found.setdefault(*cls.registered)
        return found

    @classmethod
    def availability(cls) -> Availability:
        """Whether what it requires is installed; imports nothing."""
        missing, there = [], []
        for name in cls.promised.requires:
            try:
                there.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                missing.append(name)
        if missing:
            return Availability(
                False,
                detail=f"{' and '.join(missing)} is missing",
                remedy=f"pip install {' '.join(missing)}",
            )
        return Availability(True, detail=", ".join(there))

    @classmethod
    def registered_as(cls, name: str, distribution: str, release: str) -> type[Foreign]:
        """The same, as an entry point of a distribution names it."""
        about: dict[str, Any] = {"__module__": cls.__module__, "__doc__": cls.__doc__}
        if not cls.named:
            about["name"] = name
        if distribution:
            about["registered"] = (distribution, release)
        return type(cls.__name__, (cls,), about)


def _rows(problem: Problem, answer: Any) -> NDArray[np.int8]:
    """Rows, or one row, as bits of the problem's width."""
    if answer is None:
        raise ValueError("None, as a function does that returns nothing")
    try:
        found = np.asarray(answer)
    except ValueError:  # NumPy's words are of its own matters
        raise ValueError(f"a {type(answer).__name__} whose parts differ in length") from None
    if not np.issubdtype(found.dtype, np.number) and found.dtype != np.bool_:
        raise ValueError(f"a {type(answer).__name__}")
    if found.ndim < 2 and found.size == problem.n:
        found = found.reshape(1, problem.n)
    if not found.size:  # rows without variables, or none
        found = found.reshape(0 if problem.n else len(found), problem.n)
    if found.ndim != 2 or found.shape[1] != problem.n:
        raise ValueError(f"the shape {found.shape} for {problem.n} variables")
    if not are_bits(found):
        raise ValueError("the bits are not all 0 or 1: round what the solver gave")
    return found.astype(np.int8)


def _in_order(problem: Problem, samples: dimod.SampleSet) -> NDArray[np.int8]:
    """The rows of a sample set, as bits in our order."""
    there = set(samples.variables)
    if there != set(problem.variables):
        odd = sorted(map(repr, there ^ set(problem.variables)))
        raise ValueError(f"{len(there)} variables of {problem.n}; look at {odd[0]}")
    binary = samples.change_vartype(dimod.BINARY, inplace=False)
    order = [binary.variables.index(label) for label in problem.variables]
    return _rows(problem, np.asarray(binary.record.sample)[:, order])


def plain_name(thing: object) -> str:
    """A name for a thing that has been given none."""
    own = getattr(thing, "__name__", None) or type(thing).__name__
    return own if isinstance(own, str) and own != "<lambda>" else "function"


def given_nothing(arguments: Mapping[str, Any], name: str, thing: object) -> None:
    """Refuse arguments for what is made already.

    Raises:
        BackendOptionError: there are some.
    """
    if arguments:
        raise BackendOptionError(
            f"backend {name!r} is given {', '.join(arguments)}, and is an instance of "
            f"{type(thing).__name__} that is made already",
            backend=name,
            remedy="give the class, or leave the arguments out",
        )
