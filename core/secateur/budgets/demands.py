"""Budgets and widths as constraints of the problem."""

from __future__ import annotations

import fnmatch
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from secateur.budgets.forms import Form, Index, alike, form_of
from secateur.budgets.time import read_time
from secateur.errors import AmountError, ConstraintError
from secateur.nearest import nearest
from secateur.network.costs import Costs, Term
from secateur.problem.budgets import Budget
from secateur.problem.constraints import Cardinality, Constraint, among, at_most

Amount = int | float | str
KINDS = ("params", "macs", "time")
_HOW = 'give a share (0.5, "50%") of the dense network, or a whole number'


class _Group(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def slice(self) -> slice: ...


class _Channels(Protocol):
    """What is used of ``network.channels.Channels``."""

    @property
    def groups(self) -> Sequence[Any]: ...
    @property
    def labels(self) -> Sequence[str]: ...
    def __len__(self) -> int: ...


class Predictor(Protocol):
    """A predicted time as a budget; see ``timing.TimeModel``."""

    def budget(self, channels: _Channels, upper: Amount) -> Budget:
        """At most so much of the dense network's time."""
        ...


def budget_constraints(
    channels: _Channels,
    costs: Costs,
    budget: Mapping[str, Amount],
    *,
    minimum: Mapping[str, Amount] | None = None,
    maximum: Mapping[str, Amount] | None = None,
    multiple: int | None = None,
    time: Predictor | None = None,
) -> list[Constraint]:
    """What a budget and the wanted widths demand of z (1 is pruned).

    Arguments:
        channels: with ``groups`` and ``labels``.
        costs: of the dense network.
        budget: what may stay at most, by "params", "macs" or "time": a share of the dense network
            (0.5, "50%") or a whole number of parameters or multiply-accumulates.
        minimum: channels that a layer keeps at least, by its path or a pattern with ``*``: a whole
            number, or a share. Every layer keeps at least one.
        maximum: channels that a layer keeps at most.
        multiple: widths are multiples of this; a layer may stay whole too, and one that is not
            wider does.
        time: predicts it, where the budget names it.

    Raises:
        AmountError: a budget or a width that cannot be understood or met.
        ConstraintError: a kind of cost, or a layer, that does not exist.
    """
    check_budget(budget)
    made: list[Constraint] = [*_widths(channels, minimum or {}, maximum or {}, multiple)]
    terms = {"params": costs.parameters, "macs": costs.macs}
    groups = alike([*costs.parameters, *costs.macs], len(channels))
    for kind, amount in budget.items():
        if kind == "time":
            if time is None:
                raise ConstraintError(
                    "a budget of time needs a prediction of it", remedy="give time=TimeModel.fit(…)"
                )
            made.append(time.budget(channels, amount))
        else:
            made.append(of_form(kind, form_of(terms[kind], groups), channels.labels, amount))
    _check_reachable(channels, made)
    return made


def check_budget(budget: Mapping[str, Amount]) -> None:
    """Refuse what can be seen to be wrong without any network.

    Arguments:
        budget: what may stay at most, by kind of cost: {"macs": "50%"}.

    Raises:
        AmountError: an amount that cannot be understood.
        ConstraintError: a kind of cost that does not exist.
    """
    for kind, amount in budget.items():
        if kind not in KINDS:
            near = nearest(kind, KINDS)
            raise ConstraintError(
                f"a budget of {kind!r}",
                remedy=f"did you mean {near!r}?" if near else f"use one of {', '.join(KINDS)}",
            )
        if kind == "time":
            read_time(amount)
        else:
            upper_of(kind, amount, 1.0)


def check_widths(minimum: Mapping[str, Amount], maximum: Mapping[str, Amount]) -> None:
    """Refuse widths that no layer could have.

    Arguments:
        minimum: channels that a layer keeps at least, by module path.
        maximum: at most.

    Raises:
        AmountError: an amount that cannot be understood, or a share or number that is negative.
    """
    for what, given in (("minimum", minimum), ("maximum", maximum)):
        for layer, amount in given.items():
            value, whole = _read(f"{what} of {layer!r}", amount)
            if value < 0 or (not whole and value > 1) or (whole and value < 1):
                raise AmountError(
                    f"the {what} of {layer!r} is {amount!r}", remedy="give 1 or more, or a share"
                )


def of_form(kind: str, form: Form, labels: Sequence[str], amount: Amount) -> Budget:
    """At most an amount of a cost, as a constraint called by its kind.

    Raises:
        AmountError: no amount, or one below what stays in any case.
    """
    upper = upper_of(kind, amount, form.dense)
    if upper < form.fixed:
        raise AmountError(
            f"the budget {kind} = {amount!r} is {upper:.12g}, and {form.fixed:.12g} of "
            f"{form.dense:.12g} stays however much is pruned",
            remedy=f"give it more than {100 * form.fixed / form.dense:.3g} %",
        )
    names = tuple(tuple(labels[i] for i in group.tolist()) for group in form.groups)
    return Budget(kind, names, tuple(form.linear.tolist()), form.pairs, form.fixed, upper)


def upper_of(kind: str, amount: Amount, dense: float) -> float:
    """What an amount allows: a share of the dense cost, or the amount itself.

    Raises:
        AmountError: no amount; a share that is not above 0 and below 1; a number that is not
            positive.
    """
    value, whole = _read(kind, amount)
    if whole:
        if value < 1:
            raise AmountError(f"the budget {kind} = {amount!r}", remedy=_HOW)
        return value
    if not 0.0 < value < 1.0:
        raise AmountError(
            f"the budget {kind} = {amount!r} is {value:.4g} of the dense network",
            remedy=f"a share is above 0 and below 1; {_HOW}",
        )
    return value * dense


def _read(kind: str, amount: Amount) -> tuple[float, bool]:
    """The value, and whether it is a number of something and not a share."""
    if isinstance(amount, (bool, np.bool_)):
        raise AmountError(f"the budget {kind} is {amount!r}", remedy=_HOW)
    if isinstance(amount, (int, np.integer)):
        return float(amount), True
    if isinstance(amount, (float, np.floating)) and math.isfinite(amount):
        return float(amount), False
    text = amount.strip() if isinstance(amount, str) else ""
    number = re.fullmatch(r"(\d[\d_]*(?:\.\d*)?(?:[eE]\+?\d+)?|\.\d+)\s*(%?)", text)
    if number is None:
        raise AmountError(f"the budget {kind} is {amount!r}", remedy=_HOW)
    value = float(number[1])
    if number[2]:
        return value / 100.0, False
    return value, "." not in number[1] and value == round(value)


# -- widths ----------------------------------------------------------------------------------------


def _widths(
    channels: _Channels,
    minimum: Mapping[str, Amount],
    maximum: Mapping[str, Amount],
    multiple: int | None,
) -> list[Cardinality]:
    """For each group which numbers of its channels may go."""
    if multiple is not None and (isinstance(multiple, bool) or int(multiple) != multiple):
        raise AmountError(f"widths in multiples of {multiple!r}", remedy="give a whole number")
    if multiple is not None and multiple < 1:
        raise AmountError(f"widths in multiples of {multiple}", remedy="give 1 or more")
    least = _by_group(channels, minimum, "minimum", 1)
    most = _by_group(channels, maximum, "maximum", None)
    made = []
    for number, group in enumerate(channels.groups):
        name, size = group.name, group.size
        labels = tuple(channels.labels[group.slice])
        low, high = least[number] or 1, size if most[number] is None else most[number]
        assert high is not None
        if low > high:
            raise AmountError(
                f"the layer {name!r} is to keep at least {low} and at most {high} channels",
                remedy="give minimum <= maximum",
            )
        if multiple is None or multiple == 1:
            if high == size:
                made.append(at_most(size - low, labels, name=name))
            else:
                made.append(Cardinality(name, labels, size - high, size - low))
            continue
        kept = [width for width in (*range(multiple, size, multiple), size) if low <= width <= high]
        if not kept:
            raise AmountError(
                f"the layer {name!r} of {size} channels is to keep {low} to {high}, where no "
                f"multiple of {multiple} lies",
                remedy="relax the minimum or the maximum, or give a smaller multiple",
            )
        made.append(among([size - width for width in kept], labels, name=name))
    return made


def _by_group(
    channels: _Channels, given: Mapping[str, Amount], what: str, default: int | None
) -> list[int | None]:
    """The number of channels for every group; what is said later, and by name, comes last."""
    found: list[int | None] = [default] * len(channels.groups)
    exact = {name for group in channels.groups for name in (group.name, group.path)}
    for key in sorted(given, key=lambda key: key in exact):
        hit = [
            number
            for number, group in enumerate(channels.groups)
            if key in (group.name, group.path)
            or (key not in exact and fnmatch.fnmatchcase(group.path, key))
        ]
        if not hit:
            near = nearest(key, sorted(exact))
            raise ConstraintError(
                f"the {what} names the layer {key!r}, which has no channels that can go",
                remedy=_layers(key, near, [group.path for group in channels.groups]),
            )
        for number in hit:
            found[number] = _width(channels.groups[number], given[key], what)
    return found


def _layers(key: str, near: str | None, paths: list[str]) -> str:
    """Which layers may be meant: those inside of a block, the nearest, or all."""
    inside = [path for path in paths if path.startswith(f"{key}.")]
    if inside:
        return f"did you mean {' or '.join(map(repr, inside[:3]))}? All of them are {key + '.*'!r}"
    shown = ", ".join(paths[:8]) + (", …" if len(paths) > 8 else "")
    return f"did you mean {near!r}?" if near else f"those that have some are {shown}"


def _width(group: _Group, amount: Amount, what: str) -> int:
    value, whole = _read(f"{what} of {group.name!r}", amount)
    if not whole:
        value = value * group.size
        value = math.ceil(value - 1e-9) if what == "minimum" else math.floor(value + 1e-9)
    if not 1 <= value <= group.size:
        raise AmountError(
            f"the {what} of {group.name!r} is {amount!r}, which is {value:.6g} of {group.size} "
            "channels",
            remedy=f"give 1 to {group.size}, or a share",
        )
    return int(value)


def _check_reachable(channels: _Channels, made: Sequence[Constraint]) -> None:
    """Each budget can be kept by itself while the widths are."""
    home: dict[str, int] = {}
    most: list[int] = []
    for number, (group, widths) in enumerate(zip(channels.groups, made, strict=False)):
        assert isinstance(widths, Cardinality)
        home.update(dict.fromkeys(channels.labels[group.slice], number))
        most.append(int(np.flatnonzero(widths.allowed(group.size))[-1]))
    for budget in made[len(channels.groups) :]:
        assert isinstance(budget, Budget)
        tables = dict(budget.widths)
        widths_left = []
        for number, labels in enumerate(budget.groups):
            own = Counter(home[str(label)] for label in labels)
            left = sum(max(0, many - most[group]) for group, many in own.items())
            table = tables.get(number)
            widths_left.append(float(left) if table is None else table[left])
        cost = budget.fixed + sum(c * w for c, w in zip(budget.linear, widths_left, strict=True))
        cost += sum(c * widths_left[g] * widths_left[h] for (g, h), c in budget.pairs.items())
        if cost > budget.upper * (1 + 1e-9):
            upper, least = (_shown(budget.name, value) for value in (budget.upper, cost))
            of_time = budget.name == "time"
            raise AmountError(
                f"the budget {budget.name} is {upper}, and {least} stays where every layer keeps "
                "as little as it may",
                remedy="give it more, or relax minimum= and multiple="
                + ", which is 16 unless you give it" * of_time,
            )


def _shown(kind: str, value: float) -> str:
    """A cost in a message: times are seconds, and so small that nobody would read them."""
    return f"{1e3 * value:.4g} ms" if kind == "time" else f"{value:.9g}"


__all__ = ["Form", "Index", "Term", "budget_constraints", "of_form", "upper_of"]
