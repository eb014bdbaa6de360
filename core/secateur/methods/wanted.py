"""How much shall go or may stay: an amount, budgets, widths; declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from secateur.errors import AmountError, OptionError
from secateur.methods.own import constraints_of, listed
from secateur.nearest import did_you_mean
from secateur.options import Options, option

if TYPE_CHECKING:
    from secateur.budgets import TimeModel
    from secateur.network import Channels
    from secateur.problem import Constraint

STEP = 16
"""Channels that kernels work in at once on most CPUs; widths where a time is asked for."""
DEVICE = "device"
"""A multiple: the step that is measured here."""


@dataclass(frozen=True)
class Wanted(Options):
    """What a selection has to keep."""

    amount: Any = option(None, "what goes: 36%, 0.36 or a count of channels")
    budget: Mapping[str, Any] | None = option(
        None,
        "what may stay at most, by params, macs or time: a share (macs=50%) or absolute "
        "(params=200000, time=4ms)",
    )
    minimum: Mapping[str, Any] | None = option(None, "channels that a layer keeps at least")
    maximum: Mapping[str, Any] | None = option(None, "channels that a layer keeps at most")
    multiple: Any = option(
        None,
        "widths are multiples of it, or as they were; 16 where a time is asked for; device: the "
        "step of this machine's kernels, which is measured",
    )
    constraints: Any = option(
        None,
        "demands of your own over channels: a file of TOML; in Python constraints of "
        "secateur.problem too (z = 1: pruned)",
    )
    runtimes: tuple[str, ...] = option(
        ("eager",), "where time is measured; a time budget is meant in the first"
    )

    def checked(self) -> Wanted:
        """The same with nothing that can be seen to be wrong without a network.

        Raises:
            AmountError: nothing is asked for, or an amount that cannot be understood.
            ConstraintError: a kind of budget that does not exist.
            OptionError: a runtime that does not exist; constraints that are none.
        """
        from secateur.budgets import check_budget, check_widths
        from secateur.network import check_amount
        from secateur.surgery.speed import check_runtime

        own = listed(self.constraints)
        if self.amount is None and not self.budget and not own:
            raise AmountError(
                "neither an amount nor a budget is given",
                remedy='say what goes, amount="50%", or what may stay, budget={"macs": "50%"}',
            )
        if self.amount is not None:
            check_amount(self.amount)
        check_budget(self.budget or {})
        check_widths(self.minimum or {}, self.maximum or {})
        check_multiple(self.multiple)
        if not self.runtimes:
            raise OptionError("runtimes is empty", remedy='time the networks in "eager" at least')
        for runtime in self.runtimes:
            check_runtime(runtime)
        return self

    @property
    def width_step(self) -> int | str | None:
        """Of which widths are multiples; 16 where a time is asked for and nothing else."""
        timed = self.budget is not None and "time" in self.budget
        return STEP if self.multiple is None and timed else check_multiple(self.multiple)

    def demands(
        self, channels: Channels, step: int | None, model: TimeModel | None
    ) -> list[Constraint]:
        """The constraints of the problem; a time only with a model of it.

        Arguments:
            channels: of the network.
            step: of which widths are multiples, measured where a device's was asked for.
            model: predicts times.
        """
        from secateur.budgets import budget_constraints
        from secateur.network import count_of
        from secateur.problem import count

        made: list[Constraint] = []
        if self.amount is not None:
            made.append(count(count_of(self.amount, channels)))
        made += constraints_of(self.constraints, channels.labels)
        budget = dict(self.budget or {})
        if model is None:
            budget.pop("time", None)
        if budget or self.minimum or self.maximum or step:
            if channels.streams:
                raise OptionError(
                    "budgets and widths with tied=False: what filters in front of a sum cost "
                    "depends on each other",
                    remedy="leave tied=False out",
                )
            made += budget_constraints(
                channels,
                channels.costs,
                budget,
                minimum=self.minimum,
                maximum=self.maximum,
                multiple=step,
                time=model,
            )
        return made

    def to_json(self) -> dict[str, Any]:
        """As plain data; constraints by their names, a file of them by its path."""
        own = listed(self.constraints)
        named = [one.name for one in own] if isinstance(own, tuple) else own and str(own)
        return {
            "amount": self.amount,
            "budget": dict(self.budget or {}),
            "minimum": dict(self.minimum or {}),
            "maximum": dict(self.maximum or {}),
            "multiple": self.width_step,
            "constraints": named,
            "runtimes": list(self.runtimes),
        }


def check_multiple(multiple: Any) -> int | str | None:
    """A number that widths can be multiples of, "device" or None.

    Raises:
        AmountError: it is neither.
    """
    if multiple is None or multiple == DEVICE:
        return cast("str | None", multiple)
    whole = isinstance(multiple, (int, np.integer)) and not isinstance(multiple, bool)
    if isinstance(multiple, str) and multiple.isdecimal():
        multiple, whole = int(multiple), True
    if not whole or multiple < 1:
        raise AmountError(
            f"widths in multiples of {multiple!r}",
            remedy=f"{did_you_mean(multiple, (DEVICE,))}give a whole number, 1 or more, or "
            '"device" to measure its step',
        )
    return int(multiple)
