"""What an operation does to channels: a rule for each kind of ATen operation.

Operations that only move or copy data need none; they are run on the atoms themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from secateur.network.run import Op
from secateur.operators.flow import Flow

Rule = Callable[[Op, Flow], None]
"""Says what the outputs are made of: ties, pins, reads, costs."""

RULES: dict[str, Rule] = {}


class OperatorRule(Protocol):
    """A rule by entry point ``secateur.operators``.

    Attributes:
        ops: names of ATen operations, ``"convolution"``; ``"mylib::op"`` for custom operators.
    """

    ops: frozenset[str]

    def flow(self, op: Op, flow: Flow) -> None:
        """Say what the operation does."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Register a rule of ours.

    Arguments:
        names: of ATen operations, "convolution".
    """

    def register(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return register
