"""Every whole number that is declared has both ends, and the upper one fits a machine."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

import dimod
import numpy as np
import pytest

from secateur.backends import Backend
from secateur.backends.call import run
from secateur.errors import BackendUnsuitable, SecateurError
from secateur.limits import MOST_CELLS
from secateur.methods import Method
from secateur.methods.measuring import Measuring
from secateur.methods.wanted import Wanted
from secateur.objectives import objective_class
from secateur.options import Options, make_options
from secateur.problem import Problem
from secateur.refine import refiner_class
from secateur.solving import load_solver
from secateur.stages import BACKENDS, OBJECTIVES, REFINERS, list_stages
from secateur.typed import alternatives
from tests.clocks import spends

OURS = {"secateur"}
SEED, LONG = (0, 2**31 - 1), 10**9
CIRCUIT = {"reps": (1, 100), "shots": (1, 10**6)}
LEAP = {"retries": (0, 100)}
WRAPPER = {"max_calls": (1, LONG), "seed": SEED}
ANNEALING = {"reads": (1, 10**6), "sweeps": (1, 10**7), "seed": SEED}
ENDS: dict[str, dict[str, tuple[int, int]]] = {
    "annealing": ANNEALING,
    "neal": ANNEALING,
    "path-integral": {**ANNEALING, "seed": (0, 2**31 - 2)},
    "steepest-descent": {"reads": (1, 10**6), "seed": SEED},
    "tabu": {"reads": (1, 10**6), "tenure": (0, LONG), "restarts": (0, LONG), "seed": SEED},
    "branch-and-bound": {"workers": (1, 64)},
    "exhaustive": {},
    "gurobi": {
        "license_id": (0, LONG),
        "threads": (0, 1024),
        "seed": (0, 2 * 10**9),
        "node_limit": (0, LONG),
    },
    "leap": LEAP,
    "leap-bqm": LEAP,
    "leap-qpu": {**LEAP, "num_reads": (1, 10_000), "embedding_seed": SEED},
    "qaoa": {**CIRCUIT, "iterations": (1, 10**6), "seed": SEED},
    "leap-stride": LEAP,
    "qaoa-device": {
        **CIRCUIT,
        "iterations": (1, 10_000),
        "classical_seed": SEED,
        "shots": (1, 100_000),
    },
    "decompose:annealing": {
        **WRAPPER,
        "size": (2, LONG),
        "rounds": (1, LONG),
        "patience": (1, LONG),
        "incumbents": (1, 100),
    },
    "blocks:annealing": {**WRAPPER, "rounds": (1, LONG)},
    "exchange": {"evaluations": (1, 100_000), "batch": (1, 10_000), "confirm": (1, 10_000)},
    "tt": {
        "evaluations": (1, 100_000),
        "rank": (1, 32),
        "window": (2, 1024),
        "batch": (1, 10_000),
        "confirm": (1, 10_000),
        "elite": (1, 1000),
        "fit_steps": (1, 10_000),
    },
    "Measuring": {"probes": (0, 10_000), "seed": SEED, "measure_batches": (1, LONG)},
    "Method": {"rounds": (1, 100), "fit_batches": (1, LONG), "max_calls": (1, LONG)},
    "Wanted": {},
}


def ours() -> dict[str, type[Options]]:
    def names(kind: Any) -> list[str]:
        return sorted({e.name for e in list_stages(kind) if e.distribution in OURS})

    wrappers = ["decompose:annealing", "blocks:annealing"]
    found: dict[str, type[Options]] = {
        name: load_solver(name).Options for name in [*names(BACKENDS), *wrappers]
    }
    found |= {name: objective_class(name) for name in names(OBJECTIVES)}
    found |= {name: refiner_class(name) for name in names(REFINERS)}
    return found | {kind.__name__: kind for kind in (Measuring, Method, Wanted)}


STAGES = ours()


def whole_numbers(kind: type[Options]) -> dict[str, tuple[Any, Any]]:
    hints = get_type_hints(kind)
    return {
        field.name: (field.metadata["least"], field.metadata["most"])
        for field in fields(kind)
        if int in alternatives(hints[field.name])
    }


@pytest.mark.parametrize("name", STAGES)
def test_both_ends_are_declared_and_the_right_ones(name):
    assert whole_numbers(STAGES[name]) == ENDS.get(name, {})


def test_none_is_listed_that_is_not_there():
    assert set(ENDS) <= set(STAGES)
    assert len(STAGES) > 20


@pytest.mark.parametrize(
    ("name", "option"), [(name, option) for name in STAGES for option in ENDS.get(name, {})]
)
def test_the_ends_are_taken_and_what_is_beyond_is_told(name, option):
    kind = STAGES[name]
    least, most = ENDS[name][option]
    about = next(field.metadata for field in fields(kind) if field.name == option)
    for value in (least, most):
        assert getattr(kind(**{option: value}), option) == value
    with pytest.raises(SecateurError, match=f"option {option!r}.*out of range") as caught:
        make_options(kind, {option: most + 1})
    if about["why"]:
        assert f"at most {most}, for {about['why']}" in caught.value.message
    if not about["secret"]:
        assert f"from {least} to {most}" in str(caught.value)
    with pytest.raises(SecateurError, match="out of range"):
        kind(**{option: least - 1})


def problem(n: int) -> Problem:
    pairs = np.arange(n - 1)
    return Problem.from_arrays(
        [f"v{k}" for k in range(n)],
        np.linspace(-1, 1, n),
        (pairs.astype(np.int32), (pairs + 1).astype(np.int32), np.full(n - 1, 0.5)),
        0.0,
        (),
    )


def backend(name: str) -> Backend:
    return load_solver(name)()


SAMPLERS = ("annealing", "tabu", "steepest-descent", "path-integral")


@pytest.mark.parametrize("name", SAMPLERS)
def test_reads_that_do_not_fit_together_are_refused_before_they_are_made(name):
    n = 300
    with pytest.raises(
        BackendUnsuitable, match=r"1000000 reads of 300 variables are 0\.28 GiB"
    ) as e:
        run(backend(name), problem(n), {"reads": 10**6})
    assert e.value.remedy == f"take at most {MOST_CELLS // n} reads"
    options = load_solver(name).Options(reads=MOST_CELLS // n)
    assert backend(name).applicability(problem(n), options).applicable


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, option) for name in SAMPLERS for option in ENDS[name] if option != "seed"],
)
def test_the_largest_value_keeps_the_time_limit(name, option):
    most = ENDS[name][option][1]
    with spends(3.0):
        answer = run(backend(name), problem(20), {option: most, "time_limit": 0.3, "seed": 1})
    assert len(answer.samples) >= 1


def test_the_circuit_at_its_most_shots():
    bqm = dimod.BinaryQuadraticModel({"a": -1.0, "b": 1.0}, {}, "BINARY")
    options = {"shots": 10**6, "reps": 1, "iterations": 3, "seed": 0}
    answer = run(backend("qaoa"), Problem(bqm), options)
    assert int(answer.samples.record.num_occurrences.sum()) == 10**6
