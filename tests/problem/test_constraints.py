"""What a problem may demand, function by function, against its definition in words."""

from __future__ import annotations

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secateur.errors import ConstraintError
from secateur.problem.constraints import (
    Cardinality,
    Constraint,
    Linear,
    Quadratic,
    at_least,
    at_most,
    count,
    exactly,
    keep,
    linear,
    multiple_of,
    quadratic,
    remove,
    tied,
)

ABC = ("a", "b", "c")


@pytest.mark.parametrize(
    ("made", "kind", "ones"),
    [
        (count(2), "count", {2}),
        (count(0), "count", {0}),
        (at_most(2, ABC), "limit", {0, 1, 2}),
        (at_most(7, ABC), "limit", {0, 1, 2, 3}),
        (at_least(2, ABC), "limit", {2, 3}),
        (exactly(1, ABC), "limit", {1}),
        (multiple_of(2, ABC), "multiple", {0, 2}),
        (multiple_of(2, ABC, of="zeros"), "multiple", {1, 3}),
        (multiple_of(3, ABC, of="zeros"), "multiple", {0, 3}),
        (multiple_of(8, ABC), "multiple", {0}),
        (multiple_of(8, ABC, of="zeros"), "multiple", {3}),
        (multiple_of(1, ABC), "limit", {0, 1, 2, 3}),
        (tied(*ABC), "multiple", {0, 3}),
        (keep(*ABC), "limit", {0}),
        (remove(*ABC), "limit", {3}),
        (at_least(4, ABC), "limit", set()),
    ],
    ids=lambda value: value.name if isinstance(value, Constraint) else None,
)
def test_a_function_allows_what_its_name_says(made, kind, ones):
    assert made.kind == kind
    assert set(np.flatnonzero(made.allowed(3)).tolist()) == ones
    assert made.labels() == (() if kind == "count" else ABC)
    assert made.name


@given(
    st.integers(0, 12),
    st.integers(0, 9),
    st.none() | st.integers(0, 14),
    st.integers(1, 6),
)
def test_allowed_is_lower_plus_steps_up_to_upper(size, lower, beyond, step):
    upper = None if beyond is None else lower + beyond
    allowed = Cardinality("some", None, lower, upper, step).allowed(size)
    assert allowed.shape == (size + 1,)
    wanted = set(range(lower, (size if upper is None else upper) + 1, step))
    assert {ones for ones in range(size + 1) if allowed[ones]} == wanted & set(range(size + 1))


@given(st.integers(0, 20), st.integers(1, 9))
def test_a_multiple_of_what_stays_is_counted_in_zeros(size, number):
    labels = [f"x{i}" for i in range(size)]
    zeros = multiple_of(number, labels, of="zeros").allowed(size)
    ones = multiple_of(number, labels).allowed(size)
    for k in range(size + 1):
        assert zeros[k] == ((size - k) % number == 0)
        assert ones[k] == (k % number == 0)


def test_both_or_none():
    allowed = tied("x", "y").allowed(2)
    for x, y in itertools.product((0, 1), repeat=2):
        assert allowed[x + y] == (x == y)


@pytest.mark.parametrize("made", [tied(), keep(), remove(), at_most(3, []), multiple_of(8, [])])
def test_a_demand_on_nothing_is_always_kept(made):
    assert made.labels() == ()
    assert made.variables == ()
    assert made.allowed(0).tolist() == [True]


def test_one_alone_is_tied_to_nothing():
    assert tied("x").allowed(1).tolist() == [True, True]


