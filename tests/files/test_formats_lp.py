"""LP files: what is read of them, and that nothing else is passed over in silence."""

from __future__ import annotations

import itertools

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import FileError
from secateur.files import load_bqm, read_file


@pytest.fixture
def write(tmp_path):
    def file(text: str):
        path = tmp_path / "a.lp"
        path.write_text(text)
        return path

    return file


def lp(objective="a + 2 b + 3 c", rows="", bounds="", sense="minimize", binary="a b c", more=""):
    """An LP file of parts; the objective is in line 2, the first row in line 4."""
    rows = f"subject to\n {rows}\n" if rows else ""
    bounds = f"bounds\n {bounds}\n" if bounds else ""
    return f"{sense}\n obj: {objective}\n{rows}{bounds}binary\n {binary}\n{more}end\n"


@pytest.mark.parametrize(
    ("objective", "formula"),
    [
        ("a + 2 b - 3.5 c", lambda a, b, c: a + 2 * b - 3.5 * c),
        ("- a + 2b + 1e1 c", lambda a, b, c: -a + 2 * b + 10 * c),
        ("a - - b + - c", lambda a, b, c: a + b - c),
        ("a + a + 4 + 0 c - 1.5", lambda a, b, c: 2 * a + 2.5),
        ("[ 4 a * b ] / 2", lambda a, b, c: 2 * a * b),
        ("[ a ^ 2 - 3 b^2 ] /2", lambda a, b, c: 0.5 * a - 1.5 * b),
        ("c + [ a * b + 2 b * a + a*a ] / 2.0 + b", lambda a, b, c: c + b + 1.5 * a * b + 0.5 * a),
        ("[ a * b ] / 2 - [ 2 b * c ] / 2", lambda a, b, c: 0.5 * a * b - b * c),
        ("a\n + 2 b \\ a comment - c\n\n - c", lambda a, b, c: a + 2 * b - c),
        ("", lambda a, b, c: 0),
    ],
)
@pytest.mark.parametrize(("sense", "sign"), [("Minimize", 1), ("MAXIMIZE", -1), ("maximise", -1)])
def test_an_objective_means_its_formula(write, objective, formula, sense, sign):
    file = read_file(write(lp(objective, sense=sense)))
    assert set(file.bqm.variables) == {"a", "b", "c"}
    assert file.ones is None
    assert ("sense" in file.provenance) == (sign < 0)
    for z in itertools.product((0, 1), repeat=3):
        found = file.bqm.energy(dict(zip("abc", z, strict=True)))
        assert found == pytest.approx(sign * formula(*z))


def test_names_that_look_like_words_of_the_format_are_names(write):
    """dimod's reader takes info for infinity times o."""
    names = ["info", "nano", "genes", "semi1", "endless", "x[1,2]", "min_a", "y.1", "e", "b#1"]
    text = lp(" + ".join(f"{k} {v}" for k, v in enumerate(names, 1)), binary="\n ".join(names))
    bqm = load_bqm(write(text))
    assert dict(bqm.linear) == {v: k for k, v in enumerate(names, 1)}


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6), n=st.integers(1, 6), ones=st.one_of(st.none(), st.integers(0, 6))
)
def test_what_dimod_writes_is_read(tmp_path_factory, seed, n, ones):
    rng = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel(np.triu(rng.normal(size=(n, n))), "BINARY")
    bqm.offset = float(rng.normal())
    bqm.relabel_variables({k: f"v{k}" for k in range(n)})
    model = dimod.ConstrainedQuadraticModel.from_bqm(bqm)
    if ones is not None and ones <= n:
        model.add_constraint([(v, 1) for v in bqm.variables], "==", rhs=ones, label="count")
    path = tmp_path_factory.mktemp("lp") / "a.lp"
    path.write_text(dimod.lp.dumps(model))
    file = read_file(path)
    assert file.ones == (ones if ones is not None and ones <= n else None)
    bits = rng.integers(0, 2, (20, n))
    labels = list(bqm.variables)
    np.testing.assert_allclose(file.bqm.energies((bits, labels)), bqm.energies((bits, labels)))


@pytest.mark.parametrize(
    ("row", "ones"),
    [
        ("k: a + b + c = 2", 2),
        ("a + b\n + c = 3", 3),
        ("k: 2 a + 2 b + 2 c = 4", 2),
        ("k: - a - b - c = -1", 1),
        ("k: a + b + c - 1 = 0", 1),
        ("k: a + b + c = 0", 0),
    ],
)
def test_a_count_is_read(write, row, ones):
    path = write(lp(rows=row))
    assert read_file(path).ones == ones
    with pytest.raises(FileError, match=f"a count of {ones}"):
        load_bqm(path)


def test_variables_of_the_count_and_of_the_list_alone_belong_to_the_problem(write):
    file = read_file(write(lp("a", rows="a + b + c + d = 1", binary="d a b c")))
    assert file.ones == 1
    assert set(file.bqm.variables) == set("abcd")
    assert load_bqm(write(lp("a", binary="a b"))).num_variables == 2


@pytest.mark.parametrize("bound", ["0 <= a <= 1", "a <= 1", "a >= 0", "0 <= a", "a < 1.0"])
def test_bounds_that_every_bit_keeps_are_allowed(write, bound):
    assert load_bqm(write(lp(bounds=bound))).num_variables == 3


