"""Prune neural networks by solving a QUBO, with the solver of your choice."""

__version__ = "0.1.0"
