"""Any ``dimod.Sampler`` class as a backend.

Its keyword parameters become the options; one that it does not have is an error, where many
samplers drop it without a word.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import dimod
from dimod.core.sampler import Sampler

from secateur.backends.base import (
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
)
from secateur.backends.metered import paid_by
from secateur.errors import BackendFailed, BackendOptionError
from secateur.options import Declared, refuse_unknown
from secateur.problem.model import Problem


@dataclass(frozen=True)
class SamplerOptions(BackendOptions):
    """The sampler's own keyword parameters."""

    parameters: dict[str, Any] = field(default_factory=dict)

    def public(self) -> dict[str, Any]:
        """The parameters, JSON-safe."""
        parameters: dict[str, Any] = BackendOptions.public(self)["parameters"]
        return parameters


class SamplerBackend(Backend):
    """A backend made from a sampler class; see ``wrap_sampler``.

    Attributes:
        sampler: the class.
        instance: the sampler itself, where one was given.
        paid: what in it is charged for, as ``secateur.backends.metered`` found it, or None.
    """

    Options = SamplerOptions
    sampler: ClassVar[type[Sampler]]
    instance: ClassVar[Sampler | None] = None
    paid: ClassVar[str | None] = None

    @classmethod
    def make_options(cls, given: Mapping[str, Any]) -> SamplerOptions:
        """The sampler's parameters, every name checked against its ``.parameters``.

        Raises:
            BackendOptionError: the sampler has no such parameter.
        """
        known = [str(name) for name in cls.build().parameters]
        error = partial(BackendOptionError, backend=cls.name)
        refuse_unknown(given, known, f"backend {cls.name!r}", error)
        return SamplerOptions(dict(given))

    @classmethod
    def describe_options(cls) -> list[Declared]:
        """The sampler's parameters; it tells their names alone."""
        names = [str(name) for name in cls.build().parameters]
        return [Declared(name, "any", None, "", "of the sampler", "", False) for name in names]

    @classmethod
    def build(cls) -> Sampler:
        """The sampler that was given, or one made without arguments.

        Raises:
            BackendFailed: it cannot be.
        """
        if cls.instance is not None:
            return cls.instance
        try:
            return cls.sampler()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the vendor's constructor
            raise BackendFailed(
                f"{cls.sampler.__name__} of backend {cls.name!r} cannot be made without "
                f"arguments: {type(error).__name__}: {error}",
                backend=cls.name,
                remedy="register a subclass of secateur.backends.Backend that makes it",
            ) from error

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Call ``sampler.sample`` with the parameters given."""
        assert isinstance(options, SamplerOptions)
        started = time.monotonic()
        samples = self.build().sample(problem.bqm, **options.parameters)
        if isinstance(samples, dimod.SampleSet):
            samples.resolve()
        return Solution(
            samples=samples,
            status=Status.FEASIBLE if len(samples) else Status.NONE,
            stopped=Stopped.COMPLETED,
            timings=Timings(total=time.monotonic() - started),
            versions={"dimod": dimod.__version__},
            options=options.public(),
            seed=options.parameters.get("seed"),
        )


def wrap_sampler(
    sampler: type[Sampler], name: str, instance: Sampler | None = None
) -> type[SamplerBackend]:
    """A backend class for a sampler class that can be made without arguments, or an instance.

    What it takes is read from its ``.parameters``: ``seed`` and ``time_limit`` (seconds).
    """
    wrapped: type[SamplerBackend] = type(
        f"{sampler.__name__}Backend",
        (SamplerBackend,),
        {
            "name": name,
            "sampler": sampler,
            "instance": instance,
            "__doc__": sampler.__doc__,
            "__module__": sampler.__module__,
        },
    )
    made: object = sampler if instance is None else instance
    try:
        made = wrapped.build()
        parameters = set(made.parameters)
    except BackendFailed:
        parameters = set()  # said again, with its cause, when it is used
    wrapped.paid = paid_by(made)
    wrapped.capabilities = Capabilities(
        stochastic="seed" in parameters,
        takes_seed="seed" in parameters,
        takes_time_limit="time_limit" in parameters,
        metered=wrapped.paid is not None,  # found, whatever is promised
    )
    return wrapped
