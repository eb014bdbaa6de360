"""A choice among objectives, made where a network is pruned: no QUBO of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, NoReturn

from secateur.errors import OptionError
from secateur.objectives.base import Objective
from secateur.objectives.registry import resolve_objective
from secateur.options import option

if TYPE_CHECKING:
    from secateur.statistics import ChannelStatistics


@dataclass(frozen=True)
class Auto(Objective):
    """The best of a few objectives for this network and this amount.

    Each candidate makes its selection, which is compensated and measured on the *selection* split,
    in the state that is asked for (not compensated with ``compensated=False``). The best goes on;
    the row's name says which, the notes and the selection's provenance what each was worth. Where
    two are worth the same, the one named first is taken.

    A QUBO adds up what single channels and pairs cost, and so does not see a layer being emptied.
    Where the best leaves less of a layer than ``floor`` allows, it is made again under that demand;
    and where that is better, so are the others. That is one search and one compensation more, or
    as many as there are candidates; each is searched for 5 s at most where no limit is given. A
    ``time_limit`` and ``max_calls`` are shared by all that there may be, twice the candidates.
    """

    name: ClassVar[str] = "auto"

    candidates: tuple[str, ...] = option(
        ("residual", "residual+fisher", "fisher", "taylor"),
        "names of objectives, which have their defaults",
    )
    floor: float = option(
        0.7,
        "every layer keeps at least this part of the share that stays of all channels, in two "
        "digits: tried too, where the best keeps less of one; 0: not tried",
        least=0,
        most=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = self.candidates
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None or not names or self.name in names:
            what = "none" if not names else "itself" if twice is None else f"{twice!r} twice"
            raise OptionError(
                f"the candidates of objective 'auto' name {what}",
                remedy="name objectives that `secateur objectives` lists, each once",
            )
        _ = self.objectives

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """The candidates.

        Raises:
            OptionError: there is none such.
        """
        return tuple(resolve_objective(name) for name in self.candidates)

    @property
    def needs_probes(self) -> bool:  # type: ignore[override]
        """Where a candidate does."""
        return any(one.needs_probes for one in self.objectives)

    @property
    def needs_across_groups(self) -> bool:
        """Where a candidate does."""
        return any(one.needs_across_groups for one in self.objectives)

    def terms(self, statistics: ChannelStatistics) -> NoReturn:
        """It has none.

        Raises:
            OptionError: always.
        """
        raise _none(self)


def check_one(objective: Objective) -> None:
    """Refuse a choice among objectives where one QUBO is wanted, before anything is measured.

    Arguments:
        objective: that is to make a QUBO.

    Raises:
        OptionError: it is a choice.
    """
    if isinstance(objective, Auto):
        raise _none(objective)


def _none(choice: Auto) -> OptionError:
    return OptionError(
        f"the objective {choice.name!r} is no QUBO: it is chosen among "
        f"{', '.join(choice.candidates)} when a network is pruned",
        remedy="name one of these, or prune with objective='auto'",
    )
