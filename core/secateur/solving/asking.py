"""What ``solve`` and ``quote`` take besides: whether to prove, and what may be charged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack

from secateur.errors import OptionError
from secateur.limits import check_calls
from secateur.nearest import did_you_mean
from secateur.options import refuse_unknown

_OTHERS = ("count", "constraints", "backend", "options", "seed", "time_limit")
"""Keywords that ``solve`` names itself."""


_MEANT = {
    **dict.fromkeys(("solver", "sampler", "method"), "backend"),
    **dict.fromkeys(("timeout", "max_time"), "time_limit"),
    **dict.fromkeys(("k", "ones", "cardinality"), "count"),
}
"""What other tools call them."""


class SolveSettings(TypedDict, total=False):
    """The keywords, for editors and type checkers."""

    proof: bool | None
    charge: bool
    max_calls: int | None


@dataclass(frozen=True)
class Settings:
    """The same, with what holds unless they are given.

    Arguments:
        proof: True: prove or bound the answer too; False: take what the backend gives; None: prove
            small problems.
        charge: a metered backend may charge without a budget.
        max_calls: most calls of the backend; None: as many as the demands need.
    """

    proof: bool | None = None
    charge: bool = False
    max_calls: int | None = None


def settings_of(**given: Unpack[SolveSettings]) -> Settings:
    """The keywords, checked.

    Raises:
        OptionError: there is no such one, or the number of calls is none.
    """
    known = [*_OTHERS, *Settings.__dataclass_fields__]
    for name in given:
        if name in _MEANT:
            raise OptionError(f"solve has no option {name!r}", remedy=f"write {_MEANT[name]}=…")
        if name not in known and not did_you_mean(name, known):
            raise OptionError(
                f"solve has no option {name!r}",
                remedy=f"an option of the backend is written options={{{name!r}: …}}; solve has: "
                + ", ".join(known),
            )
    refuse_unknown(given, known, "solve")
    made = Settings(**given)
    check_calls(made.max_calls)
    return made
