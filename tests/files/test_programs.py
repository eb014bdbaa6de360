"""LP: what stands for a constant, a binary or a range, and what is refused."""

from __future__ import annotations

import pytest

import secateur
from secateur.errors import FileError
from secateur.files import load_bqm, read_file
from tests.files.tables import expected, table, write

__all__ = ["write"]  # a fixture

ISSUE = """Minimize
  - a + 2 Constant + [ 8 a * b ] / 2
Subject To
Bounds
 Constant = 1
Binaries
 a b
End
"""


def lp(objective, rows="", bounds="", binary="a b", more=""):
    return (
        f"min\n obj: {objective}\nsubject to\n {rows}\nbounds\n {bounds}\nbinary\n {binary}\n"
        f"{more}\nend\n"
    )


def test_the_answer_of_the_issue(write):
    path = write(ISSUE)
    file = read_file(path)
    assert dict(file.provenance["fixed"]) == {"Constant": 1.0}
    answer = secateur.solve(file.bqm)
    assert answer.energy == 1.0
    assert answer.sample == {"a": 1, "b": 0}


@pytest.mark.parametrize(
    "bounds", ["c = 1", "1 <= c <= 1", "c >= 1\n c <= 1", "1 = c", "c <= 1\n 1 <= c", "1 >= c >= 1"]
)
@pytest.mark.parametrize("kind", ["", "general\n c", "binary\n c", "int\n c"])
def test_a_fixed_variable_is_a_constant(write, bounds, kind):
    """In linear terms, in products, squared, and in rows."""
    text = lp(
        "a + 2 c + [ 2 a * c + 4 c ^ 2 + 6 b * c ] / 2", "k: a + b - c <= 0", bounds, more=kind
    )
    file = read_file(write(text))
    assert table(file, ["a", "b"]) == expected(
        lambda a, b: a + 2 + a + 2 + 3 * b, lambda a, b: a + b <= 1, 2
    )


@pytest.mark.parametrize(
    ("bounds", "value"), [("c = -2.5", -2.5), ("-3 <= c <= -3", -3.0), ("c = 1e3", 1000.0)]
)
def test_a_constant_may_be_any_number(write, bounds, value):
    file = read_file(write(lp("a + 2 c + [ 2 a * c ]/2", bounds=bounds)))
    assert table(file, ["a", "b"]) == expected(
        lambda a, b: a + 2 * value + a * value, lambda a, b: True, 2
    )


@pytest.mark.parametrize("bounds", ["0 <= c <= 1", "c <= 1", "-0.5 <= c <= 1.5", "c <= 1.9"])
@pytest.mark.parametrize("word", ["general", "Generals", "gen", "int", "Integers"])
def test_an_integer_from_0_to_1_is_binary(write, bounds, word):
    file = read_file(write(lp("a + 3 c", bounds=bounds, more=f"{word}\n c")))
    assert table(file, ["a", "b", "c"]) == expected(lambda a, b, c: a + 3 * c, lambda *_: True, 3)


@pytest.mark.parametrize("word", ["general", "semi-continuous", "sos2", "gencons", "bounds", "int"])
def test_an_empty_section_is_passed_over(write, word):
    assert load_bqm(write(lp("a + b", more=word))).num_variables == 2


@pytest.mark.parametrize(
    ("row", "demand"),
    [
        ("-1 <= a + b - c <= 0", lambda a, b, c: -1 <= a + b - c <= 0),
        ("1 <= a + b + c <= 2", lambda a, b, c: 1 <= a + b + c <= 2),
        ("2 >= a + 2 b", lambda a, b, c: a + 2 * b <= 2),
        ("2 > a + 2 b + c", lambda a, b, c: a + 2 * b + c <= 2),
        ("k: a\n + b\n - c >= 0", lambda a, b, c: a + b - c >= 0),
        ("k: 2a + 3 b => 2", lambda a, b, c: 2 * a + 3 * b >= 2),
        ("k: + -1e+00 a + - - b =< 0", lambda a, b, c: -a + b <= 0),
        ("a + b = 1\n b + c = 1", lambda a, b, c: a + b == 1 and b + c == 1),
        ("a - b = 0", lambda a, b, c: a == b),
        ("k: a + 2 b + 3 c = 3", lambda a, b, c: a + 2 * b + 3 * c == 3),
        ("k: a + [ 2 a * b - c ^ 2 ] <= 1", lambda a, b, c: a + 2 * a * b - c <= 1),
        ("k: a + b + c + a = 2", lambda a, b, c: 2 * a + b + c == 2),
        ("k: 0 a + 0 b = 0", lambda a, b, c: True),
        ("k: a + b <= 1e30", lambda a, b, c: True),
        ("k: a + b >= -inf", lambda a, b, c: True),
        ("k: a >= 1", lambda a, b, c: a >= 1),
    ],
)
def test_a_row_means_its_formula(write, row, demand):
    file = read_file(write(lp("a + 2 b + 4 c", row, binary="a b c")))
    found = table(file, ["a", "b", "c"])
    assert found == expected(lambda a, b, c: a + 2 * b + 4 * c, demand, 3)


