"""QPLIB: what a file means, and what is refused."""

from __future__ import annotations

import pytest

from secateur.errors import FileError
from secateur.files import read_file
from tests.files.tables import expected, table, write

__all__ = ["write"]  # a fixture


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
