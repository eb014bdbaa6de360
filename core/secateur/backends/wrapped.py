"""Somebody else's solver as a backend, with what it cannot say itself promised beside it.

::

    from secateur.backends import option, wrap

    def sample(problem, options):
        import vendor  # not at the top: `secateur backends` imports this module

        return vendor.minimise(problem.as_matrix(), runs=options.runs)

    mine = wrap(sample, options={"runs": option(10, "independent runs", least=1)})
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from secateur.backends.base import Backend
from secateur.backends.declaring import Options
from secateur.backends.foreign import NOTHING, Promised, plain_name
from secateur.backends.made import (
    FactoryBackend,
    backend_of_factory,
    backend_of_function,
    backend_of_instance,
    is_factory,
    made_by,
)
from secateur.backends.promised import check_backend
from secateur.errors import BackendOptionError


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
        from secateur.backends.declaring import declare
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


def _found(thing: object, name: str) -> type[Backend] | None:
    return (
        thing if isinstance(thing, type) and issubclass(thing, Backend) else backend_of(thing, name)
    )


FactoryBackend.found = staticmethod(_found)
