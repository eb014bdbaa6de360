"""Better solutions as SCIP finds them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyscipopt import SCIP_EVENTTYPE, Eventhdlr
from secateur.solving.control import Control
from secateur_scip.model import Built

Better = list[tuple[float, NDArray[np.int8]]]


def watch(made: Built, clock: Control, better: Better) -> None:
    """Fill a list while SCIP searches: seconds of the clock, and bits.

    Arguments:
        made: the model and its variables.
        clock: of the whole call.
        better: the list.
    """
    made.model.includeEventhdlr(_Watch(made.z, clock, better), "secateur", "better solutions")


class _Watch(Eventhdlr):  # type: ignore[misc, unused-ignore]
    def __init__(self, z: list[Any], clock: Control, better: Better) -> None:
        self.z, self.clock, self.better = z, clock, better

    def eventinit(self) -> None:
        self.model.catchEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexit(self) -> None:
        self.model.dropEvent(SCIP_EVENTTYPE.BESTSOLFOUND, self)

    def eventexec(self, event: Any) -> None:
        found = self.model.getBestSol()
        row = [round(self.model.getSolVal(found, variable)) for variable in self.z]
        self.better.append((self.clock.elapsed(), np.array(row, dtype=np.int8)))
