"""Who is compared: ours, controls, ablations and peers, each a row of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from claims_peers import Scores, scored

from secateur.methods import RANDOM, Method
from secateur.objectives import linear_alone, shuffled
from secateur.solving import CONTROL

CONTROL_ROW = "taylor"
"""What every difference is to: greedy Taylor."""
JUDGED = "auto"
"""Whose figures the aims are about."""
LONG = {1000: "auto, recovered in 1000 steps", 4000: "auto, recovered in 4000 steps"}
"""What ``prune`` leaves with ``recover="distil"``, as it stands and with more steps."""
LONG_CONTROL = "taylor, recovered in 1000 steps"
QUBOS = ("hybrid", "fisher", "residual", "residual+fisher")
ABLATED = {"50%", "70%", "75%"}
"""Where the ablations are looked at: each costs a compensation."""
OPTIONS = {
    "hybrid, γ = 0.3": Method("hybrid", objective_options={"similarity_weight": 0.3}),
    "fisher with gradient": Method("fisher", objective_options={"gradient": 1.0}),
    "auto without a floor": Method("auto", objective_options={"floor": 0.0}),
    "fisher, diagonal alone": Method("fisher", objective_options={"shrinkage": 0.0}),
}
"""Rows that are made when they are named."""
PEERS = (
    "Torch-Pruning Taylor, raw",
    "Torch-Pruning Taylor",
    "Torch-Pruning OBD Hessian",
    "BNScale",
    "LAMP",
    "FPGM",
)


@dataclass(frozen=True)
class Contender:
    """A row.

    Arguments:
        name: of the row.
        kind: "ours", "control", "peer", "ablation", "long", or "option" of an objective.
        steps: of the product's own recovery, for "long" ones.
    """

    name: str
    kind: str
    steps: int | None = None

    @property
    def recovered(self) -> bool:
        """Ablations and options are compensated only: they are about the selection."""
        return self.kind not in ("ablation", "option")


OURS = (*QUBOS, "residual in 3 rounds", JUDGED)
CONTENDERS = (
    Contender(CONTROL_ROW, "control"),
    Contender(RANDOM, "control"),
    *(Contender(name, "ours") for name in OURS),
    *(Contender(name, "peer") for name in PEERS),
    *(
        Contender(f"{name}, {what}", "ablation")
        for name in QUBOS
        for what in ("linear alone", "couplings shuffled")
    ),
    Contender("hybrid, true Fisher", "ablation"),
    Contender("hybrid, true Fisher, linear alone", "ablation"),
    *(Contender(name, "long", steps) for steps, name in LONG.items()),
    Contender(LONG_CONTROL, "long", 1000),
    *(Contender(name, "option") for name in OPTIONS),
)


def method_of(row: str, scores: Mapping[str, Scores]) -> Method:
    """How a row is pruned.

    Arguments:
        row: its name.
        scores: of the peers that there are.
    """
    if row in scores:
        return Method(scored(row, scores[row]), CONTROL, name=row)
    if row in (CONTROL_ROW, RANDOM, LONG_CONTROL):
        return Method(row.split(", ")[0], CONTROL)
    if row in LONG.values():
        return Method(JUDGED)
    if row in OPTIONS:
        return replace(OPTIONS[row], name=row)
    if row == "residual in 3 rounds":
        return Method("residual", rounds=3)
    name, *said = row.split(", ")
    options = {"fisher_kind": "true"} if "true Fisher" in said else {}
    if "linear alone" in said:
        return Method(linear_alone(name, **options), name=row)
    if "couplings shuffled" in said:
        return Method(shuffled(name, **options), name=row)
    return Method(name, objective_options=options or None, name=row)
