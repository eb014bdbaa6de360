"""What a plugin says of itself and of its answer: true, or an error that names it."""

from __future__ import annotations

import math
from dataclasses import replace

import dimod
import numpy as np
import pytest

import secateur
from secateur.backends import Applicability, Availability, Backend, Capabilities, Solution, Timings
from secateur.backends.call import run
from secateur.backends.promised import check_backend
from secateur.backends.reads import distinct_rows
from secateur.errors import BackendMisbehaved
from secateur.problem import Problem
from tests.clocks import spends
from tests.named import plainly

BQM = dimod.BinaryQuadraticModel({"a": -1.0, "b": 0.5}, {"ab": 1.0}, "BINARY")


class Plain(Backend):
    name = "plain"

    def solve(self, problem, options):
        return Solution.from_bits(problem, np.zeros((1, problem.n)), options, 0.0)


def plugin(**attributes):
    return type("Plugin", (Plain,), attributes)


WRONG = [None, "count", 3, -1, 1.5, math.nan, [], ["count"], {}, {"count"}, {"cuont"}, object(),
         b"x", True]  # fmt: skip
RIGHT = {
    "max_variables": (None, 3, np.int64(3)),
    "native": (frozenset(), frozenset({"count"}), {"count"}),
    **dict.fromkeys(
        ("exact", "stochastic", "takes_seed", "takes_time_limit", "takes_start", "metered"),
        (True, False),
    ),
    "installed": (True, False), "licensed": (True, False, None), "detail": ("", "count"),
    "remedy": (None, "count"), "applicable": (True, False), "reason": (None, "count"),
    **dict.fromkeys(("seconds", "charge_seconds", "memory_bytes"), (None, 3, 1.5, math.inf)),
}  # fmt: skip


def fits(name, value):
    if name == "native":
        return value in ({"count"}, frozenset())
    if RIGHT[name][-1] == "count":
        return isinstance(value, str) or (value is None and None in RIGHT[name])
    if name == "max_variables":
        return value is None or (type(value) in (int, np.int64) and value >= 0)
    if RIGHT[name][-1] == math.inf:
        return value is None or (type(value) in (int, float) and value >= 0)
    return any(value is right for right in RIGHT[name])


CASES = [
    (kind, name, value)
    for kind, names in (
        (Capabilities, list(RIGHT)[:8]),
        (Availability, ["installed", "licensed", "detail", "remedy"]),
        (Applicability, ["applicable", "reason", "remedy", "seconds", "charge_seconds",
                         "memory_bytes"]),
    )
    for name in names
    for value in (*WRONG, *RIGHT[name])
]  # fmt: skip
WHOLE = {Capabilities: {}, Availability: {"installed": True}, Applicability: {"applicable": True}}


def told(kind, answer):
    """A plugin that gives this answer, by each of the ways in."""
    if kind is Capabilities:
        return plugin(capabilities=answer)
    name = kind.__name__.lower()
    return plugin(**{name: classmethod(lambda cls, *rest: answer)})


@pytest.mark.parametrize(("kind", "name", "value"), CASES, ids=lambda v: plainly(repr(v))[:30])
def test_each_field_of_each_answer(kind, name, value):
    made = told(kind, kind(**{**WHOLE[kind], name: value}))
    if fits(name, value):
        if kind is Capabilities:
            check_backend(made)
        return
    with pytest.raises(BackendMisbehaved, match="plain") as caught:
        run(made, Problem(BQM))
    assert name in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("answer", [None, True, {}, "yes", Capabilities, Timings(0.0)])
def test_an_answer_of_another_kind(kind, answer):
    made = told(kind, answer)
    for solve in (lambda: run(made, Problem(BQM)), lambda: secateur.solve(BQM, backend=made)):
        with pytest.raises(BackendMisbehaved, match="plain") as caught:
            solve()
        assert kind.__name__ in str(caught.value)


@pytest.mark.parametrize("name", [None, "", 3, b"x"])
def test_a_name_that_is_none(name):
    with pytest.raises(BackendMisbehaved, match="has the name"):
        run(plugin(name=name), Problem(BQM))