@pytest.mark.parametrize(
    ("row", "bounds", "kind", "demand"),
    [
        ("a + b + s = 2", "s <= 1", "", lambda a, b: 1 <= a + b <= 2),
        ("a + b - 2 s = 1", "0 <= s <= 3", "", lambda a, b: a + b >= 1),
        ("a + 2 b - s <= 1", "-1 <= s <= 1", "", lambda a, b: a + 2 * b <= 2),
        ("a + b + s = 1", "s free", "", lambda a, b: True),
        ("a + b + s = 1", "0 <= s <= 5", "int\n s", lambda a, b: a + b <= 1),
    ],
)
def test_a_variable_that_only_fills_up_one_row_is_its_room(write, row, bounds, kind, demand):
    """Gurobi and CPLEX write ranges so."""
    file = read_file(write(lp("a + 2 b", row, bounds, more=kind)))
    assert table(file, ["a", "b"]) == expected(lambda a, b: a + 2 * b, demand, 2)


def test_a_row_of_one_variable_is_a_bound_of_it(write):
    """Pyomo writes constants so."""
    file = read_file(write(lp("a + 3 one", "k: 2 one = 2", "one free")))
    assert table(file, ["a", "b"]) == expected(lambda a, b: a + 3, lambda *_: True, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (lp("a + s", "k: a + b + s = 1", "s <= 1"), "'s' is not binary: it is continuous"),
        (lp("a", "k: a + s <= 1\n m: b + s <= 1", "s <= 1"), "'s' is not binary: it is continuous"),
        (lp("a", "k: a + 2 s = 1", "s <= 3", more="int\n s"), "'s' is not binary: it is integer"),
        (lp("a", "k: 0.5 a + s = 1", "s <= 3", more="int\n s"), "'s' is not binary: it is integer"),
        (lp("a + g", bounds="g <= 7", more="general\n g"), "it is integer, from 0 to 7"),
        (lp("a", more="sos1\n s: S1:: a:1 b:2"), "no 'sos1'"),
        (lp("a", more="semi-continuous\n a"), "no 'semi-continuous'"),
    ],
)
def test_what_cannot_be_taken_is_refused_by_name(write, text, said):
    with pytest.raises(FileError, match=said) as error:
        read_file(write(text))
    assert error.value.remedy


def test_a_whole_number_is_no_room_beside_what_is_not_whole(write):
    """With t from 0.3 to 0.5, no a and s make up 2; s alone as room would let every a pass."""
    text = (
        "min\n a\nst\n c: a + s + t = 2\nbounds\n 0.3 <= t <= 0.5\n s <= 3\nbin\n a\ngen\n s\nend\n"
    )
    with pytest.raises(FileError, match="'s' is not binary"):
        read_file(write(text))


def test_every_fixed_variable_is_kept_in_the_provenance(write):
    bounds = "\n".join(f" c{k} = {k}" for k in range(150))
    text = f"min\n a + {' + '.join(f'c{k}' for k in range(150))}\nbounds\n{bounds}\nbin\n a\nend\n"
    file = read_file(write(text))
    assert file.provenance["fixed"] == {f"c{k}": k for k in range(150)}
    assert file.bqm.offset == sum(range(150))


def test_a_variable_without_any_term_is_told(write, caplog):
    file = read_file(write(lp("a + b", bounds="t free")))
    assert file.bqm.num_variables == 2
    assert "t" in file.warnings[0]
    assert file.warnings[0] in caplog.text


def test_comments_are_no_data_and_not_lost(write):
    text = "\\Problem name: mine\n\\* Source: \n a + 7 z\n*\\\n" + lp("a + b \\ + 9 q")
    file = read_file(write(text))
    assert table(file, ["a", "b"]) == expected(lambda a, b: a + b, lambda *_: True, 2)
    assert file.provenance["name"] == "mine"
    assert "+ 9 q" in file.provenance["comments"]


def test_a_bracket_without_a_half_is_whole_and_told(write):
    file = read_file(write(lp("[ 2 a * b ]")))
    assert table(file, ["a", "b"])[-1] == 2.0
    assert "taken whole" in file.warnings[0]
