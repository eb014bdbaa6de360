"""A backend made of another one: what ``decompose:`` and ``blocks:`` share.

The options of the inner backend are given as ``inner.NAME``; every demand is kept by the wrapper,
whether the inner backend takes it or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from secateur.backends.base import Availability, Backend, BackendOptions, Capabilities
from secateur.backends.call import resolve_options
from secateur.backends.guard import availability_of, build, guarded, price_of_call
from secateur.backends.metered import is_metered
from secateur.backends.metering import search_key
from secateur.backends.price import Price
from secateur.errors import BackendOptionError
from secateur.limits import MOST_ROUNDS, ROUNDS_WHY
from secateur.options import option
from secateur.problem.model import Problem
from secateur.seeds import LARGEST_SEED

INNER = "inner."
"""Before the name of an option: that option of the inner backend."""
_METERED_CALLS = 5
"""A backend that costs money is asked so often unless the user says otherwise."""


@dataclass(frozen=True)
class WrapperOptions(BackendOptions):
    """What every wrapper takes."""

    max_calls: int | None = option(
        None,
        "most calls of the inner backend; None: any number, or 5 if it is metered",
        least=1,
        most=MOST_ROUNDS,
        why=ROUNDS_WHY,
    )
    seed: int | None = option(None, "random seed", least=0, most=LARGEST_SEED)
    time_limit: float | None = option(
        None,
        "stop after so long; an inner backend with a time limit gets the rest",
        least=0.0,
        unit="s",
    )
    # secret, because it may hold a token: `public` shows what may be shown
    inner: Mapping[str, Any] | None = option(
        None, "options of the inner backend, also one by one as `inner.NAME`", secret=True
    )

    backend: ClassVar[type[Backend]]

    def public(self) -> dict[str, Any]:
        """The options as JSON-safe data, the inner backend's among them."""
        resolved = resolve_options(build(self.backend), dict(self.inner or {}))
        shown = {INNER + name: value for name, value in resolved.public().items()}
        return super().public() | shown


class Wrapper(Backend):
    """What a wrapper is a subclass of; ``wrap`` makes one for an inner backend.

    Attributes:
        inner: the backend that is wrapped.
    """

    inner: ClassVar[type[Backend]]
    capabilities: ClassVar[Capabilities] = Capabilities(
        native=frozenset(
            {"count", "limit", "multiple", "numbers", "linear", "quadratic", "budget", "staircase"}
        ),
        stochastic=True,
        takes_seed=True,
        takes_time_limit=True,
        takes_start=True,
    )

    @classmethod
    def availability(cls) -> Availability:
        """That of the inner backend."""
        return availability_of(cls.inner)

    @classmethod
    def make_options(cls, given: Mapping[str, Any]) -> BackendOptions:
        """Options from names and values, ``inner.NAME`` among them, every one checked.

        Raises:
            BackendOptionError: unknown or out of range, here or in the inner backend.
        """
        own = {name: value for name, value in given.items() if not name.startswith(INNER)}
        together = own.pop("inner", None) or {}
        if not isinstance(together, Mapping):  # not shown: it may be a token in the wrong place
            raise BackendOptionError(
                f"option 'inner' of backend {cls.name!r} is a {type(together).__name__}",
                backend=cls.name,
                remedy=f"give names and values, or single options as {INNER}NAME",
            )
        inner = dict(together)
        inner |= {n.removeprefix(INNER): v for n, v in given.items() if n.startswith(INNER)}
        resolve_options(build(cls.inner), inner)
        return super().make_options(own | {"inner": inner})

    def most_calls(self, options: WrapperOptions) -> int | None:
        """How often the inner backend may be called; None: as often as it takes."""
        if options.max_calls is None and self.charges(options):
            return _METERED_CALLS
        return options.max_calls

    def charges(self, options: BackendOptions) -> bool:
        """Whether the inner backend's calls are charged."""
        assert isinstance(options, WrapperOptions)
        inner = build(self.inner)
        return is_metered(inner, resolve_options(inner, dict(options.inner or {})))

    def spent(self, problem: Problem, options: BackendOptions) -> float | None:
        """What the inner backend's journal says: its calls are of the search of the whole."""
        assert isinstance(options, WrapperOptions)
        inner = build(self.inner)
        return inner.spent(problem, resolve_options(inner, dict(options.inner or {})))

    def seed_of(self, problem: Problem, options: WrapperOptions) -> int:
        """The seed; where none is given and calls are charged, the same for the same problem."""
        if options.seed is not None:
            return options.seed
        if self.charges(options):  # started again, it asks for parts that are paid for already
            return int(search_key(problem)[:7], 16)
        return int(np.random.default_rng().integers(LARGEST_SEED))

    def price(self, problem: Problem, options: BackendOptions) -> Price:
        """At most that of as many calls of the inner backend, each on the whole problem."""
        assert isinstance(options, WrapperOptions)
        inner = build(self.inner)
        chosen = resolve_options(inner, dict(options.inner or {}))
        one = price_of_call(inner, problem.only(inner.capabilities.native), chosen)
        calls = self.most_calls(options)
        if one.charge_s == 0.0 and not one.recorded:
            return replace(one, solver=self.name)
        unknown = None in (one.charge_s, calls) or one.recorded  # a part is another problem
        charge = None if unknown else (one.charge_s or 0.0) * (calls or 0)
        note = f"for {calls or 'any number of'} calls of {inner.name}, as if each were on the whole"
        return replace(
            one, charge_s=charge, recorded=False, note="; ".join(filter(None, (note, one.note)))
        )


def wrap(
    wrapper: type[Wrapper], inner: type[Backend], prefix: str, about: str, citation: str = ""
) -> type[Backend]:
    """The wrapper's class for one inner backend.

    Arguments:
        wrapper: a subclass of ``Wrapper``; its ``Options`` are a subclass of ``WrapperOptions``.
        inner: the backend that is wrapped.
        prefix: of its name, before that of ``inner``.
        about: one line.
        citation: of the wrapper itself; that of ``inner`` follows.
    """
    module = wrapper.__module__
    with guarded(inner, "cite"):
        cited = inner.cite()
    options = type("Options", (wrapper.Options,), {"backend": inner, "__module__": module})
    return type(
        f"{wrapper.__name__}{inner.__name__}",
        (wrapper,),
        {
            "name": prefix + inner.name,
            "inner": inner,
            "keeps_journal": inner.keeps_journal,
            "capabilities": replace(wrapper.capabilities, metered=is_metered(inner)),
            "Options": options,
            "citation": "\n".join(text for text in (citation, cited) if text),
            "__module__": module,
            "__doc__": about,
        },
    )
