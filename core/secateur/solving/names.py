"""Names that mean a strategy and no backend."""

from __future__ import annotations

CONTROL = "greedy"
"""The control that needs no backend: greedy with updated fields, then swaps."""
AUTO = "auto"
"""Annealing for the answer, branch and bound for the proof."""
DECOMPOSE = "decompose:"
"""Before the name of a backend: that backend, on parts of the problem around a good vector."""
BLOCKS = "blocks:"
"""Before the name of a backend: that backend, on the blocks of the problem one by one."""
