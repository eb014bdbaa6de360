"""What a metered backend may be asked: only problems that the next run would ask again.

A budget in seconds, the journal and a price are for one problem with its demands. Where a demand
comes from timing this machine, the next run has another problem, and would pay anew.
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
        OptionError: a method's backend is metered, and a demand is measured on this machine.
    """
    timed = any("time" in (one.budget or {}) for one in wanted)
    stepped = any(one.width_step == DEVICE for one in wanted)
    if not timed and not stepped:
        return
    for method in methods:
        solver, options = method.chosen.solver, method.chosen.options
        if solver is None or not is_metered(solver, options):
            continue
        if timed:
            raise OptionError(
                f"a budget of time with backend {solver.name!r}, which is metered: a time is "
                "learnt anew in every run and corrected once, so its problems are others each "
                "time, and would be paid for again; nothing was sent",
                remedy="plan for a time with a backend that is not metered, or give the budget in "
                '"macs" or "params", which are the same in every run',
            )
        raise OptionError(
            f"widths in multiples of {DEVICE!r} with backend {solver.name!r}, which is metered: "
            "the step of a device is measured in every run, and another step is another problem, "
            "which would be paid for again; nothing was sent",
            remedy="give the multiple as a number: 16 for most CPUs",
        )
