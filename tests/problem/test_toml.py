"""Constraints from files and plain data, against the same ones made in Python."""

from __future__ import annotations

import itertools
import json
import math
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import ConstraintError, FileError
from secateur.problem.budgets import budget
from secateur.problem.constraints import (
    Cardinality,
    Linear,
    Quadratic,
    among,
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
from secateur.problem.describe import describe_constraints, restore_constraints
from secateur.problem.toml import (
    KEYS,
    parse_constraints,
    read_constraints,
    to_toml,
    write_constraints,
)

FIRST = tuple(f"first:{i}" for i in range(4))
SECOND = tuple(f"second:{i}" for i in range(6))
LABELS = (*FIRST, *SECOND)


def one(text, labels=LABELS):
    (made,) = parse_constraints(f"[[constraint]]\n{text}", labels)
    return made


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('kind = "count"\nnumber = 3', count(3)),
        ('kind = "count"\nnumber = "36%"', count(4)),
        ('kind = "count"\nnumber = 0.36', count(4)),
        ('kind = "count"\nnumber = "100%"', count(10)),
        ('kind = "count"\nnumber = "0 %"', count(0)),
        ('kind = "at-most"\nnumber = 2\nof = "first:*"', at_most(2, FIRST)),
        ('kind = "at-most"\nnumber = "40%"\nof = "first:*"', at_most(1, FIRST)),
        ('kind = "at-least"\nnumber = "40%"\nof = "first:*"', at_least(2, FIRST)),
        ('kind = "exactly"\nnumber = "40%"\nof = "first:*"', exactly(2, FIRST)),
        ('kind = "at-most"\nnumber = 5\nof = "first:*"', at_most(5, FIRST)),
        ('kind = "at-most"\nnumber = 5\nof = "*"', at_most(5, LABELS)),
        ('kind = "at-least"\nnumber = 1\nof = ["second:1", "first:?"]',
         at_least(1, (*FIRST, "second:1"))),
        ('kind = "at-least"\nnumber = 1\nof = ["*:1", "first:1"]',
         at_least(1, ("first:1", "second:1"))),
        ('kind = "exactly"\nnumber = 1\nof = ["second:0"]', exactly(1, ["second:0"])),
        ('kind = "multiple-of"\nnumber = 2\nof = "first:*"', multiple_of(2, FIRST)),
        ('kind = "multiple-of"\nnumber = 4\nof = "second:*"\ncounted = "zeros"',
         multiple_of(4, SECOND, of="zeros")),
        ('kind = "tied"\nof = ["first:0", "second:0"]', tied("first:0", "second:0")),
        ('kind = "keep"\nof = "first:*"', keep(*FIRST)),
        ('kind = "remove"\nof = "second:5"', remove("second:5")),
        ('kind = "between"\nof = "second:*"\nlower = 1\nupper = 5\nstep = 2',
         Cardinality("", SECOND, 1, 5, 2)),
        ('kind = "between"\nupper = 5', Cardinality("", None, 0, 5)),
        ('kind = "linear"\ncoefficients = { "second:0" = 3.0, "first:*" = 2 }\nupper = 10',
         linear({"second:0": 3.0, **dict.fromkeys(FIRST, 2.0)}, upper=10.0)),
        ('kind = "linear"\ncoefficients = { "first:0" = -1.5 }\nlower = -1\nupper = inf',
         linear({"first:0": -1.5}, lower=-1)),
        ('kind = "quadratic"\nterms = [["first:0", "first:1", 2.0], ["first:1", "first:0", 1]]\n'
         'linear = { "second:*" = 1.0 }\noffset = 4.0\nupper = 10.0',
         quadratic(dict.fromkeys(SECOND, 1.0), {("first:0", "first:1"): 3.0}, offset=4, upper=10)),
        ('kind = "quadratic"\nterms = [["first:*", "second:*", 0.5]]\nlower = 1',
         quadratic({}, {(a, b): 0.5 for a in FIRST for b in SECOND}, lower=1)),
        ('kind = "among"\nnumbers = [4, 0, 1]\nof = "first:*"', among((0, 1, 4), FIRST)),
        ('kind = "budget"\ngroups = ["first:*", ["second:0", "second:1"]]\nlinear = [1, 2.0]\n'
         'pairs = [[1, 0, 3.0], [0, 0, 1.0]]\nfixed = 2\nwidths = [[1, [0, 2, 2]]]\nupper = 20',
         budget([FIRST, SECOND[:2]], 20, linear=(1, 2), pairs={(0, 1): 3, (0, 0): 1}, fixed=2,
                widths={1: (0, 2, 2)})),
    ],
)  # fmt: skip
def test_each_kind_is_what_the_function_makes(text, wanted):
    made = one(text + '\nname = "n"')
    assert made == type(wanted)(**{**vars(wanted), "name": "n"})
    assert one(text).name  # without a name it has one too


