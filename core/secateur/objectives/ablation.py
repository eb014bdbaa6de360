"""An objective without its couplings, or with them between other channels: the controls of a claim.

What a quadratic term is credited with has to be gone when the term is, and when it says the same
of other pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from secateur.errors import OptionError
from secateur.objectives.base import Objective
from secateur.objectives.registry import ObjectiveLike, resolve_objective
from secateur.objectives.terms import Matrix, Terms
from secateur.options import option
from secateur.seeds import LARGEST_SEED

if TYPE_CHECKING:
    from secateur.network import Channels
    from secateur.statistics import ChannelStatistics


@dataclass(frozen=True)
class Ablation(Objective):
    """Another objective with its linear terms as they are and its couplings taken away.

    ``shuffled`` keeps every coupling inside its layer and gives it to another pair: the channels'
    places are permuted, so that sizes and signs in a layer stay the same and what they say of the
    channels is lost.
    """

    name: ClassVar[str] = "ablation"

    of: ObjectiveLike = option("fisher", "the objective")
    couplings: Literal["none", "shuffled"] = option("none", "left out, or between other pairs")
    seed: int = option(0, "of the permutations", least=0, most=LARGEST_SEED)
    objective_options: Mapping[str, Any] | None = option(None, "of the objective")

    @property
    def whole(self) -> Objective:
        """The objective that something is taken away from.

        Raises:
            OptionError: there is none such, or it has no such option.
        """
        return resolve_objective(self.of, self.objective_options)

    @property
    def needs_probes(self) -> bool:  # type: ignore[override]
        """As the whole objective."""
        return self.whole.needs_probes

    @property
    def needs_across_groups(self) -> bool:
        """As the whole objective."""
        return self.whole.needs_across_groups

    def terms(self, statistics: ChannelStatistics) -> Terms:
        """The linear terms of the whole, and what is left of its couplings.

        Raises:
            OptionError: as the whole objective; or it makes a BQM, whose groups are not known.
        """
        whole = self.whole
        made = whole.terms(statistics)
        if not isinstance(made, Terms):
            raise OptionError(
                f"an ablation of {whole.name!r}, which makes a BQM",
                remedy="let it return secateur.objectives.Terms, whose couplings are by layer",
            )
        if self.couplings == "none":
            return Terms(made.channels, made.linear)
        order = _orders(made.channels, self.seed)
        if [len(block) for block in made.couplings] == [len(made.channels)]:
            orders = [np.concatenate([own + g.start for own, g in order])]
        else:
            orders = [own for own, _ in order]
        mixed: list[Matrix] = [
            np.asarray(block)[np.ix_(own, own)]
            for block, own in zip(made.couplings, orders, strict=bool(made.couplings))
        ]
        return Terms(made.channels, made.linear, mixed)


def _orders(channels: Channels, seed: int) -> list[tuple[Any, Any]]:
    """A permutation of every group, with the group."""
    random = np.random.default_rng(seed)
    return [(random.permutation(group.size), group) for group in channels.groups]


def linear_alone(objective: ObjectiveLike, **options: Any) -> Ablation:
    """The linear part of an objective: a control of its couplings.

    Arguments:
        objective: as in ``resolve_objective``.
        options: of it.

    Raises:
        OptionError: there is none such, or it has no such option.
    """
    return _checked(Ablation(of=objective, objective_options=options or None))


def shuffled(objective: ObjectiveLike, *, seed: int = 0, **options: Any) -> Ablation:
    """An objective whose couplings are between other pairs of the same layers: a control.

    Arguments:
        objective: as in ``resolve_objective``.
        seed: of the permutations.
        options: of the objective.

    Raises:
        OptionError: there is none such, or it has no such option.
    """
    return _checked(
        Ablation(of=objective, couplings="shuffled", seed=seed, objective_options=options or None)
    )


def _checked(made: Ablation) -> Ablation:
    _ = made.whole
    return made
