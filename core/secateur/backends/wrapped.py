"""Somebody else's solver as a backend, with what it cannot say itself promised beside it.

::

    from secateur.backends import option, wrap

    def sample(problem, options):
        import vendor  # not at the top: `secateur backends` imports this module

        return vendor.minimise(problem.as_matrix(), runs=options.runs)

    mine = wrap(sample, options={"runs": option(10, "independent runs", least=1)})
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from secateur.backends.base import Backend, BackendOptions
from secateur.backends.declaring import Options, declare
from secateur.backends.foreign import NOTHING, Foreign, Promised, plain_name
from secateur.backends.made import (
    backend_of_function,
    backend_of_instance,
    is_factory,
    is_paid,
    keywords,
    made_by,
)
from secateur.backends.metered import is_metered
from secateur.backends.promised import check_backend
from secateur.errors import BackendFailed, BackendOptionError, BackendUnavailable
from secateur.problem.model import Problem


def wrap(
    thing: Any,
    *,
    name: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    options: Options = None,
    native: Iterable[str] = (),
    exact: bool = False,
    stochastic: bool | None = None,
    takes_seed: bool | None = None,
    takes_time_limit: bool | None = None,
    takes_start: bool = False,
    metered: bool | None = None,
    max_variables: int | None = None,
    requires: Iterable[str] = (),
    citation: str = "",
) -> type[Backend]:
    """A backend made of a stranger's solver, to be named by an entry point or given to ``solve``.

    Around each call the global random states are kept and seeded; the energies are ours; a problem
    without variables is answered without a call. The versions in the answer are those of
    ``requires`` and of the distribution whose entry point names it.

    Arguments:
        thing: a ``dimod.Sampler`` or an ``OptimizationAlgorithm`` of qiskit-optimization, the class
            or an instance; a function ``(problem, options)`` or ``(problem, **options)`` that
            returns rows of zeros and ones, one row, a ``dimod.SampleSet`` or a ``Solution``; or a
            factory, a function without a problem that makes one of these.
        name: of the backend; that of its entry point unless given.
        arguments: by keyword, to the constructor or factory once, to a function in every call.
        options: for each option what ``secateur.options.option`` gives, or a default, or its type
            and one of these; or a subclass of ``BackendOptions``. Those of a factory that are not
            its own keywords go to what it makes. Where they are given, ``{}`` too, a factory is
            called for each problem and not before; otherwise at once.
        native: constraints that it is handed: any for a function; "count" and "limit" for an
            algorithm, as linear constraints; none for a sampler.
        exact: its best answer is the optimum, proven.
        stochastic: two runs may differ; unless given, if it takes a seed.
        takes_seed: the same seed gives the same answer. If it has no option ``seed`` it gets one,
            which seeds the global random states around the call.
        takes_time_limit: it keeps its option ``time_limit``, in seconds.
        takes_start: it begins at ``Problem.start``; for functions.
        metered: a call costs money; one that is known to is metered whatever is said.
        max_variables: it takes no more.
        requires: the distributions that it needs, as ``pip`` calls them: without them it cannot
            be used, and their versions are in the answer.
        citation: BibTeX of what to cite.

    Raises:
        BackendOptionError: it is nothing of the kind, or a promise that cannot be kept.
        BackendFailed: a factory that raises.
        BackendMisbehaved: a promise of the wrong type.
    """
    called = name or plain_name(thing)
    promised = Promised(
        frozenset((native,) if isinstance(native, str) else native),
        exact,
        stochastic,
        takes_seed,
        takes_time_limit,
        takes_start,
        metered,
        max_variables,
        (requires,) if isinstance(requires, str) else tuple(requires),
        citation,
    )
    twice = sorted(set(arguments or {}) & set(options if isinstance(options, Mapping) else ()))
    if twice:
        raise BackendOptionError(
            f"{twice[0]!r} of backend {called!r} is an argument and an option",
            backend=called,
            remedy="leave it out of one of them",
        )
    made = backend_of(thing, called, arguments, options, promised, named=name is not None)
    if made is None:
        raise BackendOptionError(
            f"a {type(thing).__name__} cannot be wrapped as a backend",
            backend=called,
            remedy="give a dimod.Sampler, an OptimizationAlgorithm of qiskit-optimization, a "
            "function of a problem, or a function that makes one of these",
        )
    check_backend(made)
    return made


def backend_of(
    thing: object,
    name: str,
    arguments: Mapping[str, Any] | None = None,
    options: Options = None,
    promised: Promised = NOTHING,
    *,
    named: bool = True,
) -> type[Backend] | None:
    """The class of backends that a thing stands for; None if it is nothing of the kind.

    Arguments:
        thing: as for ``wrap``, or a ``Backend``, the class or an instance.
        name: of the backend where the thing has none.
        arguments: as for ``wrap``.
        options: as for ``wrap``.
        promised: what it cannot say itself.
        named: whether the name is its own.

    Raises:
        BackendOptionError: a promise that cannot be kept.
        BackendFailed: a factory that raises.
    """
    if isinstance(thing, Backend) or (isinstance(thing, type) and issubclass(thing, Backend)):
        if promised != NOTHING or options or (arguments and isinstance(thing, Backend)):
            raise BackendOptionError(
                f"{plain_name(thing)} is a Backend, which says itself what it promises",
                backend=name,
                remedy="declare it in the class: capabilities, Options",
            )
        if isinstance(thing, type):
            return backend_of_instance(thing(**arguments)) if arguments else thing
        return backend_of_instance(thing)
    more: dict[str, Any] = {"arguments": arguments, "promised": promised, "named": named}
    if _is_sampler(thing):
        from secateur.backends.sampler import wrap_sampler

        if options is not None:
            more["options"], _ = declare(
                options, name, plain_name(thing), seeded=bool(promised.takes_seed)
            )
        if isinstance(thing, type):
            return wrap_sampler(thing, name, **more)
        return wrap_sampler(type(thing), name, thing, **more)  # type: ignore[arg-type]
    from secateur.backends.algorithm import is_algorithm, refuse_options, wrap_algorithm

    if is_algorithm(thing):
        refuse_options(options, name)
        return wrap_algorithm(thing, name, **more)
    if is_factory(thing, arguments):
        if options is not None:
            return backend_of_factory(thing, name, options=options, **more)  # type: ignore[arg-type]
        built = made_by(thing, arguments or {}, name)
        if is_factory(built):
            return None
        return backend_of(built, name, None, None, promised, named=named)
    if isinstance(thing, type) or not callable(thing):
        return None
    return backend_of_function(thing, name, options=options, **more)


def _is_sampler(thing: object) -> bool:
    """Whether it is a ``dimod.Sampler``, the class or an instance; imports nothing."""
    if "dimod" not in sys.modules:  # else it cannot be one
        return False
    from dimod.core.sampler import Sampler

    return issubclass(thing, Sampler) if isinstance(thing, type) else isinstance(thing, Sampler)


class FactoryBackend(Foreign):
    """A backend whose thing is made when it is asked; see ``backend_of_factory``.

    Attributes:
        factory: makes the thing.
        arguments: that it is called with.
    """

    factory: ClassVar[Callable[..., Any]]
    arguments: ClassVar[Mapping[str, Any]] = {}

    def ask(self, problem: Problem, options: BackendOptions) -> Any:
        """Make the thing with those options that the factory takes; the others are the thing's."""
        values = super().values(options)
        factory, given = type(self).factory, dict(type(self).arguments)
        for one in keywords(factory) & set(values):
            given[one] = values.pop(one)
        thing = made_by(factory, given, self.name)
        found = None if is_factory(thing) else backend_of(thing, self.name)
        if found is None:
            raise BackendFailed(
                f"the factory of backend {self.name!r} made a {type(thing).__name__}",
                backend=self.name,
                remedy="it has to make a dimod.Sampler, an OptimizationAlgorithm of "
                "qiskit-optimization, a Backend or a function of a problem",
            )
        inner = found()
        if is_metered(inner) and not self.capabilities.metered:
            raise BackendUnavailable(
                f"the factory of backend {self.name!r} makes a {type(thing).__name__}, which is "
                "metered, and promises nothing of the kind",
                backend=self.name,
                remedy="promise metered=True where it is wrapped: a call costs money",
            )
        if isinstance(inner, Foreign) and not inner.capabilities.takes_seed:
            values.pop("seed", None)  # the global states are seeded
        chosen = inner.make_options({k: v for k, v in values.items() if v is not None})
        return (
            inner.ask(problem, chosen)
            if isinstance(inner, Foreign)
            else inner.solve(problem, chosen)
        )


