"""What an objective is: options, and from the statistics the terms of a QUBO."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from secateur.errors import SecateurError, StageFailed
from secateur.lazy import dimod
from secateur.objectives.terms import Terms
from secateur.options import Stage, owner_of
from secateur.problem import Constraint, Problem
from secateur.stages import OBJECTIVES, origin

if TYPE_CHECKING:
    from secateur.statistics import ChannelStatistics


@dataclass(frozen=True)
class Objective(Stage, ABC):
    """What is minimised, as a QUBO over the channels; z = 1: pruned.

    Subclass it as a frozen dataclass whose fields are made with ``secateur.options.option``, and
    register the class in the entry-point group ``secateur.objectives``. The class's docstring is
    what ``secateur objectives show`` tells.

    Attributes:
        name: what users type.
        needs_probes: the statistics have to be measured with Fisher probes.
        citation: BibTeX of what to cite, or "".
    """

    noun: ClassVar[str] = "objective"
    needs_probes: ClassVar[bool] = False

    @property
    def needs_across_groups(self) -> bool:
        """The statistics have to be measured with couplings between groups."""
        return False

    @abstractmethod
    def terms(self, statistics: ChannelStatistics) -> Terms | dimod.BinaryQuadraticModel:
        """The QUBO: ``Terms``, or a BQM over exactly the labels ``statistics.channels.labels``.

        Lower is better. ``statistics`` is not changed.
        """

    def qubo(self, statistics: ChannelStatistics) -> dimod.BinaryQuadraticModel:
        """The QUBO as a BQM over the channel labels, in their order.

        Raises:
            OptionError: statistics that the objective cannot be made of.
            StageFailed: the objective raised, or made no BQM over these labels.
        """
        made = self._made(statistics)
        return made.bqm() if isinstance(made, Terms) else made

    def problem(self, statistics: ChannelStatistics, demands: Iterable[Constraint] = ()) -> Problem:
        """The QUBO with what is demanded; from ``Terms`` no BQM is made in between.

        Raises:
            OptionError: statistics that the objective cannot be made of.
            StageFailed: the objective raised, or made no BQM over these labels.
        """
        made = self._made(statistics)
        return made.problem(demands) if isinstance(made, Terms) else Problem(made, demands)

    def _made(self, statistics: ChannelStatistics) -> Terms | dimod.BinaryQuadraticModel:
        """The terms, or a BQM that was checked."""
        try:
            made = self.terms(statistics)
        except (SecateurError, KeyboardInterrupt):
            raise
        except BaseException as error:  # a plugin's own code
            raise self._fault(f"raised {type(error).__name__}: {error}") from error
        labels = statistics.channels.labels
        if isinstance(made, Terms):
            if made.channels.labels != labels:
                raise self._fault("made its terms over other channels than the statistics'")
            return made
        return self._checked(made, labels)

    def _checked(self, made: object, labels: tuple[str, ...]) -> dimod.BinaryQuadraticModel:
        if not isinstance(made, dimod.BinaryQuadraticModel):
            raise self._fault(f"made a {type(made).__name__} and no BQM", labels)
        if made.vartype is not dimod.BINARY:
            raise self._fault("made a BQM over -1 and 1: use bqm.change_vartype('BINARY')")
        known = set(labels)
        extra = [label for label in made.variables if label not in known]
        missing = [label for label in labels if label not in made.variables]
        if extra or missing:
            what = f"with {extra[0]!r}" if extra else f"without {missing[0]!r}"
            raise self._fault(f"made a BQM {what}", labels)
        vectors, offset = made.to_numpy_vectors(variable_order=labels), float(made.offset)
        linear, quadratic = vectors.linear_biases, vectors.quadratic
        if not all(np.isfinite(part).all() for part in (linear, quadratic[2], offset)):
            raise self._fault("made a BQM with a bias or offset that is NaN or infinite")
        if tuple(made.variables) == labels:
            return made
        # bits are in the order of the channels everywhere behind this
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            linear, quadratic, offset, dimod.BINARY, variable_order=list(labels)
        )

    def _fault(self, what: str, labels: tuple[str, ...] = ()) -> StageFailed:
        return StageFailed(
            f"{owner_of(type(self))} {what}",
            remedy=f"return a dimod.BinaryQuadraticModel over the {len(labels)} labels of "
            "statistics.channels.labels"
            if labels
            else f"mend it, or report it to {origin(OBJECTIVES, self.name, type(self))}",
        )
