"""How a network is measured: declared once, for Python and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from secateur.limits import MOST_PROBES, MOST_ROUNDS
from secateur.options import Options, option
from secateur.seeds import LARGEST_SEED

NormOver = Literal["all", "kept"]


@dataclass(frozen=True)
class Measuring(Options):
    """The settings of ``secateur.measure``."""

    tied: bool = option(
        True,
        "filters whose outputs are added up leave together, and the network that comes out has "
        "plain widths; otherwise each goes by itself, and a module behind it puts the others in "
        "place, which takes time",
    )
    norm_over: NormOver = option(
        "all",
        "all: channels under a layer norm, a softmax or a mean over them stay; kept: they go, and "
        "the statistic is taken over those that are kept",
        choices=("all", "kept"),
    )
    ignored: tuple[str, ...] = option((), "module paths that stay whole")
    probes: int = option(
        20,
        "Fisher probes for each calibration sample",
        least=0,
        most=MOST_PROBES,
        why="the gradients of all probes of a batch are held in memory",
    )
    seed: int = option(0, "of everything random", least=0, most=LARGEST_SEED)
    measure_batches: int | None = option(
        None,
        "so many of the calibration batches are measured on; all unless given",
        least=1,
        most=MOST_ROUNDS,
        why="nobody has so many",
    )
    across_groups: bool = option(
        False, "measure couplings between layers too, for fisher's across_groups: n × n numbers"
    )