def backend_of_factory(
    factory: Callable[..., Any],
    name: str,
    *,
    arguments: Mapping[str, Any] | None = None,
    options: Options = None,
    promised: Promised = NOTHING,
    named: bool = True,
) -> type[Backend]:
    """A backend whose thing is made anew for every call, and not before.

    Arguments:
        factory: can be called with ``arguments`` alone; makes a sampler, an algorithm, a function
            or a backend.
        name: of the backend.
        arguments: that it is called with.
        options: declared; those that are keywords of the factory go to it.
        promised: what cannot be seen before it is made.
        named: whether the name is its own.

    Raises:
        BackendOptionError: a promise that cannot be kept.
    """
    made, _ = declare(
        options, name, plain_name(factory), own=[], seeded=bool(promised.takes_seed), only=None
    )
    names = set(made.__dataclass_fields__)
    promised.check(name, names, None)
    return type(
        "FactoryBackendOf",
        (FactoryBackend,),
        {
            "name": name or plain_name(factory),
            "factory": staticmethod(factory),
            "arguments": dict(arguments or {}),
            "Options": made,
            "promised": promised,
            "named": named,
            "citation": promised.citation,
            "capabilities": promised.capabilities(names, metered=is_paid(factory, arguments or {})),
            "__doc__": inspect.getdoc(factory) or f"What {plain_name(factory)} makes.",
            "__module__": getattr(factory, "__module__", None) or __name__,
        },
    )
