"""What a type checker is to refuse: each marked line, for the reason that stands behind it."""

from __future__ import annotations

from torch import nn

import secateur
from secateur import backends, refine, solving
from secateur import problem as problems


def wrong(network: nn.Module, task: secateur.Task, problem: secateur.Problem) -> None:
    """Every call has one fault."""
    secateur.prune(network, amount=0.5)  # wrong: call-arg
    secateur.prune(network, task, amount=[0.5])  # wrong: arg-type
    secateur.prune(network, task, amount=0.5, objektive="fisher")  # wrong: call-arg
    secateur.prune(network, task, amount=0.5, rounds="three")  # wrong: arg-type
    secateur.prune(network, task, amount=0.5).newtork  # wrong: attr-defined
    secateur.measure(network, task).prune(amount=0.5).selection.energie  # wrong: attr-defined
    secateur.measure(network, task, probes="many")  # wrong: arg-type
    secateur.solve(problem, count="three")  # wrong: arg-type
    secateur.solve(problem, time_limit=1).energy.real_part  # wrong: attr-defined
    secateur.Task([], nn.functional.cross_entropy, likelihood="poisson")  # wrong: arg-type
    secateur.Method(rounds="three")  # wrong: arg-type
    secateur.nothing  # wrong: attr-defined
    backends.nothing  # wrong: attr-defined
    problems.nothing  # wrong: attr-defined
    refine.nothing  # wrong: attr-defined
    solving.nothing  # wrong: attr-defined