def test_names_say_what_is_demanded():
    labels = [f"layer:{i}" for i in range(16)]
    assert at_most(8, labels).name == "at most 8: layer:0, layer:1, … (16)"
    assert at_least(8, labels[:2]).name == "at least 8: layer:0, layer:1"
    assert keep("stem:0").name == "keep: stem:0"
    assert count(3).name == "count"
    assert linear({"a": 1}, upper=2).name == "linear: a"
    assert quadratic({"a": 1}, {("b", "c"): 1}, upper=2).name == "quadratic: a, b, … (3)"
    named = (
        at_most(1, ABC, name="n"),
        at_least(1, ABC, name="n"),
        exactly(1, ABC, name="n"),
        multiple_of(2, ABC, name="n"),
        tied("a", name="n"),
        keep("a", name="n"),
        remove("a", name="n"),
        count(1, name="n"),
        linear({"a": 1}, upper=1, name="n"),
        quadratic({"a": 1}, {}, upper=1, name="n"),
    )
    assert {made.name for made in named} == {"n"}


def test_labels_come_from_any_iterable_and_of_any_kind():
    made = at_most(1, (label for label in [0, "0", ("layer", 3)]))
    assert made.labels() == (0, "0", ("layer", 3))
    assert Cardinality("direct", ["a", "b"]).labels() == ("a", "b")
    assert hash(Cardinality("direct", ["a", "b"])) == hash(Cardinality("direct", ("a", "b")))


def test_numbers_of_numpy_are_taken_and_become_plain():
    made = at_most(np.int64(2), ABC)
    assert type(made.upper) is int
    sums = linear({"a": np.float32(0.5), "b": 2}, lower=np.int32(-1), upper=3)
    assert sums.coefficients == {"a": 0.5, "b": 2.0}
    assert (type(sums.lower), type(sums.upper)) == (float, float)
    form = quadratic({"a": np.int8(1)}, {("a", "b"): np.float64(2)}, offset=1, upper=4)
    assert type(form.offset) is float
    assert all(type(v) is float for v in (*form.linear.values(), *form.quadratic.values()))


def test_a_linear_demand_is_what_was_written():
    made = linear({"a": 3.0, "b": 2.0}, upper=10.0, name="memory")
    assert (made.kind, made.labels(), made.lower, made.upper) == (
        "linear",
        ("a", "b"),
        -math.inf,
        10.0,
    )


def test_a_quadratic_demand_is_what_was_written():
    made = quadratic({"c": 1.0}, {("a", "b"): 2.0, ("b", "a"): 3.0}, offset=4.0, lower=0.0)
    assert made.kind == "quadratic"
    assert made.quadratic == {("a", "b"): 5.0}
    assert made.labels() == ("c", "a", "b")
    assert (made.offset, made.lower, made.upper) == (4.0, 0.0, math.inf)


def test_a_constraint_does_not_change_with_the_mapping_that_it_was_made_from():
    coefficients, pairs = {"a": 1.0}, {("a", "b"): 1.0}
    first, second = Linear("l", coefficients, 0.0), Quadratic("q", coefficients, pairs, 0.0, 0.0)
    coefficients["z"] = pairs["a", "z"] = 9.0
    assert first.labels() == ("a",)
    assert second.labels() == ("a", "b")