def test_every_kind_is_tried_above():
    text = str(test_each_kind_is_what_the_function_makes.pytestmark)
    assert all(f'kind = "{kind}"' in text for kind in KEYS)


def test_default_names_are_short_and_say_what():
    assert one('kind = "at-most"\nnumber = 2\nof = "first:*"').name == "at-most 2: first:*"
    assert one('kind = "keep"\nof = ["first:0", "first:1"]').name == "keep: first:0, first:1"


@pytest.mark.parametrize(("share", "ones"), [("50%", 2), ("50.1%", 3), ("70%", 4), ("90%", 4)])
def test_shares_are_exact_and_go_to_the_nearest_even_at_halves(share, ones):
    # of five: 2.5, 2.505, 3.5, 4.5
    assert one(f'kind = "count"\nnumber = "{share}"', range(5)).lower == ones


def test_a_share_that_floating_point_would_put_beside_the_number():
    # 0.29 * 100 is 28.999999999999996
    made = one('kind = "at-most"\nnumber = 0.29\nof = "*"', range(100))
    assert made.upper == 29
    # 0.07 * 100 is 7.000000000000001
    assert one('kind = "at-least"\nnumber = "7%"\nof = "*"', range(100)).lower == 7


def test_brackets_are_plain_and_a_label_with_a_star_is_named_by_itself():
    labels = ("x[0]", "x[1]", "x0", "a*", "ab", "a.b", "acb")
    assert one('kind = "keep"\nof = "x[0]"', labels).variables == ("x[0]",)
    assert one('kind = "keep"\nof = "x[*]"', labels).variables == ("x[0]", "x[1]")
    assert one('kind = "keep"\nof = "a*"', labels).variables == ("a*",)
    assert one('kind = "keep"\nof = "a.?"', labels).variables == ("a.b",)
    assert one('kind = "keep"\nof = "a?b"', labels).variables == ("a.b", "acb")


