"""Exactly K channels, always, on top of any backend."""

from secateur.capacity.amount import Amount, count_of, keep_one_each
from secateur.capacity.exchange import greedy, swap_descent, to_count
from secateur.capacity.search import CONTROL, solve_exactly
from secateur.capacity.selection import Selection

__all__ = [
    "CONTROL",
    "Amount",
    "Selection",
    "count_of",
    "greedy",
    "keep_one_each",
    "solve_exactly",
    "swap_descent",
    "to_count",
]
