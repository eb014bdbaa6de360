"""What a refiner is: options, and a search that spends a budget of evaluations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from secateur.options import Stage, option

if TYPE_CHECKING:
    from secateur.refine.search import Search


@dataclass(frozen=True)
class Refiner(Stage, ABC):
    """A search for better masks on the true metric, from the QUBO's answer.

    Subclass it as a frozen dataclass whose fields are made with ``secateur.options.option``, and
    register the class in the entry-point group ``secateur.refiners``. The class's docstring is what
    ``secateur refiners show`` tells.

    Attributes:
        name: what users type.
        citation: BibTeX of what to cite, or "".
    """

    noun: ClassVar[str] = "refiner"

    evaluations: int = option(
        500,
        "budget, in evaluations of the whole selection split",
        least=1,
        most=100_000,
        why="every mask that was seen is held in memory",
    )

    @abstractmethod
    def search(self, state: Search, seed: int) -> None:
        """Spend the budget; what is better than ``state.bits`` becomes it by ``state.race``.

        Masks have exactly as many ones as the start and keep the limits of ``state.problem``;
        ``state.fresh`` mends those that do not. All of it is checked afterwards.

        Arguments:
            state: the problem, the metric, the incumbent and what is left of the budget.
            seed: of everything random; the same seed gives the same search.
        """
