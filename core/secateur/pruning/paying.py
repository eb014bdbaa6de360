"""What a metered backend may be asked: only problems that the next run would ask again.

A budget in seconds, the journal and a price are for one problem with its demands. Where a demand
comes from timing this machine, the next run has another problem, and would pay anew; where there
are several rounds or objectives, one pruning has several problems.
"""

from __future__ import annotations

from collections.abc import Sequence

from secateur.backends.metered import is_metered
from secateur.errors import OptionError
from secateur.methods.resolved import Resolved
from secateur.methods.wanted import DEVICE, Wanted


def check_paid_once(wanted: Sequence[Wanted], methods: Sequence[Resolved]) -> None:
    """Refuse to pay for a problem that would be another one if it were started again.

    Arguments:
        wanted: what the selections have to keep.
        methods: each is run for all of it.

    Raises:
        OptionError: a method's backend is metered, and a demand is measured on this machine, or
            the method has several problems.
    """
    timed = any("time" in (one.budget or {}) for one in wanted)
    stepped = any(one.width_step == DEVICE for one in wanted)
    for method in methods:
        solver, options = method.chosen.solver, method.chosen.options
        if solver is None or not is_metered(solver, options):
            continue
        metered = f"with backend {solver.name!r}, which is metered"
        if method.candidates:
            names = ", ".join(one.objective.name for one in method.candidates)
            raise OptionError(
                f"objective {method.objective.name!r} {metered}: each of its candidates ({names}) "
                "would be another problem to pay for; nothing was sent",
                remedy="let a backend that is not metered choose the objective, and then pay for "
                "the one that it chose, by name",
            )
        if method.method.rounds > 1:
            raise OptionError(
                f"{method.method.rounds} rounds {metered}: the problem of each round is made of "
                "the answer before it, so that its price cannot be told, nor its answer found in "
                "the journal; nothing was sent",
                remedy="leave rounds out, or take a backend that is not metered",
            )
        if timed:
            raise OptionError(
                f"a budget of time {metered}: a time is "
                "learnt anew in every run and corrected once, so its problems are others each "
                "time, and would be paid for again; nothing was sent",
                remedy="plan for a time with a backend that is not metered, or give the budget in "
                '"macs" or "params", which are the same in every run',
            )
        if stepped:
            raise OptionError(
                f"widths in multiples of {DEVICE!r} {metered}: "
                "the step of a device is measured in every run, and another step is another "
                "problem, which would be paid for again; nothing was sent",
                remedy="give the multiple as a number: 16 for most CPUs",
            )
