"""What the time of a network is predicted from: work and data moved, by kind of operation.

Kernels work in blocks of channels, so widths are rounded up to the device's step first: on a CPU
with AVX-512 a convolution of 36 channels takes as long as one of 48, or longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.budgets.forms import Floats, Form, Index, alike, form_of
from secateur.errors import NetworkError
from secateur.network.costs import Costs, Term

RARE = 0.01
"""Kinds of operations with a smaller share of all multiply-accumulates are taken together."""


@dataclass(frozen=True, eq=False)
class Features:
    """Amounts of work as forms in the widths of groups; see ``features_of``.

    Arguments:
        names: of the features.
        forms: one a feature, over the same groups.
        step: to whose multiples widths are rounded up.
        channels: how many there are, n.
    """

    names: tuple[str, ...]
    forms: tuple[Form, ...]
    step: int
    channels: int

    @property
    def groups(self) -> tuple[Index, ...]:
        """The channels of each group."""
        return self.forms[0].groups

    def table(self, group: int) -> Floats:
        """The width of a group for 0, 1, … of its channels that stay."""
        staying = np.arange(len(self.groups[group]) + 1)
        return np.asarray(-(-staying // self.step) * self.step, dtype=np.float64)

    def widths(self, z: NDArray[np.generic]) -> Floats:
        """Of every group, shape ``(g,)``.

        Arguments:
            z: not 0 where a channel is pruned, shape ``(n,)``.
        """
        gone = np.asarray(z) != 0
        if gone.shape != (self.channels,):
            raise NetworkError(
                f"the selection has the shape {gone.shape}, and there are {self.channels} channels",
                remedy="give one number a channel",
            )
        return np.array(
            [
                self.table(number)[len(group) - int(np.count_nonzero(gone[group]))]
                for number, group in enumerate(self.groups)
            ]
        )

    def __call__(self, z: NDArray[np.generic]) -> Floats:
        """All features of a selection, shape ``(features,)``."""
        widths = self.widths(z)
        return np.array([form.count(widths) for form in self.forms])


def features_of(costs: Costs, channels: int, *, step: int = 16) -> Features:
    """Multiply-accumulates and data moved by kind of operation, data of all others, a constant.

    Arguments:
        costs: of the network.
        channels: how many it has, n.
        step: to whose multiples widths are rounded up; 1: not at all.
    """
    if step < 1:
        raise NetworkError(f"the step is {step}", remedy="give 1 or more")
    every = [*costs.parameters, *costs.macs, *costs.elements]
    groups = alike(every, channels)
    total = sum(term.number for term in costs.macs)
    kinds: dict[str, list[Term]] = {}
    for term in costs.macs:
        kinds.setdefault(term.kind, []).append(term)
    common: dict[str, list[Term]] = {}
    for kind, terms in kinds.items():
        rare = sum(term.number for term in terms) < RARE * total
        common.setdefault("other" if rare else kind, []).extend(terms)
    found: list[tuple[str, Form]] = []
    for kind, terms in common.items():
        found.append((f"{kind}: multiply-accumulates", form_of(terms, groups)))
        moved = [part for term in terms for part in _moved(term)]
        if moved:
            found.append((f"{kind}: data", form_of(moved, groups)))
    for name, rest in (("elements", costs.elements), ("weights", costs.parameters)):
        if rest:
            found.append((name, form_of(rest, groups)))
    found.append(("constant", Form(groups, 1.0, np.zeros(len(groups)), {})))
    names, forms = zip(*found, strict=True)
    return Features(names, forms, step, channels)


def _moved(term: Term) -> list[Term]:
    """The two operands' sizes, but for a factor that is the same for all of a kind.

    A convolution's number is inputs·outputs·kernel·positions: without the inputs it is its output
    times the kernel's size. With one dimension that can shrink the work itself says as much.
    """
    if len(term.factors) != 2:
        return []
    one, other = term.factors
    return [Term(term.number / len(other), (one,)), Term(term.number / len(one), (other,))]
