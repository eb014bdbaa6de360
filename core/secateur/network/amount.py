"""How much to prune: a count, a ratio or a percentage, made into K."""

from __future__ import annotations

import re

from secateur.errors import AmountError
from secateur.misplaced import amount_hint
from secateur.network.channels import Channels
from secateur.problem.constraints import Cardinality, at_most
from secateur.stages import misplaced

Amount = int | float | str
"""How much: a ratio (0.36), a percentage ("36%") or a count (173)."""

_HOW = "use a ratio (0.36), a percentage (36%) or a count (173)"


def count_of(amount: Amount, channels: Channels) -> int:
    """K, the number of channels that an amount means.

    A ratio is of all channels, rounded to the nearest count. ``"1"`` and ``1`` are one channel,
    ``1.0`` is everything (and refused).

    Arguments:
        amount: 0.36, "36%" or 173.
        channels: of the network.

    Raises:
        AmountError: not an amount, nothing or everything, or more than can go while every layer
            keeps one channel.
    """
    n = len(channels)
    value, is_count = check_amount(amount)
    count = int(value) if is_count else round(value * n)
    if count < 1:
        raise AmountError(
            f"the amount {amount!r} is {count} of {n} channels",
            remedy=f"prune at least one; {_HOW}",
        )
    if count > channels.most:
        raise AmountError(
            f"the amount {amount!r} is {count} of {n} channels, and {channels.most} can go without "
            f"emptying one of the {len(channels.groups)} layers",
            remedy=f"ask for at most {channels.most} ({100 * channels.most / n:.1f}%)",
        )
    return count


def check_amount(amount: Amount) -> tuple[float, bool]:
    """The value of an amount, and whether it is a count; what no network could mean is refused.

    Arguments:
        amount: 0.36, "36%" or 173.

    Raises:
        AmountError: not an amount, nothing or everything.
    """
    value, is_count = _read(amount)
    if is_count and value < 1:
        raise AmountError(f"the amount is {amount!r}", remedy=f"prune at least one; {_HOW}")
    if not is_count and not 0.0 < value < 1.0:
        raise AmountError(
            f"the amount {amount!r} is {value:.4g} of all channels",
            remedy=f"a ratio is above 0 and below 1; {_HOW}",
        )
    return value, is_count


def _read(amount: Amount) -> tuple[float, bool]:
    """The value, and whether it is a count."""
    if isinstance(amount, bool) or not isinstance(amount, (int, float, str)):
        raise AmountError(f"the amount is {amount!r}", remedy=f"{amount_hint(amount)}{_HOW}")
    if isinstance(amount, int):
        return float(amount), True
    if isinstance(amount, float):
        if amount != amount or amount in (float("inf"), float("-inf")):
            raise AmountError(f"the amount is {amount!r}", remedy=_HOW)
        return amount, False
    text = amount.strip()
    number = re.fullmatch(r"([+-]?\d+(?:\.\d*)?|[+-]?\.\d+)\s*(%?)", text)
    if number is None:
        raise AmountError(
            f"the amount {amount!r} is no number", remedy=f"{misplaced(amount)}{_HOW}"
        )
    if number[2]:
        return float(number[1]) / 100.0, False
    return float(number[1]), re.fullmatch(r"[+-]?\d+", number[1]) is not None


def keep_one_each(channels: Channels) -> tuple[Cardinality, ...]:
    """Demands under which every layer keeps at least one channel.

    Arguments:
        channels: of the network.
    """
    labels = channels.labels
    return tuple(
        at_most(group.size - 1, labels[group.slice], name=group.name) for group in channels.groups
    )
