"""What the rules say of one operation: its operands are activations, with atoms everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from secateur.network import Call
from secateur.network.ties import Ties, find_ties

Slot = tuple[str, int, int]
OUT = "is an output of the network"


class Operands(nn.Module):
    """Parameters a, b, c, made activations by a factor that comes from the input."""

    def __init__(self, function: Callable[..., Any], *shapes: tuple[int, ...]) -> None:
        super().__init__()
        self.function = function
        generator = torch.Generator().manual_seed(0)
        for name, shape in zip("abcd", shapes, strict=False):
            setattr(self, name, nn.Parameter(torch.rand(shape, generator=generator) + 0.5))

    def forward(self, x: Tensor) -> Any:
        return self.function(*[p * x.reshape([1] * p.ndim) for p in self.parameters()])


@dataclass
class Told:
    """Slots are written ``a1``: dimension 1 of the first operand."""

    ties: Ties

    def __post_init__(self) -> None:
        self.rows = {
            f"{name}{dim}": self.ties.atoms.roots(ids)
            for name, at in self.ties.slots.items()
            for dim, ids in at.items()
        }

    def sets(self) -> set[tuple[str, ...]]:
        """What is tied: every set of two slots or more, ``("a1[0]", "b0[0]")``."""
        found: dict[int, list[str]] = {}
        for name, row in self.rows.items():
            for k, root in enumerate(row.tolist()):
                found.setdefault(root, []).append(f"{name}[{k}]")
        return {tuple(slots) for slots in found.values() if len(slots) > 1}

    def alike(self, *names: str) -> bool:
        """Whether rows are tied position by position, and nothing else is tied to them."""
        rows = [self.rows[name] for name in names]
        apart = len(set(rows[0].tolist())) == len(rows[0])
        return apart and all(np.array_equal(rows[0], row) for row in rows[1:])

    def reasons(self, name: str) -> list[str | None]:
        """Why each position of a row stays; of what does not because of the output, None."""
        by_root: dict[int, str] = {}
        for atom, reason in self.ties.atoms.pins.items():
            root = int(self.ties.atoms.roots(np.array([atom]))[0])
            by_root.setdefault(root, reason)
        return [by_root.get(root) for root in self.rows[name].tolist()]

    def reason(self, name: str) -> str | None:
        """The one reason of all positions of a row."""
        (only,) = set(self.reasons(name))
        return only

    def reads(self, stats: bool = False) -> list[tuple[str, int, str]]:
        """Operation, dimension, and the row that is read there."""
        found = []
        for event in self.ties.stats if stats else self.ties.reads:
            roots = self.ties.atoms.roots(event.ids)
            names = [n for n, row in self.rows.items() if np.array_equal(row, roots)]
            found.append((self.ties.names[event.op], event.dim, names[0] if names else "?"))
        return found


def told(
    function: Callable[..., Any],
    *shapes: tuple[int, ...],
    norm_over: str = "all",
    choice: dict[object, int] | None = None,
) -> Told:
    """Run a function of activations of these shapes."""
    network = Operands(function, *shapes)
    call = Call((torch.ones(1),))
    return Told(find_ties(network, call, norm_over=norm_over, choice=choice))
