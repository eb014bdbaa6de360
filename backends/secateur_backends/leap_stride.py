"""D-Wave's hybrid solver for nonlinear models, which it calls Stride.

A wanted count and limits are constraints of the model, so one call is enough. Jobs are journalled,
settled, resumed, replayed and held to a budget as those of ``leap``.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import Any, ClassVar

from secateur.backends import BackendOptions, Capabilities
from secateur.lazy import dimod
from secateur.problem import Problem
from secateur_backends.leap import HybridOptions, Leap
from secateur_backends.leap_nonlinear import decoder
from secateur_backends.leap_run import Plan

CITATION = """
@misc{osaba2024nonlinear,
  author        = {Osaba, Eneko and Miranda-Rodriguez, Pablo},
  title         = {D-Wave's Nonlinear-Program Hybrid Solver: Description and Performance Analysis},
  year          = {2024},
  eprint        = {2410.07980},
  archivePrefix = {arXiv}
}
"""


class LeapStride(Leap):
    """The hybrid solver for nonlinear models, with the count and the limits as constraints."""

    name: ClassVar[str] = "leap-stride"
    packages: ClassVar[tuple[str, ...]] = ("dwave-cloud-client", "dwave-optimization", "dimod")
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=1_000_000,  # as the others; the true one is asked of the service
        native=frozenset({"count", "limit"}),
        stochastic=True,
        takes_time_limit=True,
        metered=True,
    )
    Options: ClassVar[type[BackendOptions]] = HybridOptions
    citation: ClassVar[str] = CITATION

    def kind(self, problem: Problem, options: Any) -> str:
        """Always "nl"."""
        return "nl"

    def plan(self, problem: Problem, options: Any, kind: str, solver: Any) -> Plan:
        """As of the other hybrid solvers, with the answer held in memory."""
        plan = super().plan(problem, options, kind, solver)

        def send(data: str | None, label: str) -> Any:
            future = plan.send(data, label)
            # the client lays a file under each job, and closes it when it likes; states are small
            held = getattr(future, "_answer_data", None)
            if isinstance(held, SpooledTemporaryFile):
                future._answer_data = io.BytesIO()
                held.close()
            return future

        return replace(plan, send=send)

    def decoder(self, problem: Problem) -> Callable[[Any], dimod.SampleSet]:
        """An answer is a file of states."""
        return decoder(problem)
