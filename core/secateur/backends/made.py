"""Backends made of what is no class of ours: an instance that is set up, a plain function."""

from __future__ import annotations

import dataclasses
import inspect
import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from secateur.backends.base import Backend, BackendOptions, Capabilities, Solution
from secateur.backends.metered import paid_by
from secateur.errors import BackendFailed, BackendOptionError, OptionError
from secateur.options import declared
from secateur.problem.model import Problem
from secateur.signatures import fields_of_function


def backend_of_instance(solver: Backend) -> type[Backend]:
    """A class whose instances are the one given: strategies and wrappers ask for a class."""

    def same(cls: type[Backend]) -> Backend:
        return solver

    return type(
        type(solver).__name__,
        (type(solver),),
        {
            "__new__": same,  # what it gives is of another class, so that no __init__ is called
            "name": solver.name,
            "capabilities": solver.capabilities,
            "__module__": type(solver).__module__,
        },
    )


class FunctionBackend(Backend):
    """A backend made of a function; see ``backend_of_function``.

    Attributes:
        function: called with the problem and the options.
    """

    function: ClassVar[Callable[..., Any]]

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Call the function, and read its rows of zeros and ones."""
        started = time.monotonic()
        given = {one.name: getattr(options, one.name) for one in declared(type(options))}
        bits = type(self).function(problem, **given)
        if isinstance(bits, Solution):
            return bits
        seconds = time.monotonic() - started
        versions = {"numpy": np.__version__}
        try:
            return Solution.from_bits(
                problem, np.asarray(bits), options, seconds, versions=versions
            )
        except (TypeError, ValueError) as error:
            raise BackendFailed(
                f"the function of backend {self.name!r} returned no bits: {error}",
                backend=self.name,
                remedy=f"return rows of {problem.n} zeros and ones, in the order of "
                "problem.variables",
            ) from error


def backend_of_function(function: Callable[..., Any], name: str) -> type[Backend]:
    """A backend that calls ``function(problem, **options)``; its keywords are the options.

    Raises:
        BackendOptionError: the function cannot be called so.
    """
    own = getattr(function, "__name__", type(function).__name__)
    try:
        fields = fields_of_function(function, ("problem",), BackendOptions, f"backend {name!r}")
        options = dataclasses.make_dataclass(
            f"{own}Options" if own.isidentifier() else "FunctionOptions",
            fields,
            bases=(BackendOptions,),
            namespace={"__module__": __name__},
            frozen=True,
            kw_only=True,
        )
    except OptionError as error:
        raise BackendOptionError(error.message, backend=name, remedy=error.remedy) from error
    names = {one.name for one in declared(options)}
    return type(
        "FunctionBackendOf",
        (FunctionBackend,),
        {
            "name": name or own,
            "function": staticmethod(function),
            "Options": options,
            "capabilities": Capabilities(
                stochastic="seed" in names,
                takes_seed="seed" in names,
                takes_time_limit="time_limit" in names,
                metered=paid_by(function) is not None,  # found, whatever is promised
            ),
            "__doc__": inspect.getdoc(function) or f"The function {own}.",
            "__module__": getattr(function, "__module__", None) or __name__,
        },
    )
