"""LP, MPS and QPLIB: what stands for a constant, a binary or a range, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import secateur
from secateur.errors import FileError
from secateur.files import load_bqm, read_file
from secateur.problem import Problem

ISSUE = """Minimize
  - a + 2 Constant + [ 8 a * b ] / 2
Subject To
Bounds
 Constant = 1
Binaries
 a b
End
"""


@pytest.fixture
def write(tmp_path):
    def file(text: str, name: str = "a.lp"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return file


def table(file, names):
    """Energy, or None where a constraint is broken, of all points of the names in order."""
    problem = Problem(file.bqm, file.constraints)
    assert set(problem.variables) == set(names)
    place = [names.index(v) for v in problem.variables]
    points = np.array(list(itertools.product((0, 1), repeat=len(names))))[:, place]
    return [
        float(e) if good else None
        for e, good in zip(problem.energies(points), problem.feasible(points), strict=True)
    ]


def expected(formula, demand, n):
    points = itertools.product((0, 1), repeat=n)
    return [float(formula(*z)) if demand(*z) else None for z in points]


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


MPS = """NAME          test
OBJSENSE
    {sense}
ROWS
 N  cost
 E  pick
 L  most
 G  least
 N  other
COLUMNS
    M1        'MARKER'                 'INTORG'
    x         cost              -1.5   pick               1.0
    x         most               1.0
    y         cost               3.0   pick               1.0
    y         most               2.0   least              1.0
    z         pick               1.0   other              4.0
    M2        'MARKER'                 'INTEND'
    c         cost               2.0
RHS
    RHS       cost              -7.0   pick               2.0
    RHS       most               2.0   least              1.0
RANGES
    RNG       most               3.0