def test_labels_that_are_no_text_are_named_by_their_text():
    labels = (0, 1, ("layer", 3), 2.5)
    assert one('kind = "tied"\nof = [1, "0"]', labels).variables == (0, 1)
    assert one('kind = "keep"\nof = "(\'layer\', ?)"', labels).variables == (("layer", 3),)
    made = one('kind = "linear"\nupper = 1\ncoefficients = { 1 = 2.0, "2.5" = 1.0 }', labels)
    assert made.coefficients == {1: 2.0, 2.5: 1.0}


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ("number = 3", "it has no kind", "at-most"),
        ('kind = "at_most"', "there is no kind 'at_most'", "did you mean 'at-most'"),
        ("kind = 3", "there is no kind 3", "known are"),
        ('kind = "count"\nnumber = 3\nof = "*"', "'count' has no key 'of'", "known are"),
        ('kind = "at-most"\nnumbr = 3\nof = "*"', "no key 'numbr'", "did you mean 'number'"),
        ('kind = "at-most"\nof = "*"', "needs the key 'number'", "number = 8"),
        ('kind = "at-most"\nnumber = 8', "needs the key 'of'", "layers.3"),
        ('kind = "linear"\nupper = 8', "needs the key 'coefficients'", "coefficients ="),
        ('kind = "quadratic"\nupper = 8', "needs the key 'terms'", "terms ="),
        ('kind = "count"\nnumber = 3\nname = 4', "the name is 4", "name ="),
        ('kind = "count"\nnumber = 3\nname = ""', "the name is ''", "name ="),
        ('kind = "count"\nnumber = 11', "11 ones are wanted of 10", "at most 10"),
        ('kind = "exactly"\nnumber = 5\nof = "first:*"', "5 ones are wanted of 4", "at most 4"),
        ('kind = "at-least"\nnumber = 5\nof = "first:*"', "5 ones are wanted of 4", "at most 4"),
        ('kind = "count"\nnumber = -1', "-1", "lower"),
        ('kind = "count"\nnumber = 1.0', "the number is 1.0", "36%"),
        ('kind = "count"\nnumber = 0.0', "the number is 0.0", "36%"),
        ('kind = "count"\nnumber = nan', "the number is nan", "36%"),
        ('kind = "count"\nnumber = true', "the number is True", "36%"),
        ('kind = "count"\nnumber = "101%"', "the number is '101%'", "36%"),
        ('kind = "count"\nnumber = "-1%"', "the number is '-1%'", "36%"),
        ('kind = "count"\nnumber = "3"', "the number is '3'", "36%"),
        ('kind = "multiple-of"\nnumber = "3%"\nof = "*"', "the number is '3%'", "number = 8"),
        ('kind = "multiple-of"\nnumber = 0\nof = "*"', "a multiple of 0", "whole number"),
        ('kind = "multiple-of"\nnumber = 2\nof = "*"\ncounted = "two"', "'two'", "zeros"),
        ('kind = "keep"\nof = "frist:*"', "'frist:\\*' matches none of the 10", "mean 'first:"),
        ('kind = "keep"\nof = ["first:*", "third:*"]', "'third:\\*' matches none", "known"),
        ('kind = "keep"\nof = []', "empty list", "all variables"),
        ('kind = "keep"\nof = true', "True names no variable", "glob"),
        ('kind = "keep"\nof = [["first:0"]]', "names no variable", "glob"),
        ('kind = "between"\nof = "*"', "demands nothing", "lower"),
        ('kind = "between"\nof = "*"\nlower = "1"', "has the lower '1'", "whole number"),
        ('kind = "between"\nlower = 3\nupper = 2', "wants 3 to 2 ones", "lower <= upper"),
        ('kind = "linear"\ncoefficients = { "first:*" = 1.0, "first:0" = 2.0 }\nupper = 1',
         "'first:0' is named twice, by 'first:\\*' and by 'first:0'", "one coefficient"),
        ('kind = "linear"\ncoefficients = ["first:0"]\nupper = 1', "coefficients is", "2.0 }"),
        ('kind = "linear"\ncoefficients = { "first:0" = "1" }\nupper = 1', "is '1'", "a number"),
        ('kind = "linear"\ncoefficients = { "first:0" = 1 }', "no bound", "lower="),
        ('kind = "linear"\ncoefficients = { "first:0" = 1 }\nupper = true', "upper is True", "num"),
        ('kind = "linear"\ncoefficients = { "first:0" = nan }\nupper = 1', "nt nan", "fin"),
        ('kind = "quadratic"\nterms = 3\nupper = 1', "terms is 3", "terms ="),
        ('kind = "quadratic"\nterms = [["first:0", "first:1"]]\nupper = 1', "a term is", "terms ="),
        ('kind = "quadratic"\nterms = [["first:0", "first:1", "x"]]\nupper = 1', "'x'", "number"),
        ('kind = "quadratic"\nterms = [["first:0", "first:*", 1]]\nupper = 1',
         "couples 'first:0' with itself", "two different"),
        ('kind = "quadratic"\nterms = [["first:0", "nix", 1]]\nupper = 1', "'nix'", "known"),
        ('kind = "quadratic"\nterms = []\nupper = 1\noffset = "x"', "offset is 'x'", "number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_table_and_a_remedy(text, said, remedy, tmp_path):
    file = tmp_path / "demands.toml"
    file.write_text(f'[[constraint]]\nkind = "count"\nnumber = 3\n\n[[constraint]]\n{text}\n')
    with pytest.raises(ConstraintError, match=said) as caught:
        read_constraints(file, LABELS)
    assert caught.value.message.startswith(f"{file}, constraint 2")
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no constraint"),
        ("[[constraints]]\nkind = 'count'", "there is 'constraints'"),
        ("[constraint]\nkind = 'count'\nnumber = 3", "is no list of tables"),
        ("constraint = [1]", "is no list of tables"),
        ("kind = 'count'\n[[constraint]]\nkind = 'count'\nnumber = 1", "there is 'kind'"),
    ],
)
def test_tables_of_another_name_are_not_passed_over(text, said):
    with pytest.raises(ConstraintError, match=said) as caught:
        parse_constraints(text, LABELS)
    assert "[[constraint]]" in caught.value.remedy


def test_two_of_one_name_and_the_same_one_twice():
    table = '[[constraint]]\nkind = "count"\nnumber = 3\n'
    with pytest.raises(ConstraintError, match=r"constraint 2: it is called 'count', as constr.* 1"):
        parse_constraints(table + table, LABELS)
    with pytest.raises(ConstraintError, match=r"constraint 2 \('x'\): it is called 'x'"):
        parse_constraints((table + 'name = "x"\n') * 2, LABELS)


