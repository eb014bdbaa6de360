"""One cell: a network pruned by one method, ⇒ compensated ⇒ recovered ⇒ fine-tuned."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import torch
from claims_methods import ABLATED, CONTENDERS, PEERS, Contender, method_of
from claims_networks import BATCH, Case, Labelled
from claims_peers import Scores, peers
from torch import nn

import secateur
from secateur.methods.keywords import wanted_of
from secateur.methods.resolved import resolve
from secateur.metric import evaluate
from secateur.pruning.choosing import pick
from secateur.pruning.finishing import Body, body_of
from secateur.pruning.planning import Planner
from secateur.recover import Distil, recover
from secateur.versions import versions

DENSE = "dense"
AIMED = {("halfunet", "75%"), ("halfunet", "85%"), ("chain", "50%")}
"""Where an aim is about what a recovery of usual length leaves."""


QUICK = {"taylor", "residual", "auto", "LAMP", "BNScale", "residual, linear alone"}
"""One row of each kind."""


@dataclass(frozen=True)
class Recipe:
    """What everybody is given.

    Arguments:
        steps: of the recovery, by Adam.
        rate: of it, the same for all.
        tuning: steps of the fine-tuning.
        fit_batches: of calibration that a compensation is fitted on; None: all.
        tied: what the network adds up leaves together.
        probes: of the Fisher matrix.
        plain_colours: calibration crops keep the colours of their photographs.
    """

    steps: int = 60
    rate: float = 1e-3
    tuning: int = 20
    fit_batches: int | None = None
    tied: bool = True
    probes: int = 20
    plain_colours: bool = False

    def key(self) -> dict[str, Any]:
        """With the versions: what makes two rows comparable."""
        # "long" has become a contender's own: rows of before stay comparable
        made = {**asdict(self), "long": 1000, "versions": dict(versions())}
        if not self.plain_colours:  # rows of before there was the choice stay comparable
            del made["plain_colours"]
        return made


def wanted_cells(case: Case) -> Iterator[tuple[str, Contender]]:
    """Shares and rows of a network, in order; the dense network first."""
    yield "0%", Contender(DENSE, DENSE)
    norms = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in case.network.modules())
    for amount in case.amounts:
        for one in CONTENDERS:
            if case.quick and one.name not in QUICK:
                continue
            if one.kind == "ablation" and amount not in ABLATED and not case.quick:
                continue
            if one.kind == "long" and (case.name, amount) not in AIMED:
                continue
            if one.name == "BNScale" and not norms:
                continue
            yield amount, one


class Bench:
    """A network measured with the data of one calibration seed.

    Arguments:
        case: the network.
        seed: of calibration, and of everything random.
        recipe: what everybody is given.
    """

    def __init__(self, case: Case, seed: int, recipe: Recipe) -> None:
        self.case, self.seed, self.recipe = case, seed, recipe
        self.task = case.task(seed)
        self.measured = secateur.measure(
            case.network, self.task, seed=seed, tied=recipe.tied, probes=recipe.probes
        )
        self.amount: str | None = None
        self.body: Body | None = None
        self.planner: Planner | None = None
        self.known: dict[tuple[bytes, int | None], dict[str, float]] = {}

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """Of the peers."""
        return peers(self.measured.network, self.measured.channels, self.task)

    @cached_property
    def labelled(self) -> Labelled:
        """Fresh crops with their clean ones."""
        return self.case.labelled(self.seed, self.recipe.tuning)

    def cell(self, amount: str, contender: Contender) -> dict[str, Any]:
        """The row of a method; metrics on the test split."""
        if contender.kind == DENSE:
            value = self.measured.dense_metric
            row: dict[str, Any] = {"masked": value, "compensated": value}
            return row | self._afterwards(self.measured.network, recovered=True, steps=None)
        self._go_to(amount)
        assert self.planner is not None
        scores = self.scores if contender.name in PEERS else {}
        method = method_of(contender.name, scores)
        resolved = resolve(replace(method, fit_batches=self.recipe.fit_batches))
        if self.body is None:
            self.body = body_of(self.measured.subject, resolved)
        started = time.process_time()
        picked = pick(self.planner, self.measured.statistics, resolved, self.body)
        keep = picked.selection.bits == 0
        selected = time.process_time()
        made = self.body.made(keep, compensated=True)
        row = {
            "pruned": int((~keep).sum()),
            "channels": len(keep),
            "masked": made.metric,
            "compensated": made.metric_compensated,
            "select_s": selected - started,
            "compensate_s": time.process_time() - selected,
        }
        told = picked.selection.provenance.get("auto")
        if told is not None:
            row["auto"] = told["candidates"]
            row["chosen"] = told["chosen"]
            if "floor" in told:
                row |= {name: told[name] for name in ("floor", "floored", "under_floor")}
        key = (keep.tobytes(), contender.steps)
        if key not in self.known or not contender.recovered:
            after = self._afterwards(
                made.network, recovered=contender.recovered, steps=contender.steps
            )
            if not contender.recovered:
                return row
            self.known[key] = after
        else:
            row["as_before"] = True  # somebody has made this mask: the same network comes of it
        return row | self.known[key]

    def _go_to(self, amount: str) -> None:
        if amount != self.amount:
            self.amount, self.body, self.known = amount, None, {}
            self.planner = Planner(wanted_of({"amount": amount}), self.measured.subject, self.seed)

    def _afterwards(
        self, network: nn.Module, *, recovered: bool, steps: int | None
    ) -> dict[str, float]:
        """Recovered, and then fine-tuned; or recovered as the product does, in so many steps."""
        if not recovered:
            return {}
        recipe, started = self.recipe, time.process_time()
        if steps is not None:
            method = Distil(steps=3 if self.case.quick else steps)
        else:
            method = Distil(
                steps=recipe.steps, learning_rate=recipe.rate, optimiser="adam", patience=10_000
            )
        better = recover(network, self.measured.network, self.task, method, seed=self.seed).network
        seconds = time.process_time() - started
        row = {"recovered": evaluate(better, self.task), "recover_s": seconds}
        if steps is not None:
            return row
        started = time.process_time()
        trained = tuned(better, self.labelled, self.case.rate, self._loss)
        seconds = time.process_time() - started
        return row | {"tuned": evaluate(trained, self.task), "tune_s": seconds}

    def _loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.task.losses(outputs, targets).mean()


def tuned(
    network: nn.Module,
    data: Labelled,
    rate: float,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> nn.Module:
    """A copy after one pass of Adam over labelled batches.

    The rate rises over the first fifth, while Adam does not know its gradients yet, and falls along
    a cosine. Batch norm keeps its running statistics: a few steps would only make them worse.
    """
    own = copy.deepcopy(network).eval().requires_grad_(True)
    optimiser = torch.optim.Adam(own.parameters(), lr=rate)
    for step, (inputs, targets) in enumerate(data):
        rising = min(1.0, 5.0 * (step + 1) / len(data))
        for group in optimiser.param_groups:
            group["lr"] = rate * rising * 0.5 * (1.0 + math.cos(math.pi * step / len(data)))
        optimiser.zero_grad()
        loss(own(inputs), targets).backward()
        optimiser.step()
    return own


__all__ = ["BATCH", "DENSE", "Bench", "Recipe", "tuned", "wanted_cells"]
