"""Costs in the numbers of channels that stay.

All channels that a network's terms see alike cost the same, so a cost is a form in the numbers of
each such group that stay: at most bilinear, as every operation has two dimensions that can shrink.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.errors import NetworkError
from secateur.network.costs import Term

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Form:
    """A cost in the numbers of channels that stay: ``fixed + linear·m + m'·products·m``.

    Arguments:
        groups: the channels of each group; all of a group cost the same.
        fixed: what stays in any case.
        linear: shape ``(g,)``.
        pairs: by numbers of groups (g <= h), the coefficient of their product.
    """

    groups: tuple[Index, ...]
    fixed: float
    linear: Floats
    pairs: dict[tuple[int, int], float]

    def count(self, staying: NDArray[np.generic]) -> float:
        """The cost where so many of each group stay, shape ``(g,)``."""
        m = np.asarray(staying, dtype=np.float64)
        pairs = sum(value * m[g] * m[h] for (g, h), value in self.pairs.items())
        return float(self.fixed + self.linear @ m + pairs)

    @property
    def dense(self) -> float:
        """The cost of the whole network."""
        return self.count(np.array([len(group) for group in self.groups]))


def alike(terms: Sequence[Term], channels: int) -> tuple[Index, ...]:
    """The channels by how often every factor holds them; those in no factor are left out.

    Arguments:
        terms: of all costs that are to be told in the same groups.
        channels: how many there are, n. Higher numbers, a sum's own channels where sums are not
            tied, are taken to stay: they go only with all that they are made of.
    """
    labels = np.zeros(channels, dtype=np.int64)
    held = np.zeros(channels, dtype=bool)
    seen: set[bytes] = set()
    for term in terms:
        for factor in term.factors:
            some = factor[(factor >= 0) & (factor < channels)]
            if not len(some) or factor.tobytes() in seen:
                continue
            seen.add(factor.tobytes())
            often = np.bincount(some, minlength=channels)
            _, labels = np.unique(labels * (int(often.max()) + 1) + often, return_inverse=True)
            held[some] = True
    found = np.flatnonzero(held)
    if not len(found):
        return ()
    order = found[np.argsort(labels[found], kind="stable")]
    cuts = np.flatnonzero(np.diff(labels[order])) + 1
    return tuple(sorted(np.split(order, cuts), key=lambda group: int(group[0])))


def form_of(terms: Sequence[Term], groups: Sequence[Index]) -> Form:
    """The sum of terms in the numbers of channels that stay in each group.

    Arguments:
        terms: to be added up.
        groups: of channels that every factor holds equally often.

    Raises:
        NetworkError: a term in which more than two dimensions can shrink.
    """
    fixed, linear = 0.0, np.zeros(len(groups))
    pairs: dict[tuple[int, int], float] = {}
    first = {int(group[0]): number for number, group in enumerate(groups)}
    known: dict[bytes, tuple[int, list[tuple[int, int]]]] = {}

    def read(factor: Index) -> tuple[int, list[tuple[int, int]]]:
        """Index that never go, and how often each group's channels are there."""
        key = factor.tobytes()
        if key not in known:
            names, often = np.unique(factor, return_counts=True)
            count = dict(zip(names.tolist(), often.tolist(), strict=True))
            held = [(number, count[name]) for name, number in first.items() if name in count]
            gone = sum(times * len(groups[number]) for number, times in held)
            known[key] = (len(factor) - gone, sorted(held))
        return known[key]

    for term in terms:
        if not all(len(factor) for factor in term.factors):
            continue
        varying = [factor for factor in term.factors if read(factor)[1]]
        if len(varying) > 2:
            raise NetworkError(
                f"{len(varying)} dimensions of one operation ({term.kind or term.op}) can shrink; "
                "a budget takes two at most",
                remedy="keep one of its groups: ignored=[…]",
            )
        each = term.number
        for factor in varying:
            each /= len(factor)
        parts = [read(factor) for factor in varying]
        if not parts:
            fixed += each
        elif len(parts) == 1:
            fixed += each * parts[0][0]
            for group, often in parts[0][1]:
                linear[group] += each * often
        else:
            (a, one), (b, other) = parts
            fixed += each * a * b
            for group, often in one:
                linear[group] += each * often * b
            for group, often in other:
                linear[group] += each * often * a
            for g, p in one:
                for h, q in other:
                    key = (min(g, h), max(g, h))
                    pairs[key] = pairs.get(key, 0.0) + each * p * q
    return Form(tuple(groups), fixed, linear, pairs)
