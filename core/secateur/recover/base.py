"""What a recovery is: options, and a way to train a smaller network without labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from secateur.options import Stage

if TYPE_CHECKING:
    from secateur.recover.work import Work


@dataclass(frozen=True)
class Recovery(Stage, ABC):
    """A way to win back what pruning cost, from inputs alone.

    Subclass it as a frozen dataclass whose fields are made with ``secateur.options.option``, and
    register the class in the entry-point group ``secateur.recoveries``. The class's docstring is
    what ``secateur recoveries show`` tells.

    Attributes:
        name: what users type.
        citation: BibTeX of what to cite, or "".
    """

    noun: ClassVar[str] = "recovery"

    @abstractmethod
    def recover(self, work: Work, seed: int) -> None:
        """Change the weights of ``work.network``, a copy; ``work.look`` keeps the best of them.

        Whatever it leaves, the network that is returned is the best that ``look`` saw on the
        selection split, the start included.

        Arguments:
            work: the smaller network, the dense one, and the data.
            seed: of everything random; the same seed gives the same weights.
        """