def test_labels_with_the_same_text():
    with pytest.raises(ConstraintError, match="1 and '1' have the same text"):
        one('kind = "keep"\nof = "1"', (1, "1"))
    assert one('kind = "count"\nnumber = 1', (1, "1")) == count(1)  # which names none


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[[constraint]\n", "is no TOML"),
        (b"\xff\xfe", "is no text"),
        (None, "does not exist"),
    ],
)
def test_files_that_cannot_be_read(data, said, tmp_path):
    file = tmp_path / "demands.toml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(FileError, match=said):
        read_constraints(str(file), LABELS)
    with pytest.raises(FileError, match="is a folder"):
        read_constraints(tmp_path, LABELS)


def test_a_text_that_is_no_toml():
    with pytest.raises(ConstraintError, match="are no TOML"):
        parse_constraints("demands.toml", LABELS)


def test_a_file_of_windows_with_its_mark(tmp_path):
    file = tmp_path / "demands.toml"
    file.write_bytes(b'\xef\xbb\xbf[[constraint]]\r\nkind = "count"\r\nnumber = 3\r\n')
    assert read_constraints(file, LABELS) == (count(3),)


# -- round trips -----------------------------------------------------------------------------------

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
POOL = ("a", "b*", "c[0]", 3, ("layer", 0), 'quote"\\', "ü\x7f\n", "b1")


@st.composite
def constraints(draw, pool=POOL):
    name = draw(NAMES)
    some = draw(st.lists(st.sampled_from(pool), unique=True, max_size=len(pool)))
    bounds = sorted(draw(st.tuples(NUMBERS, NUMBERS)))
    lower, upper = draw(
        st.sampled_from([(bounds[0], bounds[1]), (bounds[0], math.inf), (-math.inf, bounds[1])])
    )
    which = draw(st.integers(0, 2))
    values = {label: draw(NUMBERS) for label in some}
    if which == 0:
        least, more, step = draw(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 3)))
        variables = tuple(some) if draw(st.booleans()) and some else None
        most = draw(st.sampled_from([None, least + more]))
        return Cardinality(name, variables, least, most, step)
    if which == 1:
        return Linear(name, values, lower, upper)
    pairs = {pair: draw(NUMBERS) for pair in itertools.pairwise(some)}
    return Quadratic(name, values, pairs, draw(NUMBERS), lower, upper)


LISTS = st.lists(constraints(), max_size=4, unique_by=lambda made: made.name)


def same(first, second):
    """Equal, but for the order of a cardinality's variables and the step where it says nothing."""
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        if isinstance(one, Cardinality):
            assert one.name == other.name
            assert (one.variables is None) == (other.variables is None)
            assert set(one.labels()) == set(other.labels())
            size = len(POOL) if one.variables is None else len(one.variables)
            assert one.allowed(size).tolist() == other.allowed(size).tolist()
            assert one.kind == other.kind
        else:
            assert one == other


@settings(max_examples=60, deadline=None)
@given(LISTS)
def test_what_is_written_is_read(some):
    same(parse_constraints(to_toml(some, POOL), POOL), some)


@settings(max_examples=60, deadline=None)
@given(LISTS)
def test_what_is_described_is_restored_after_json(some):
    data = json.loads(json.dumps(describe_constraints(some), allow_nan=False))
    assert restore_constraints(data) == tuple(some)


def test_files_are_written_once(tmp_path):
    file = tmp_path / "demands.toml"
    made = (count(3), at_most(2, FIRST, name="layer"), linear({"first:0": 0.1}, upper=2, name="l"))
    write_constraints(file, made, LABELS)
    assert read_constraints(file, LABELS) == made
    assert len(tomllib.loads(file.read_text())["constraint"]) == 3
    with pytest.raises(FileError, match="exists"):
        write_constraints(file, made, LABELS)
    with pytest.raises(FileError, match="cannot be written"):
        write_constraints(tmp_path / "none" / "demands.toml", made, LABELS)


def test_labels_that_cannot_be_written():
    with pytest.raises(ConstraintError, match="is no variable of the problem"):
        to_toml([keep("z")], LABELS)
    with pytest.raises(ConstraintError, match="have the same text"):
        to_toml([keep(1)], (1, "1"))
    with pytest.raises(ConstraintError, match="no text, number or tuple"):
        describe_constraints([keep(frozenset("a"))])


@pytest.mark.parametrize(
    "data", [[{}], [{"type": "other", "name": "x", "lower": 0, "upper": 1}], [3], ["x"]]
)
def test_data_that_describe_nothing(data):
    with pytest.raises(ConstraintError, match="constraint 1 of the data"):
        restore_constraints(data)