# the file, the line that is named (0: none), what is said of it
BROKEN = {
    "empty": ("", 0, "no line 'minimize' or 'maximize'"),
    "not LP": ("2 2\n1 1 3\n", 1, "before 'minimize' or 'maximize'"),
    "lp_solve's": ("max: 3 x + 2 y;\n", 1, "before 'minimize' or 'maximize'"),
    "no objective": ("binary\n a\nend\n", 1, "'binary' before the objective"),
    "two objectives": ("min\n a\nmax\n b\nbinary\n a b\nend\n", 3, "a second objective"),
    "cut off": (lp()[:-5], 0, "truncated: it has no line 'end'"),
    "more behind": (lp() + "a\n", 6, "'a' behind the line 'end'"),
    "two files": (lp() + lp(), 6, "'minimize' behind the line 'end'"),
    "no variables": ("min\n obj:\nend\n", 0, "no variables"),
    "no sign": (lp("a b"), 2, "'b' where '+' or '-' is wanted"),
    "an infinite bias": (lp("a + 1e999 b"), 2, "'1e999' is not finite"),
    "the word inf": (lp("a + inf b"), 2, "'b' where '+' or '-' is wanted"),
    "an infinite offset": (lp("a + inf"), 2, "the variable 'inf' is not binary"),
    "an infinite sum": (lp("1e308 a + 1e308 a"), 0, "NaN or infinite"),
    "a bare product": (lp("a * b"), 2, "'*' where '+' or '-' is wanted"),
    "a bare square": (lp("a ^ 2"), 2, "'^' where"),
    "a third": (lp("[ a * b ] / 3"), 2, "'3' where '/ 2' behind the bracket is wanted"),
    "an open bracket": (lp("[ a * b"), 2, "the section ends where"),
    "a cube": (lp("[ a ^ 3 ] / 2"), 2, "'3' where '*' or '^ 2' is wanted"),
    "a product of three": (lp("[ a * b * c ] / 2"), 2, "'*' where '+' or '-' is wanted"),
    "linear in brackets": (lp("[ a ] / 2"), 2, "']' where '*' or '^ 2' is wanted"),
    "an objective that compares": (lp("a <= 3"), 2, "'<=' where '+' or '-' is wanted"),
    "a lone point": (lp("a + . b"), 2, "is not understood"),
    "real": (lp("a\n + x"), 3, "the variable 'x' is not binary"),
    "integer": (lp("a + x", more="general\n x\n"), 2, "it is integer, from 0 to inf"),
    "int": (lp("a + x", bounds="x <= 3", more="int\n x\n"), 2, "it is integer, from 0 to 3"),
    "semi-continuous": (lp(more="semi-continuous\n a\n"), 5, "no 'semi-continuous'"),
    "ordered sets": (lp(more="SOS2\n s: S2:: a:1 b:2\n"), 5, "a QUBO has no 'SOS2'"),
    "general constraints": (
        lp(more="general constraints\n g: r = MAX ( a , b )\n"),
        5,
        "no 'general constraints'",
    ),
    "lazy constraints": (lp(more="lazy constraints\n l: a + b <= 1\n"), 5, "no 'lazy constraints'"),
    "a number as a variable": (lp(binary="a b c 3"), 4, "'3' is not the name of a variable"),
    "nothing between": (lp("a + x", bounds="x <= -1"), 2, "can be nothing, from 0 to -1"),
    "fixed beyond": (lp(bounds="a = 2"), 2, "can be nothing, from 2 to 1"),
    "a loose bound": (lp(bounds="a"), 4, "the section ends where 'free', '<=', '=' or '>='"),
    "half a one": (lp(rows="k: a + b + c = 0.5"), 4, "the row 'k' wants 0.5 ones"),
    "too many": (lp(rows="k: a + b + c = 5"), 4, "wants 5 to 5, and its sum is 0 to 3"),
    "less than none": (lp(rows="k: a + b + c = -1"), 4, "wants -1 to -1, and its sum is 0 to 3"),
    "a wrong constant": (lp(rows="k: 0 a + 0 b = 1"), 4, "wants 1 to 1, and its sum is 0 to 0"),
    "crossed": (lp(rows="k: 2 <= a + b + c <= 1"), 4, "the row 'k' wants 2 to 1"),
    "one name": (lp(rows="k: a <= 1\n k: b + c = 1"), 5, "a second row is called 'k'"),
    "no right side": (lp(rows="k: a + b + c ="), 4, "the section ends where a number is wanted"),
    "no comparison": (lp(rows="k: a + b + c"), 4, "the section ends where '=' is wanted"),
    "an indicator": (lp(rows="k: a = 1 -> b + c = 1"), 4, "'>' where"),
    "NaN": (lp(rows="k: a + b + c = nan"), 4, "'nan' where a number is wanted"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_not_understood_is_one_clear_error(write, case):
    text, line, said = BROKEN[case]
    path = write(text)
    with pytest.raises(FileError) as error:
        read_file(path)
    assert said in error.value.message
    assert error.value.remedy
    assert error.value.message.startswith(f"{path}, line {line}: " if line else str(path))
    assert line or ", line " not in error.value.message
