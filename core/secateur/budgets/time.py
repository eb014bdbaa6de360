"""Time predicted, planned against, measured and corrected.

A time is a sum of amounts of work with a cost each, which cannot be negative. The costs are fitted
on the dense and about twenty random networks *in the runtime that is meant*, with the widths that
plans will have. In such a prediction a plan of half the time is a budget of the problem. What the
plan really takes is measured beside the dense network, and the budget is corrected once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.budgets.features import Features
from secateur.budgets.forms import Floats
from secateur.errors import AmountError, MetricError
from secateur.problem.budgets import Budget

Bits = NDArray[np.int8]
Measure = Callable[[Sequence[Bits]], Sequence[float]]
"""Seconds of the networks that selections leave, measured in turn."""
NEAR = 0.05
"""A plan that is off by less than this needs no correction."""
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}


@dataclass(frozen=True, eq=False)
class TimeModel:
    """A linear prediction of time.

    Arguments:
        features: of a selection.
        costs: seconds per unit of each feature, never negative, shape ``(features,)``.
        errors: of the prediction on the networks that it was fitted on, relative, signed; the
            dense one first.
        scale: predictions are multiplied by it; what a measured plan corrected.
    """

    features: Features
    costs: Floats
    errors: Floats
    scale: float = 1.0

    @classmethod
    def fit(cls, measure: Measure, features: Features, masks: Sequence[Bits]) -> TimeModel:
        """Fit the costs by non-negative least squares on relative errors (Lawson and Hanson, 1974).

        Arguments:
            measure: times the networks that selections leave, in turn, in the runtime meant.
            features: of a selection.
            masks: selections, each of shape ``(n,)``; the dense network, all zeros, is put first.

        Raises:
            MetricError: a time that is not positive, or not one for each network.
        """
        from scipy.optimize import nnls

        every = [np.zeros(features.channels, dtype=np.int8), *masks]
        seconds = np.array(list(measure(every)), dtype=np.float64)
        if seconds.shape != (len(every),) or not (np.isfinite(seconds) & (seconds > 0)).all():
            raise MetricError(
                f"{len(every)} networks were timed, and the times are {seconds.tolist()}",
                remedy="measure must return positive seconds, one for each selection",
            )
        rows = np.array([features(z) for z in every])
        scale = np.where(rows.max(axis=0) > 0, rows.max(axis=0), 1.0)
        found, _ = nnls(rows / scale / seconds[:, None], np.ones(len(every)))
        costs = found / scale
        return cls(features, costs, np.asarray(rows @ costs / seconds - 1.0))

    @property
    def dense(self) -> float:
        """Predicted seconds of the dense network."""
        return self.seconds(np.zeros(self.features.channels, dtype=np.int8))

    def seconds(self, z: NDArray[np.generic]) -> float:
        """Predicted seconds of what a selection leaves."""
        raw = float(self.features(z) @ self.costs)
        return raw if not np.any(z) else self.scale * raw

    def share(self, z: NDArray[np.generic]) -> float:
        """Predicted time as a share of the dense network's."""
        return self.seconds(z) / self.dense

    def corrected(self, z: NDArray[np.generic], share: float) -> TimeModel:
        """The same, so that it predicts what was measured for one selection.

        Arguments:
            z: the selection.
            share: its measured time over the dense network's.

        Raises:
            MetricError: the share is not positive.
        """
        if not (np.isfinite(share) and share > 0):
            raise MetricError(
                f"the measured share is {share}", remedy="measure it beside the dense network"
            )
        return replace(self, scale=self.scale * share / self.share(z))

    def share_of(self, upper: float | int | str) -> float:
        """A budget as a share of the dense network's time.

        Arguments:
            upper: a share (0.5, "50%"), or a time ("12 ms").

        Raises:
            AmountError: it is neither.
        """
        return self._upper(upper) / self.dense

    def budget(self, channels: Any, upper: float | int | str) -> Budget:
        """At most so much time, as a constraint called "time".

        Arguments:
            channels: with ``labels``.
            upper: a share of the dense network's time (0.5, "50%"), or a time ("12 ms").

        Raises:
            AmountError: it is neither, or less than what stays however much is pruned.
        """
        wanted = self._upper(upper) / self.scale
        groups = self.features.groups
        fixed = sum(c * form.fixed for c, form in zip(self.costs, self.features.forms, strict=True))
        linear = np.zeros(len(groups))
        pairs: dict[tuple[int, int], float] = {}
        for cost, form in zip(self.costs.tolist(), self.features.forms, strict=True):
            linear += cost * form.linear
            for pair, value in form.pairs.items():
                if cost * value:
                    pairs[pair] = pairs.get(pair, 0.0) + cost * value
        if wanted <= fixed:
            raise AmountError(
                f"the budget time = {upper!r} is {1e3 * self.scale * wanted:.4g} ms, and "
                f"{1e3 * self.scale * float(fixed):.4g} ms of {1e3 * self.dense:.4g} ms are "
                "predicted to stay however much is pruned",
                remedy="give it more",
            )
        labels = channels.labels
        step = self.features.step
        tables = {
            number: tuple(self.features.table(number).tolist())
            for number in range(len(groups))
            if step > 1
        }
        return Budget(
            "time",
            tuple(tuple(labels[i] for i in group.tolist()) for group in groups),
            tuple(linear.tolist()),
            pairs,
            float(fixed),
            wanted,
            tables,
        )

    def _upper(self, upper: float | int | str) -> float:
        """Seconds."""
        value, share = read_time(upper)
        return value * self.dense if share else value


