"""What a selection is worth as a network, wherever the selection came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import NetworkError
from secateur.methods import Method
from secateur.methods.keywords import method_of
from secateur.misplaced import is_amount
from secateur.nearest import did_you_mean
from secateur.network import Channels
from secateur.pruning.finishing import Body
from secateur.pruning.subject import Subject
from secateur.solving import Selection

Chosen = Selection | Mapping[Any, int] | NDArray[Any] | Iterable[str]
"""Channels to prune: a selection, bits by label, bits in order, or the labels of the ones."""


@dataclass(frozen=True)
class Quality:
    """The task's metric on the test split, of one selection.

    Arguments:
        dense: of the network before pruning.
        masked: with the channels gone and nothing else; a cut and a mask give the same.
        compensated: after what reads them was fitted again, and batch norm estimated again, each
            where it helped on the selection split; None where that was not asked for.
        higher_is_better: of the metric.
        ridge: that ``ridge="auto"`` took; None where nothing was chosen, or nothing re-fitted is
            better.
    """

    dense: float
    masked: float
    compensated: float | None
    higher_is_better: bool
    ridge: float | None = None


def quality_of(
    subject: Subject, dense: float, chosen: Chosen, *, compensated: bool, **fit: Any
) -> Quality:
    """Cut, measure and forget the network that a selection leaves.

    Arguments:
        subject: the network, its task and its channels.
        dense: its metric.
        chosen: what is pruned.
        compensated: measure with compensation too.
        fit: ``ridge`` and ``fit_batches`` of ``Method``.

    Raises:
        NetworkError: see ``bits_of``; or a layer would be empty.
        OptionError: a setting out of its range.
    """
    how: Method = method_of({"compensated": compensated, **fit})
    keep = bits_of(subject.channels, chosen) == 0
    body = Body(subject, ridge=how.ridge, fit_batches=how.fit_batches)
    made = body.made(keep, compensated=how.compensated)
    ridge = made.ridge if made.ridges and made.fitted else None
    better = subject.task.higher_is_better
    return Quality(dense, made.metric, made.metric_compensated, better, ridge)


def bits_of(channels: Channels, chosen: Chosen) -> NDArray[np.int8]:
    """A selection as bits in the order of the channels, 1 where it prunes.

    Arguments:
        channels: of the network.
        chosen: a selection, bits by label, shape ``(n,)`` in order, or the labels of the ones.

    Raises:
        NetworkError: a label that there is not or that is there twice, a bit that is missing or
            neither 0 nor 1, or bits of another number than channels.
    """
    labels = channels.labels
    if isinstance(chosen, Selection):
        chosen = chosen.sample
    if isinstance(chosen, Mapping):
        _check_labels(list(chosen), labels)
        missing = [label for label in labels if label not in chosen]
        if missing:
            raise NetworkError(
                f"the selection says nothing of {missing[0]!r} and {len(missing) - 1} others",
                remedy="give a bit for every channel, or only the labels that are pruned",
            )
        chosen = np.array([chosen[label] for label in labels])
    if not isinstance(chosen, np.ndarray):
        if not isinstance(chosen, Iterable) or is_amount(chosen):
            raise NetworkError(
                f"the selection is {chosen!r}",
                remedy="give labels, or bits by label; an amount is pruned first: "
                "measured.prune(amount=…).selection",
            )
        ones = [chosen] if isinstance(chosen, str) else list(chosen)
        _check_labels(ones, labels)
        gone = set(ones)
        return np.array([label in gone for label in labels], dtype=np.int8)
    if chosen.shape != (len(labels),):
        raise NetworkError(
            f"the bits have the shape {chosen.shape}, and there are {len(labels)} channels",
            remedy="give one bit for every channel, in the order of measured.channels.labels",
        )
    wrong = [value for value in chosen.tolist() if value not in (0, 1)]
    if wrong:
        raise NetworkError(
            f"a bit is {wrong[0]!r}", remedy="give 1 for what is pruned and 0 for what stays"
        )
    return chosen.astype(np.int8)


def _check_labels(given: list[Any], labels: Iterable[str]) -> None:
    known, seen = set(labels), set()
    for label in given:
        if label not in known:
            raise NetworkError(
                f"there is no channel {label!r}",
                remedy=f"{did_you_mean(label, labels)}give labels of measured.channels.labels",
            )
        if label in seen:
            raise NetworkError(f"{label!r} is there twice", remedy="give every label once")
        seen.add(label)
