"""The seeds that everything takes."""

from __future__ import annotations

LARGEST_SEED = 2**31 - 1
"""Solvers written in C take a signed number of 32 bits, and a seed must mean the same in all."""
