"""Prune neural networks by solving a QUBO, with the solver of your choice.

::

    import secateur

    result = secateur.prune(network, task, amount=0.36)
    print(result)
    smaller = result.network

Names are loaded when they are first used, so that ``import secateur`` is fast. Those that are
about networks need PyTorch, ``pip install 'secateur[torch]'``; problems, files and backends do not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from secateur.extras import needed_by

__version__ = "0.1.0"

if TYPE_CHECKING:
    from secateur.backends import Backend, Solution
    from secateur.errors import SecateurError
    from secateur.life import export, finetune
    from secateur.measured import Measured, measure
    from secateur.methods import Method
    from secateur.network import Channels, find_channels
    from secateur.objectives import (
        fisher_qubo,
        hybrid_qubo,
        l1_qubo,
        residual_qubo,
        taylor_qubo,
    )
    from secateur.pipeline import compare, prune
    from secateur.problem import Problem
    from secateur.refine import Exchange, TensorTrain
    from secateur.result import PruningResult
    from secateur.solving import Selection, solve
    from secateur.statistics import ChannelStatistics, collect_statistics
    from secateur.surgery import load_pruned, load_slim
    from secateur.tasks import Task

_HOMES = {
    "Backend": "backends",
    "ChannelStatistics": "statistics",
    "Channels": "network",
    "Exchange": "refine",
    "Measured": "measured",
    "Method": "methods",
    "Problem": "problem",
    "PruningResult": "result",
    "SecateurError": "errors",
    "Selection": "solving",
    "Solution": "backends",
    "Task": "tasks",
    "TensorTrain": "refine",
    "collect_statistics": "statistics",
    "compare": "pipeline",
    "export": "life",
    "find_channels": "network",
    "finetune": "life",
    "fisher_qubo": "objectives",
    "hybrid_qubo": "objectives",
    "l1_qubo": "objectives",
    "load_pruned": "surgery",
    "load_slim": "surgery",
    "measure": "measured",
    "prune": "pipeline",
    "residual_qubo": "objectives",
    "solve": "solving",
    "taylor_qubo": "objectives",
}

__all__ = [
    "Backend",
    "ChannelStatistics",
    "Channels",
    "Exchange",
    "Measured",
    "Method",
    "Problem",
    "PruningResult",
    "SecateurError",
    "Selection",
    "Solution",
    "Task",
    "TensorTrain",
    "__version__",
    "collect_statistics",
    "compare",
    "export",
    "find_channels",
    "finetune",
    "fisher_qubo",
    "hybrid_qubo",
    "l1_qubo",
    "load_pruned",
    "load_slim",
    "measure",
    "prune",
    "residual_qubo",
    "solve",
    "taylor_qubo",
]


if not TYPE_CHECKING:  # to a type checker it would be any name at all

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module 'secateur' has no attribute {name!r}")
        with needed_by(f"`secateur.{name}`"):
            value = getattr(importlib.import_module(f"secateur.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
