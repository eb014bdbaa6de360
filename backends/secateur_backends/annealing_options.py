"""Options of simulated annealing and its siblings."""

from __future__ import annotations

from dataclasses import dataclass

from secateur.backends import BackendOptions, option
from secateur.limits import MOST_READS, MOST_ROUNDS, MOST_SWEEPS, READS_WHY, ROUNDS_WHY, SWEEPS_WHY
from secateur.seeds import LARGEST_SEED


@dataclass(frozen=True)
class AnnealingOptions(BackendOptions):
    """Options of simulated annealing."""

    reads: int = option(20, "independent runs", least=1, most=MOST_READS, why=READS_WHY)
    sweeps: int = option(
        1000, "sweeps over all variables in each run", least=1, most=MOST_SWEEPS, why=SWEEPS_WHY
    )
    beta_hot: float | None = option(
        None, "inverse temperature at the start; from the biases unless given", least=0.0
    )
    beta_cold: float | None = option(
        None, "inverse temperature at the end; from the biases unless given", least=0.0
    )
    schedule: str = option(
        "geometric", "how the temperature falls", choices=("geometric", "linear")
    )
    seed: int | None = option(None, "random seed", least=0, most=LARGEST_SEED)
    time_limit: float | None = option(None, "stop after so long", least=0.0, unit="s")


@dataclass(frozen=True)
class TabuOptions(BackendOptions):
    """Options of tabu search."""

    reads: int = option(1, "independent runs", least=1, most=MOST_READS, why=READS_WHY)
    time_limit: float = option(1.0, "for all runs together", least=0.001, unit="s")
    tenure: int | None = option(
        None,
        "moves that a variable rests, n - 1 at most; n/4, at most 20",
        least=0,
        most=MOST_ROUNDS,
        why=ROUNDS_WHY,
    )
    restarts: int = option(
        1_000_000, "restarts of each run", least=0, most=MOST_ROUNDS, why=ROUNDS_WHY
    )
    seed: int | None = option(None, "random seed", least=0, most=LARGEST_SEED)


@dataclass(frozen=True)
class DescentOptions(BackendOptions):
    """Options of steepest descent."""

    reads: int = option(100, "random starts", least=1, most=MOST_READS, why=READS_WHY)
    seed: int | None = option(None, "seed of the random starts", least=0, most=LARGEST_SEED)
    time_limit: float | None = option(None, "stop after so long", least=0.0, unit="s")


@dataclass(frozen=True)
class PathIntegralOptions(BackendOptions):
    """Options of path-integral (simulated quantum) annealing."""

    reads: int = option(
        2,
        "independent runs; one costs about a hundred of annealing's",
        least=1,
        most=MOST_READS,
        why=READS_WHY,
    )
    sweeps: int = option(100, "sweeps in each run", least=1, most=MOST_SWEEPS, why=SWEEPS_WHY)
    seed: int | None = option(None, "random seed", least=0, most=LARGEST_SEED - 1)
    time_limit: float | None = option(None, "stop after so long", least=0.0, unit="s")
