"""Exactly K ones, always, on top of any backend."""

from secateur.capacity.exchange import greedy, swap_descent, to_count
from secateur.capacity.search import CONTROL, solve_exactly
from secateur.capacity.selection import Selection

__all__ = [
    "CONTROL",
    "Selection",
    "greedy",
    "solve_exactly",
    "swap_descent",
    "to_count",
]
