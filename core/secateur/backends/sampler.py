"""Any ``dimod.Sampler`` class as a backend.

Its keyword parameters become the options; one that it does not have is an error, where many
samplers drop it without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import dimod
from dimod.core.sampler import Sampler

from secateur.backends.base import BackendOptions
from secateur.backends.foreign import NOTHING, Foreign, Promised, given_nothing
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


class SamplerBackend(Foreign):
    """A backend made from a sampler class; see ``wrap_sampler``.

    Attributes:
        sampler: the class.
        instance: the sampler itself, where one was given.
        arguments: that the class is made with.
        paid: what in it is charged for, as ``secateur.backends.metered`` found it, or None.
    """

    Options: ClassVar[type[BackendOptions]] = SamplerOptions
    sampler: ClassVar[type[Sampler]]
    instance: ClassVar[Sampler | None] = None
    arguments: ClassVar[Mapping[str, Any]] = {}
    paid: ClassVar[str | None] = None

    @classmethod
    def make_options(cls, given: Mapping[str, Any]) -> BackendOptions:
        """The sampler's parameters, every name checked against its ``.parameters``.

        Raises:
            BackendOptionError: the sampler has no such parameter.
        """
        if cls.Options is not SamplerOptions:  # declared where it was wrapped
            return super().make_options(given)
        error = partial(BackendOptionError, backend=cls.name)
        refuse_unknown(given, cls._known(), f"backend {cls.name!r}", error)
        return SamplerOptions(dict(given))

    @classmethod
    def describe_options(cls) -> list[Declared]:
        """The sampler's parameters; it tells their names alone."""
        if cls.Options is not SamplerOptions:
            return super().describe_options()
        return [
            Declared(name, "any", None, "", "of the sampler", "", False) for name in cls._known()
        ]

    @classmethod
    def _known(cls) -> list[str]:
        known = [str(name) for name in cls.build().parameters]
        return [*known, "seed"] if cls.seeded_here else known

    @classmethod
    def build(cls) -> Sampler:
        """The sampler that was given, or one made with the arguments that were.

        Raises:
            BackendFailed: it cannot be.
        """
        if cls.instance is not None:
            return cls.instance
        try:
            return cls.sampler(**cls.arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the vendor's constructor
            how = f"with {', '.join(cls.arguments)}" if cls.arguments else "without arguments"
            raise BackendFailed(
                f"{cls.sampler.__name__} of backend {cls.name!r} cannot be made {how}: "
                f"{type(error).__name__}: {error}",
                backend=cls.name,
                remedy="give them where it is declared: secateur.backends.wrap(…, arguments={…})",
            ) from error

    def values(self, options: BackendOptions) -> dict[str, Any]:
        """The parameters given; one that is declared and None is left to the sampler."""
        if isinstance(options, SamplerOptions):
            given = dict(options.parameters)
            if self.seeded_here:
                given.pop("seed", None)
            return given
        return {name: v for name, v in super().values(options).items() if v is not None}

    def seed(self, options: BackendOptions) -> int | None:
        """The seed among the parameters."""
        if isinstance(options, SamplerOptions):
            return options.parameters.get("seed")
        return super().seed(options)

    def ask(self, problem: Problem, options: BackendOptions) -> Any:
        """Call ``sampler.sample`` with the parameters given."""
        samples = self.build().sample(problem.bqm.copy(), **self.values(options))
        if not isinstance(samples, dimod.SampleSet):
            raise BackendFailed(
                f"the sampler of backend {self.name!r} returned a {type(samples).__name__}",
                backend=self.name,
                remedy="its `sample` has to return a dimod.SampleSet",
            )
        return samples

    @classmethod
    def versions(cls) -> dict[str, str]:
        """Of what found the answer."""
        return super().versions() | {"dimod": dimod.__version__}


def wrap_sampler(
    sampler: type[Sampler],
    name: str,
    instance: Sampler | None = None,
    *,
    arguments: Mapping[str, Any] | None = None,
    options: type[BackendOptions] | None = None,
    promised: Promised = NOTHING,
    named: bool = True,
) -> type[SamplerBackend]:
    """A backend class for a sampler class, or for an instance.

    What it takes is read from its ``.parameters``, unless its options are declared: ``seed`` and
    ``time_limit`` (seconds).

    Arguments:
        sampler: the class.
        name: of the backend.
        instance: the sampler itself.
        arguments: that the class is made with.
        options: declared; the sampler's parameters unless given.
        promised: what it cannot say itself.
        named: whether the name is its own.

    Raises:
        BackendOptionError: a promise that cannot be kept.
    """
    if instance is not None:
        given_nothing(arguments or {}, name, instance)
    wrapped: type[SamplerBackend] = type(
        f"{sampler.__name__}Backend",
        (SamplerBackend,),
        {
            "name": name,
            "sampler": sampler,
            "instance": instance,
            "arguments": dict(arguments or {}),
            "promised": promised,
            "named": named,
            "citation": promised.citation,
            "__doc__": sampler.__doc__,
            "__module__": sampler.__module__,
        },
    )
    made: object = sampler if instance is None else instance
    try:
        made = wrapped.build()
        parameters = {str(one) for one in made.parameters}
    except BackendFailed:
        parameters = set()  # said again, with its cause, when it is used
    wrapped.paid = paid_by(made)
    names = parameters
    if options is not None:
        wrapped.Options = options
        names = set(options.__dataclass_fields__)
    wrapped.seeded_here = "seed" not in parameters and (
        "seed" in names or bool(promised.takes_seed)
    )
    if wrapped.seeded_here:
        names = {*names, "seed"}
    promised.check(name, names, ())
    wrapped.capabilities = promised.capabilities(names, metered=wrapped.paid is not None)
    return wrapped
