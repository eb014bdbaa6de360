"""A problem as a nonlinear model of ``dwave.optimization``, and its answers.

The model is one array of binaries; its objective is a quadratic model over it, the count and the
limits are sums that are compared with constants.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from secateur.lazy import dimod
from secateur.problem import Problem
from secateur_backends.leap_answer import untyped
from secateur_backends.leap_cost import constraints


def nonlinear(problem: Problem) -> Any:
    """The model with its count and limits as constraints; without the offset.

    Every constant and every sum is made once, so that the size is that of ``leap_cost.model_size``.
    """
    from dwave.optimization.model import Model

    model = Model()
    x = model.binary(problem.n)
    row, col, bias = problem.quadratic
    linear = np.array(problem.linear)  # a copy, as it takes no arrays that are read-only
    if np.count_nonzero(bias):
        pairs = (np.array(bias), (np.array(row), np.array(col)))
        model.minimize(model.quadratic_model(x, pairs, linear))
    else:  # a quadratic model without a pair cannot be written to a file
        model.minimize((model.constant(linear) * x).sum())
    constants: dict[int, Any] = {}
    sums: dict[tuple[int, ...], Any] = {}
    for name, positions, sense, value in constraints(problem):
        key = () if name == "ones" else tuple(positions)
        if key not in sums:
            sums[key] = x[model.constant(positions)].sum() if key else x.sum()
        if value not in constants:
            constants[value] = model.constant(value)
        ones, wanted = sums[key], constants[value]
        if sense == "==":
            model.add_constraint(ones == wanted)
        elif sense == "<=":
            model.add_constraint(ones <= wanted)
        else:
            model.add_constraint(wanted <= ones)
    return model


def decoder(problem: Problem) -> Callable[[Any], dimod.SampleSet]:
    """What reads the states in an answer, given the client's future."""

    def decode(future: Any) -> dimod.SampleSet:
        from dwave.optimization.model import Model

        result = future.result()
        data = result["answer"]
        data.seek(0)
        model = Model()
        x = model.binary(problem.n)
        model.minimize(x.sum())  # a model without an objective has no states
        model.states.from_file(io.BytesIO(data.read()), check_header=False)
        with model.lock():
            states = [x.state(i) for i in range(len(model.states)) if x.has_state(i)]
        rows = np.array(states, dtype=np.float64).reshape(len(states), problem.n)
        bits = rows.astype(np.int8)
        if not np.array_equal(bits, rows) or not np.isin(bits, (0, 1)).all():
            raise ValueError("a state has a value other than 0 and 1")
        info = {"timing": result.get("timing") or {}, "problem_id": future.id}
        if future.label is not None:
            info["problem_label"] = future.label
        # no energies come with states: these are ours
        made: dimod.SampleSet = untyped.SampleSet.from_samples(
            (bits, range(problem.n)),
            vartype="BINARY",
            energy=problem.energies(bits) if len(bits) else np.zeros(0),
            info=json.loads(json.dumps(info, default=str)),
        )
        return made

    return decode
