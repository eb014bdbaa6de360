"""The options of the quantum computers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secateur.backends import option
from secateur.seeds import LARGEST_SEED
from secateur_backends.leap_options import LeapOptions
from secateur_backends.leap_parameters import from_text

NAME = "leap-qpu"


@dataclass(frozen=True)
class LeapQPUOptions(LeapOptions):
    """Options of the quantum computers."""

    num_reads: int = option(100, "samples to take", least=1, most=10_000)
    annealing_time: float | None = option(
        None, "of one sample; None: the solver's default", least=0, unit="µs"
    )
    chain_strength: float | None = option(
        None,
        "coupling inside a chain; None: by uniform torque compensation, for each block",
        least=0,
    )
    parameters: Mapping[str, Any] | str | None = option(
        None,
        "more of the solver's own parameters, as a JSON object: anneal_schedule, answer_mode, "
        "initial_state (by label) and others; checked against the solver before anything is sent",
    )
    embedding: Mapping[str, Any] | str | None = option(
        None, "qubits by label, as a JSON object or a file of one; None: it is looked for"
    )
    embedding_seed: int = option(
        0, "seed of the heuristic embedding (the samples have none)", least=0, most=LARGEST_SEED
    )
    embedding_timeout: float = option(60.0, "give up looking for an embedding", least=0.1, unit="s")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("parameters", "embedding"):
            object.__setattr__(self, name, from_text(getattr(self, name), name, NAME))