@pytest.mark.parametrize("options", [None, dict, object(), 3])
def test_options_that_are_none(options):
    with pytest.raises(BackendMisbehaved, match="has the options"):
        run(plugin(Options=options), Problem(BQM))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "feasible"), ("status", None), ("stopped", "completed"), ("timings", None),
        ("timings", 3.0), ("timings", Timings(math.nan)), ("timings", Timings(None)),
        ("timings", Timings(-1.0)), ("timings", Timings(0.0, solve="x")), ("versions", None),
        ("options", [1]), ("raw", None), ("raw", "x"), ("seed", "1"), ("seed", 1.5),
        ("job_id", 3), ("bound", "low"), ("bound", 1j), ("bound", [0.0]), ("samples", None),
        ("samples", []),
    ],
)  # fmt: skip
def test_each_field_of_a_solution(field, value):
    def solve(self, problem, options):
        return replace(Plain.solve(self, problem, options), **{field: value})

    with pytest.raises(BackendMisbehaved):
        run(plugin(solve=solve), Problem(BQM))


@pytest.mark.parametrize("often", [[-1, 2], [2**62, 2**62], [0.5, 1.5]])
def test_occurrences_that_are_no_counts(often):
    def solve(self, problem, options):
        made = Plain.solve(self, problem, options)
        samples = dimod.SampleSet.from_samples(
            (np.zeros((2, 2)), ["a", "b"]), "BINARY", energy=[0, 0], num_occurrences=often
        )
        return replace(made, samples=samples)

    with pytest.raises(BackendMisbehaved, match="occurrences"):
        run(plugin(solve=solve), Problem(BQM))


def many(rows, **more):
    def solve(self, problem, options):
        made = Plain.solve(self, problem, options)
        bits = np.zeros((rows, problem.n), dtype=np.int8)
        samples = dimod.SampleSet.from_samples(
            (bits, list(problem.variables)), "BINARY", energy=problem.energies(bits), **more
        )
        return replace(made, samples=samples)

    return plugin(solve=solve)


def test_300_000_equal_rows_are_looked_at_once(monkeypatch):
    """By construction: no more than one row reaches the energies and the demands; and quickly."""
    rng = np.random.default_rng(0)
    n = 60
    problem = Problem(dimod.BinaryQuadraticModel(rng.normal(size=(n, n)).round(3), "BINARY"), [3])
    seen = []
    energies = Problem.energies
    backend = many(300_000, num_occurrences=np.full(300_000, 2))()
    solved = backend.solve(problem, backend.Options())
    backend.solve = lambda *_: solved
    monkeypatch.setattr(
        Problem, "energies", lambda self, bits: seen.append(len(bits)) or energies(self, bits)
    )
    with spends(5.0):  # 25 s before, of which most were these
        got = run(backend, problem.only(frozenset()))
    assert max(seen) == 1
    assert len(got.samples) == 1
    assert got.samples.record.num_occurrences.tolist() == [600_000]


def test_rows_that_differ_in_anything_stay_apart():
    bits = np.array([[0, 1], [0, 1], [1, 1], [0, 1], [1, 1]], dtype=np.int8)
    first, which = distinct_rows(bits, {})
    assert first.tolist() == [0, 2]
    assert which.tolist() == [0, 0, 1, 0, 1]
    broken = np.array([0.0, 0.5, 0.0, 0.0, 0.0])
    often = np.array([1, 2, 3, 4, 5])
    first, which = distinct_rows(bits, {"broken": broken, "num_occurrences": often})
    assert first.tolist() == [0, 1, 2]
    assert which.tolist() == [0, 1, 2, 0, 2]
    first, which = distinct_rows(bits, {"told": np.array([{}] * 5, dtype=object)})
    assert first.tolist() == list(range(5))
    first, which = distinct_rows(np.zeros((4, 0), dtype=np.int8), {})
    assert (first.tolist(), which.tolist()) == ([0], [0, 0, 0, 0])
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (500, 9), dtype=np.int8)
    first, which = distinct_rows(bits, {})
    assert np.array_equal(bits[first][which], bits)
    assert len(first) == len({row.tobytes() for row in bits})
    assert (np.diff(first) > 0).all()


def test_a_lie_in_one_of_many_equal_rows_is_found():
    energy = np.zeros(1000)
    energy[777] = 5.0

    def solve(self, problem, options):
        made = Plain.solve(self, problem, options)
        rows = (np.zeros((1000, 2)), ["a", "b"])
        return replace(made, samples=dimod.SampleSet.from_samples(rows, "BINARY", energy=energy))

    with pytest.raises(BackendMisbehaved, match="claims the energy 5 for a sample of 0"):
        run(plugin(solve=solve), Problem(BQM))