def read_time(upper: float | int | str) -> tuple[float, bool]:
    """A time in seconds, or a share of the dense network's and True.

    Raises:
        AmountError: it is neither.
    """
    number = None
    if isinstance(upper, str):
        number = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%|[a-zµ]*)\s*", upper)
    if number is not None and number[2] in _UNITS and float(number[1]) > 0:
        return float(number[1]) * _UNITS[number[2]], False
    share: float | None = None
    if number is not None and number[2] in ("%", ""):
        share = float(number[1]) / (100.0 if number[2] else 1.0)
    elif isinstance(upper, float):
        share = upper
    if share is None or not 0.0 < share < 1.0:
        raise AmountError(
            f"the budget time is {upper!r}",
            remedy='give a share of the dense time (0.5, "50%"), or a time ("12 ms")',
        )
    return share, True


@dataclass(frozen=True, eq=False)
class Plan:
    """What was planned for a time and what it takes.

    Arguments:
        z: 1 where pruned, shape ``(n,)``.
        predicted: share of the dense network's time, by the prediction that it was planned with.
        measured: the same, measured beside the dense network.
        model: with the last correction.
        tries: ``(predicted, measured)`` of every plan.
    """

    z: Bits
    predicted: float
    measured: float
    model: TimeModel
    tries: tuple[tuple[float, float], ...]


def meet(
    model: TimeModel,
    wanted: float,
    plan: Callable[[TimeModel], Bits],
    measure: Callable[[Bits], float],
    *,
    corrections: int = 1,
    near: float = NEAR,
) -> Plan:
    """Plan, measure beside the dense network, correct the prediction, and plan again.

    Arguments:
        model: of the time.
        wanted: share of the dense network's time.
        plan: makes the best selection whose predicted time keeps the budget.
        measure: a selection's time over the dense network's, best in a fresh process.
        corrections: at most; a second one mostly follows the noise of measuring.
        near: a plan whose time is off by less than this share is not corrected.

    Returns:
        the plan whose measured time is nearest to what was wanted.
    """
    found: list[tuple[Bits, float, float]] = []
    for number in range(corrections + 1):
        z = plan(model)
        found.append((z, model.share(z), float(measure(z))))
        _, _, measured = found[-1]
        if abs(measured / wanted - 1.0) <= near or number == corrections:
            break
        model = model.corrected(z, measured)
    z, predicted, measured = min(found, key=lambda one: abs(one[2] - wanted))
    return Plan(z, predicted, measured, model, tuple((p, m) for _, p, m in found))


def random_masks(
    channels: Any, *, number: int = 20, multiple: int = 16, seed: int = 0
) -> list[Bits]:
    """Selections of networks from nearly dense to thin, with the widths that plans have.

    Arguments:
        channels: with ``groups`` of ``size`` and ``slice``.
        number: of selections.
        multiple: of which widths are; a layer that is not wider stays whole.
        seed: of the widths, and of the channels that go.

    Returns:
        each of shape ``(n,)``, 1 where pruned.
    """
    random = np.random.default_rng(seed)
    made = []
    for place in range(number):
        # means spread evenly, so that a few networks cover the range
        mean = 0.15 + 0.8 * (place + 0.5) / number
        z = np.zeros(len(channels), dtype=np.int8)
        for group in channels.groups:
            widths = np.array([*range(multiple, group.size, multiple), group.size])
            share = np.clip(random.normal(mean, 0.25), 0.0, 1.0)
            kept = int(widths[np.argmin(np.abs(widths - share * group.size))])
            gone = random.permutation(group.size)[: group.size - kept]
            z[group.start + gone] = 1
        made.append(z)
    return made
