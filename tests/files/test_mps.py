"""MPS: what stands for a constant, a binary or a range, and what is refused."""

from __future__ import annotations

import pytest

from secateur.errors import FileError
from secateur.files import read_file
from tests.files.tables import expected, table, write

__all__ = ["write"]  # a fixture


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