def test_equal_constraints_have_equal_hashes_and_travel():
    first = linear({"a": 1, "b": 2}, upper=1, name="n")
    second = linear({"b": 2, "a": 1}, upper=1, name="n")
    assert first == second
    assert hash(first) == hash(second)
    assert first != linear({"a": 1, "b": 2}, upper=2, name="n")
    third = quadratic({}, {("a", "b"): 1, ("b", "c"): 2}, upper=1, name="n")
    fourth = quadratic({}, {("b", "c"): 2, ("a", "b"): 1}, upper=1, name="n")
    assert third == fourth
    assert hash(third) == hash(fourth)
    for made in (first, third, tied(*ABC)):
        assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: count(-1), "wants -1 to -1 ones"),
        (lambda: count(2.0), "has the lower 2.0"),
        (lambda: count(True), "has the lower True"),
        (lambda: count("36%"), "has the lower '36%'"),
        (lambda: at_most(-1, ABC), "wants 0 to -1 ones"),
        (lambda: at_most(1.5, ABC), "has the upper 1.5"),
        (lambda: at_most(1, "abc"), "the variables are the text 'abc'"),
        (lambda: at_most(1, 5), "the variables are 5"),
        (lambda: at_most(1, [["a"], ["b"]]), "unhashable"),
        (lambda: tied(["a", "b"]), "unhashable"),
        (lambda: keep(["a"]), "unhashable"),
        (lambda: remove({"a"}), "unhashable"),
        (lambda: exactly(1, ["a", "a"]), "names a variable twice"),
        (lambda: keep("a", "a"), "names a variable twice"),
        (lambda: Cardinality("x", "abc"), "the variables are the text 'abc'"),
        (lambda: Cardinality("x", ABC, 2, 1), "wants 2 to 1 ones"),
        (lambda: Cardinality("x", ABC, step=0), "in steps of 0"),
        (lambda: Cardinality("x", ABC, step=1.5), "has the step 1.5"),
        (lambda: multiple_of(0, ABC), "a multiple of 0"),
        (lambda: multiple_of(2.0, ABC), "a multiple of 2.0"),
        (lambda: multiple_of(True, ABC), "a multiple of True"),
        (lambda: multiple_of(2, ABC, of="twos"), "a multiple of 'twos'"),
        (lambda: linear({"a": 1}), "'linear: a' has no bound"),
        (lambda: linear({"a": 1}, lower=2, upper=1), "wants 2.0 to 1.0"),
        (lambda: linear({"a": 1}, lower=math.nan), "wants nan to inf"),
        (lambda: linear({"a": 1}, upper=math.nan), "wants -inf to nan"),
        (lambda: linear({"a": 1}, lower=math.inf), "wants inf to inf"),
        (lambda: linear({"a": 1}, upper=-math.inf), "wants -inf to -inf"),
        (lambda: linear({"a": 1}, upper="3"), "has the upper bound '3'"),
        (lambda: linear({"a": "3"}, upper=1), "has for 'a' '3'"),
        (lambda: linear({"a": True}, upper=1), "has for 'a' True"),
        (lambda: linear({"a": math.nan}, upper=1), "the coefficient nan for 'a'"),
        (lambda: linear({"a": math.inf}, upper=1), "the coefficient inf for 'a'"),
        (lambda: linear(["a", "b"], upper=1), "has the coefficients"),
        (lambda: Linear("x", {"a": "3"}, upper=1), "has for 'a' '3'"),
        (lambda: quadratic({}, {("a", "b"): 1}), "'quadratic' has no bound"),
        (lambda: quadratic({}, {("a", "a"): 1}, upper=1), "couples"),
        (lambda: quadratic({}, {("a", "b", "c"): 1}, upper=1), "couples"),
        (lambda: quadratic({}, {"ab": 1}, upper=1), "couples 'ab'"),
        (lambda: quadratic({}, {("a", "b"): math.nan}, upper=1), "coefficient nan"),
        (lambda: quadratic({"a": math.inf}, {}, upper=1), "coefficient inf for 'a'"),
        (lambda: quadratic({"a": 1}, {}, offset=math.nan, upper=1), "nan for 'the offset'"),
        (lambda: quadratic({"a": 1}, {}, offset="1", upper=1), "'the offset'"),
        (lambda: quadratic({"the offset": math.nan}, {}, upper=1), "nan for 'the offset'"),
        (lambda: quadratic({("a", "b"): math.nan}, {("a", "b"): 1}, upper=1), "coefficient nan"),
        (lambda: quadratic({"a": 1}, {}, lower=2, upper=1, name="macs"), "'macs' wants 2.0 to 1"),
        (lambda: quadratic({"a": 1}, {}, lower="x"), "has the lower bound 'x'"),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(make, said):
    with pytest.raises(ConstraintError, match=said) as caught:
        make()
    assert caught.value.remedy


def test_a_bare_constraint_has_no_kind_of_its_own():
    bare = Constraint("bare")
    with pytest.raises(NotImplementedError):
        _ = bare.kind
    with pytest.raises(NotImplementedError):
        bare.labels()
