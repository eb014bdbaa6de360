"""Any ``dimod.Sampler`` class as a backend.

Its keyword parameters become the options; one that it does not have is an error, where many
samplers drop it without a word.
"""

from __future__ import annotations

import difflib
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar

import dimod
from dimod.core.sampler import Sampler

from secateur.backends.base import (
    Backend,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
)
from secateur.backends.options import BackendOptions
from secateur.errors import BackendFailed, BackendOptionError
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
    """

    Options = SamplerOptions
    sampler: ClassVar[type[Sampler]]

    @classmethod
    def make_options(cls, given: dict[str, Any]) -> SamplerOptions:
        """The sampler's parameters, every name checked against its ``.parameters``.

        Raises:
            BackendOptionError: the sampler has no such parameter.
        """
        known = [str(name) for name in cls.build().parameters]
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise BackendOptionError(
                    f"backend {cls.name!r} has no option {name!r}",
                    backend=cls.name,
                    remedy=(f"did you mean {near[0]!r}? " if near else "")
                    + f"it has: {', '.join(known) or 'none'}",
                )
        return SamplerOptions(dict(given))

    @classmethod
    def build(cls) -> Sampler:
        """The sampler, made without arguments.

        Raises:
            BackendFailed: it cannot be.
        """
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


def wrap_sampler(sampler: type[Sampler], name: str) -> type[SamplerBackend]:
    """A backend class for a sampler class that can be made without arguments.

    What it takes is read from its ``.parameters``: ``seed`` and ``time_limit`` (seconds).
    """
    wrapped: type[SamplerBackend] = type(
        f"{sampler.__name__}Backend",
        (SamplerBackend,),
        {"name": name, "sampler": sampler, "__doc__": sampler.__doc__},
    )
    try:
        parameters = set(wrapped.build().parameters)
    except BackendFailed:
        parameters = set()  # said again, with its cause, when it is used
    wrapped.capabilities = Capabilities(
        stochastic="seed" in parameters,
        takes_seed="seed" in parameters,
        takes_time_limit="time_limit" in parameters,
    )
    return wrapped