BOUNDS
 BV BND       x
 UP BND       y                  1.0
 UI BND       z                  1.0
 FX BND       c                  1.0
{more}ENDATA
"""


def mps(more="", sense="MIN"):
    return MPS.format(more=more, sense=sense)


QUADRATIC = {
    "QUADOBJ\n x x 2\n x y 4\n y z -5\n": 1,
    "QSECTION cost\n x x 2\n y x 4\n z y -5\n": 1,
    "QMATRIX\n x x 2\n x y 4\n y x 4\n y z -5\n z y -5\n": 1,
    "": 0,
}


@pytest.mark.parametrize("more", QUADRATIC)
@pytest.mark.parametrize(("sense", "sign"), [("MIN", 1), ("MAX", -1), ("MAXIMIZE", -1)])
def test_an_mps_file_means_its_formula(write, more, sense, sign):
    file = read_file(write(mps(more, sense), "a.mps"))
    has = QUADRATIC[more]
    assert table(file, ["x", "y", "z"]) == expected(
        lambda x, y, z: sign * (-1.5 * x + 3 * y + 9 + has * (x + 4 * x * y - 5 * y * z)),
        lambda x, y, z: x + y + z == 2 and -1 <= x + 2 * y <= 2 and y >= 1,
        3,
    )
    assert file.provenance["name"] == "test"
    assert file.maximised == (sign < 0)
    assert any("other" in warning for warning in file.warnings)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (" BV BND       x\n", " SC BND x 4\n", "'x' is not binary: it is semi-continuous"),
        (" FX BND       c                  1.0\n", "", "'c' is not binary: it is continuous"),
        (" UP BND       y                  1.0\n", " LI BND y -1\n", "from 1 to inf"),
        ("ENDATA\n", "", "truncated or corrupt: it has no line ENDATA"),
        ("ENDATA\n", "ENDATA\nx\n", "behind ENDATA"),
        ("RANGES\n", "SOS1\n", "a QUBO has no SOS1"),
        ("RANGES\n", "INDICATORS\n", "a QUBO has no INDICATORS"),
        ("RANGES\n", "WHATEVER\n", "is no section"),
        ("RHS       most", "RHS       many", "there is no row 'many'"),
        ("FX BND       c", "FX BND       q", "there is no column 'q'"),
        ("    z         pick               1.0", "    z z  pick  1.0", "a name with blanks"),
        ("ENDATA", "QUADOBJ\n x y 4\n y x 4\nENDATA", "'x' is listed twice"),
        ("ENDATA", "QMATRIX\n x y 4\nENDATA", "QMATRIX is not symmetric at 'x', 'y'"),
        ("ENDATA", "QSECTION pick\n x y 4\nENDATA", "a row that is not the objective"),
        (" L  most", " L  pick", "a second row is called 'pick'"),
        ("    MIN", "    BEST", "'BEST' is no sense"),
        ("-1.5", "1e999", "'1e999' is not finite"),
        ("OBJSENSE\n    MIN", "OBJSENSEMAX", "a QUBO has no OBJSENSEMAX"),
        ("OBJSENSE", "OBJNAME\n gain\nOBJSENSE", "OBJNAME is 'gain', and no row"),
        ("OBJSENSE", "OBJNAME pick\nOBJSENSE", "OBJNAME is 'pick', and no row"),
        ("RANGES\n", " R2 least 0\nRANGES\n", "RHS has a second set, 'R2'"),
        ("RANGES\n", " RHS least 0\nRANGES\n", "RHS of least is given twice"),
        ("BOUNDS\n", " RNG most 2\nBOUNDS\n", "RANGES of most is given twice"),
        ("BOUNDS\n", " R2 least 2\nBOUNDS\n", "RANGES has a second set, 'R2'"),
        ("ENDATA", " FX B2 x 1\nENDATA", "BOUNDS has a second set, 'B2'"),
        ("    M2 ", "    z pick 1\n    M2 ", "the term of z in pick is given twice"),
        ("INTORG", "SOSORG", "a QUBO has no 'SOSORG'"),
        ("BOUNDS\n", "RHS\n RHS most 1\nBOUNDS\n", "RHS behind RANGES"),
        (
            "    RHS       most               2.0",
            "RHS most 2.0",
            "a line of data begins with blanks",
        ),
        (
            "ENDATA",
            "QUADOBJ\n x y 4\nQMATRIX\n x x 1\nENDATA",
            "quadratic objective is given twice",
        ),
    ],
)
def test_a_wrong_mps_file_is_one_clear_error(write, old, new, said):
    text = mps()
    assert old in text
    with pytest.raises(FileError) as error:
        read_file(write(text.replace(old, new, 1), "a.mps"))
    assert said in error.value.message
    assert error.value.remedy


def test_integers_without_bounds_are_bits_and_told(write):
    file = read_file(write(mps().replace(" UI BND       z                  1.0\n", ""), "a.mps"))
    assert file.bqm.num_variables == 3
    assert any("without bounds" in warning and "z" in warning for warning in file.warnings)


def test_the_objective_may_be_named(write):
    for line in ("OBJNAME other\n", "OBJNAME\n    other\n"):
        file = read_file(write(mps().replace("OBJSENSE\n", line + "OBJSENSE\n"), "a.mps"))
        assert dict(file.bqm.linear) == {"x": 0.0, "y": 0.0, "z": 4.0}


QPLIB = """MINE
{kind}
{sense}
3 # number of variables
{rows}3 # quadratic terms of the objective
1 1 2.0
2 1 4.0
3 2 -5.0
0.5 # default of the linear terms
2 # others
1 -1.5
2 3.0
7.0 # constant
{sides}0.0 # primal
0
{dual}0.0 # dual of bounds
0
1 # names
3 third
{names}"""
PLAIN = {"kind": "QBN", "rows": "", "sides": "1.0E+30 # infinity\n", "dual": "", "names": ""}
LINEAR = {
    "kind": "QBL",
    "rows": "2 # rows\n",
    "sides": "4\n1 1 1\n1 2 1\n1 3 1\n2 1 2\n1e20\n-1e20\n1\n1 1\n2 # upper\n1\n2 1e20\n",
    "dual": "0\n0\n",
    "names": "1\n1 pick\n",
}


@pytest.mark.parametrize("parts", [PLAIN, PLAIN | {"kind": "QBB"}, LINEAR])
@pytest.mark.parametrize(("sense", "sign"), [("minimize", 1), ("maximize", -1)])
def test_a_qplib_file_means_its_formula(write, parts, sense, sign):
    """The objective is half of x'Qx, of which one triangle is listed."""
    file = read_file(write(QPLIB.format(sense=sense, **parts), "a.qplib"))
    assert table(file, ["x1", "x2", "third"]) == expected(
        lambda x, y, z: sign * (x + 4 * x * y - 5 * y * z - 1.5 * x + 3 * y + 0.5 * z + 7),
        lambda x, y, z: parts is not LINEAR or 1 <= x + y + z <= 2,
        3,
    )
    assert file.provenance["name"] == "MINE"
    assert [c.name for c in file.constraints] == (["pick"] if parts is LINEAR else [])


def test_a_name_of_qplib_may_have_a_hash_in_it(write):
    text = QPLIB.format(sense="minimize", **PLAIN).replace("3 third", "3 b#12 # a remark")
    assert list(read_file(write(text, "a.qplib")).bqm.variables) == ["x1", "x2", "b#12"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("QBN", "QCN", "the variables of a QCN are not all binary"),
        ("QBN", "QMN", "the variables of a QMN are not all binary"),
        ("QBN", "XYZ", "is no type of QPLIB"),
        ("minimize", "whatever", "is not minimize or maximize"),
        ("2 1 4.0", "4 1 4.0", "is outside of 1 to"),
        ("2 1 4.0", "1 1 4.0", "the pair 1 1 is listed twice"),
        ("3 third", "3 x1", "two variables have one name"),
        ("3 third\n", "", "ends before its last number"),
        ("3 third\n", "3 third\n3 4\n", "behind the last number"),
    ],
)
def test_a_wrong_qplib_file_is_one_clear_error(write, old, new, said):
    text = QPLIB.format(sense="minimize", **PLAIN)
    assert old in text
    with pytest.raises(FileError) as error:
        read_file(write(text.replace(old, new, 1), "a.qplib"))
    assert said in error.value.message
    assert error.value.remedy
