"""Backends of a stranger, as a study names them: ``tests.study.spec.own:Name``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from secateur.backends import Backend, BackendOptions, Capabilities, Solution
from secateur.backends.price import Price, shape_of
from secateur.options import option


@dataclass(frozen=True)
class OwnOptions(BackendOptions):
    reads: int = option(1, "runs", least=1, most=100)
    weights: tuple[float, ...] = option((1.0,), "of the terms")
    label: str | None = option(None, "of the job")
    key: str | None = option(None, "of the service", secret=True)
    extra: Mapping[str, Any] | None = option(None, "handed on")


class Own(Backend):
    """All zeros; for nine variables at most."""

    name = "own"
    capabilities = Capabilities(max_variables=9)
    Options = OwnOptions

    def solve(self, problem, options):
        return Solution.from_bits(problem, np.zeros((1, problem.n)), options, 0.0)


class Paid(Own):
    """Charges two seconds a call, and keeps a count by itself."""

    name = "paid"
    capabilities = Capabilities(metered=True, native=frozenset({"count"}))

    def price(self, problem, options):
        return Price(solver="paid", charge_s=2.0, note="by the clock", **shape_of(problem))


class Untold(Paid):
    """Nobody knows what it charges."""

    name = "untold"

    def price(self, problem, options):
        return Price(solver="untold", charge_s=None, **shape_of(problem))
