"""Every format against files written by hand, and every way in which a file can be wrong."""

from __future__ import annotations

import itertools
import json
import re
import struct
from pathlib import Path

import dimod
import numpy as np
import pytest
from dimod.serialization import coo
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import FileError
from secateur.files import load_bqm, read_file, save_bqm
from secateur.files.content import MOST_VARIABLES
from secateur.files.formats import MARK

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "file-formats.md"
# the same energy in each: 2 - a + 3 b + 4 ab - 5 bc, over (a, b, c); symmetric files halve pairs
BIQBIN = {
    "shape": [3, 3],
    "nnz": 4,
    "row": [0, 0, 1, 1],
    "col": [0, 1, 1, 2],
    "data": [-1, 4, 3, -5],
}
HEADER = (
    b'{"shape": [3, 2], "dtype": "float64", "itype": "int32", "ntype": "int32", '
    b'"vartype": "BINARY", "type": "BinaryQuadraticModel", "variables": false}'
)
# dimod's own: the magic, the version, the header; the offset; then for each variable where its
# neighbours start, and its bias; then the neighbours of each, and their biases
BQM = (
    b"DIMODBQM\x02\x00"
    + struct.pack("<I", len(HEADER))
    + HEADER
    + struct.pack("<d", 2.0)
    + struct.pack("<ididid", 0, -1.0, 1, 3.0, 3, 0.0)
    + struct.pack("<idididid", 1, 4.0, 0, 4.0, 2, -5.0, 1, -5.0)
)
FILES = {
    "own.bqm": BQM,
    "upper.coo": f"# {MARK}\n# vartype=BINARY\n# offset=2\n0 0 -1.0\n0 1 4.0\n1 1 3\n1 2 -5.000\n",
    "upper.qubo": f"c a comment\nc {MARK}\nc offset=2\np qubo 0 3 2 2\n"
    "0 0 -1\n1 1 3\n0 1 4\n1 2 -5\n",
    "symmetric.sparse": "3 4\n1 1 -1\n1 2 2\n2 2 3\n2 3 -2.5\n",
    "symmetric.qs": "# ObjectiveOffset 2\n# Vars Non-zeros\n3 4\n1 1 -1\n1 2 2\n2 2 3\n2 3 -2.5\n",
    "upper.json": json.dumps({"name": "by hand", "qubo": BIQBIN}),
    "quadratic.lp": (
        "\\ a comment\nminimize\n obj: - a + 3 b + [ 8 a * b - 10 b * c ] / 2 + 2\n"
        "binary\n a b c\nend\n"
    ),
}
NO_OFFSET = ("symmetric.sparse", "upper.json")
LABELS = {"symmetric.sparse": [1, 2, 3], "symmetric.qs": [1, 2, 3], "quadratic.lp": ["a", "b", "c"]}


def energy(a: int, b: int, c: int) -> float:
    return 2.0 - a + 3.0 * b + 4.0 * a * b - 5.0 * b * c


@pytest.fixture
def write(tmp_path):
    def file(name: str, content: str | bytes):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


@pytest.mark.parametrize("name", FILES)
def test_each_format_gives_the_energies_of_its_definition(write, name):
    bqm = load_bqm(write(name, FILES[name]))
    assert list(bqm.variables) == LABELS.get(name, [0, 1, 2])
    missing = 2.0 if name in NO_OFFSET else 0.0
    for z in itertools.product((0, 1), repeat=3):
        found = bqm.energy(dict(zip(bqm.variables, z, strict=True)))
        assert found + missing == pytest.approx(energy(*z))


def test_the_binary_file_written_by_hand_is_dimods(write):
    with write("a.bqm", BQM).open("rb") as file:
        assert dimod.BinaryQuadraticModel.from_file(file) == load_bqm(file.name)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6))
def test_a_matrix_means_what_its_format_says(tmp_path_factory, seed, n):
    """x'Qx with a symmetric Q of which one triangle is listed; or with an upper triangle."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-9, 10, (n, n)) / 4
    triangle = np.triu(matrix)
    at = [(i, j, triangle[i, j]) for i in range(n) for j in range(i, n)]
    diagonal, pairs = [e for e in at if e[0] == e[1]], [e for e in at if e[0] != e[1]]
    both = "\n".join(f"{j + 1} {i + 1} {q}" for i, j, q in at)  # the lower triangle, as it may be
    row, col, data = ([e[k] for e in at] for k in range(3))
    texts = {
        "a.sparse": f"{n} {len(at)}\n{both}\n",
        "a.qs": f"# Vars Non-zeros\n{n} {len(at)}\n{both}\n",
        "a.coo": "".join(f"{i} {j} {q}\n" for i, j, q in at),
        "a.qubo": f"p qubo 0 {n} {n} {len(pairs)}\n"
        + "".join(f"{i} {j} {q}\n" for i, j, q in diagonal + pairs),
        "a.json": json.dumps({"qubo": {"shape": [n, n], "row": row, "col": col, "data": data}}),
    }
    folder = tmp_path_factory.mktemp("matrix")
    for name, text in texts.items():
        whole = triangle + triangle.T - np.diag(np.diag(triangle))
        meant = whole if name in ("a.sparse", "a.qs") else triangle
        (folder / name).write_text(text)
        bqm = load_bqm(folder / name)
        for z in itertools.product((0, 1), repeat=n):
            expected = float(np.array(z) @ meant @ np.array(z))
            assert bqm.energy(dict(zip(bqm.variables, z, strict=True))) == pytest.approx(expected)


@pytest.mark.parametrize("name", [n for n in FILES if not n.endswith((".bqm", ".json"))])
def test_line_ends_blank_lines_and_byte_order_marks_are_passed_over(write, name):
    plain = load_bqm(write(name, FILES[name]))
    text = "\ufeff" + FILES[name].replace("\n", "  \r\n\r\n")
    assert load_bqm(write(name, text)) == plain


def test_the_offset_of_a_maximisation_by_zimpl_is_negated(write):
    """Zimpl writes the negated entries of a maximisation, and the offset as it was."""
    text = "# maximize obj: 2 + x[1];\n# ObjectiveOffset 2\n1 1\n1 1 -1\n"
    file = read_file(write("a.qs", text))
    assert [file.bqm.energy({1: bit}) for bit in (0, 1)] == [-2.0, -3.0]
    assert "negated" in file.provenance["sense"]


@pytest.mark.parametrize(
    "says", ["# vartype=SPIN", "#vartype:SPIN", "# vartype = SPIN", "# a model, vartype=SPIN"]
)
def test_spins_become_binary(write, says):
    bqm = load_bqm(write("a.coo", f"# {MARK}\n{says}\n# offset=7\n0 1 1.0\n1 1 3\n"))
    assert bqm.vartype is dimod.BINARY
    for z in itertools.product((0, 1), repeat=2):
        s, t = (2 * x - 1 for x in z)
        assert bqm.energy(dict(enumerate(z))) == pytest.approx(s * t + 3 * t + 7)


def test_coo_adds_up_like_dimod(write):
    text = "# vartype=BINARY\n3 8 1.5\n8 3 1\n8 8 2\n8 8 -1\n"
    bqm = load_bqm(write("a.coo", text))
    assert list(bqm.variables) == [3, 8]
    assert bqm == coo.loads(text)


ENTRIES = "is not 'row column value'"
# name, content, the line that is named (0: none), what is said of it
BROKEN = {
    "an unknown suffix": ("a.xyz", "1 1", 0, "says no format"),
    "no suffix": ("a", "1 1", 0, "says no format"),
    "an empty bqm": ("a.bqm", b"", 0, "DIMODBQM"),
    "only its magic": ("a.bqm", b"DIMODBQM", 0, "ends after 8 bytes"),
    "another format": ("a.bqm", b"PK\x03\x04 something", 0, "not a .bqm file"),
    "a newer version": ("a.bqm", BQM[:8] + b"\x09" + BQM[9:], 0, "of version 9"),
    "a bqm cut off": ("a.bqm", BQM[:-1], 0, "and needs at least"),
    "a NaN": (
        "a.bqm",
        BQM.replace(struct.pack("<d", 2.0), struct.pack("<d", np.nan)),
        0,
        "NaN or infinite",
    ),
    "other couplings": ("a.bqm", BQM[:-8] + struct.pack("<d", 1.0), 0, "not symmetric"),
    "no neighbour": ("a.bqm", BQM[:-12] + struct.pack("<id", 7, -5.0), 0, "is no variable"),
    "an empty coo": ("a.coo", "", 0, "no entries"),
    "two words": ("a.coo", "0 0 1\n\n0 1\n", 3, f"'0 1' {ENTRIES}"),
    "four words": ("a.coo", "0 0 1 2\n", 1, ENTRIES),
    "no number": ("a.coo", "0 0 one\n", 1, "'one' is not a number"),
    "Python's number": ("a.coo", "0 0 1_0\n", 1, "'1_0' is not a number"),
    "no whole index": ("a.coo", "0 0.5 1\n", 1, ENTRIES),
    "an index beyond C": ("a.coo", f"{10**20} 0 1\n", 1, ENTRIES),
    "a negative index": ("a.coo", "0 0 1\n-1 0 1\n", 2, "the variable -1 is negative"),
    "no vartype": ("a.coo", "# vartype=INTEGER\n0 0 1\n", 1, "the vartype is 'INTEGER'"),
    "no offset": ("a.coo", f"# {MARK}\n# offset=much\n0 0 1\n", 2, "'much' is not a number"),
    "an infinite offset": ("a.coo", f"# {MARK}\n# offset=inf\n0 0 1\n", 2, "'inf' is not finite"),
    "too few labels": ("a.coo", f'# {MARK}\n# variables=["a"]\n0 1 1\n', 3, "there are 1 labels"),
    "a label twice": ("a.coo", f'# {MARK}\n# variables=["a", "a"]\n0 1 1\n', 2, "or repeated"),
    "labels that are no list": (
        "a.coo",
        f'# {MARK}\n# variables={{"a": 1}}\n0 0 1\n',
        2,
        "not a JSON list",
    ),
    "a label that is NaN": ("a.coo", f"# {MARK}\n# variables=[NaN]\n0 0 1\n", 2, "or not plain"),
    "an enormous label": ("a.coo", f"# {MARK}\n# variables=[{10**30}]\n0 0 1\n", 2, "or not plain"),
    "labels without an end": (
        "a.coo",
        f"# {MARK}\n# variables={'[' * 9999}\n",
        2,
        "not a JSON list",
    ),
    "an infinite sum": ("a.coo", "0 1 1e308\n0 1 1e308\n", 0, "NaN or infinite"),
    "no text": ("a.coo", b"0 0 1\xff\n", 0, "is no text (byte 5)"),
    "an empty qubo": ("a.qubo", "", 0, "no line 'p qubo"),
    "infinite": ("a.qubo", "p qubo 0 1 1 0\n0 0 1e999\n", 2, "'1e999' is not finite"),
    "an index too large": ("a.qubo", "p qubo 0 2 1 0\n5 5 1\n", 2, "5 5 is outside of 0 to 1"),
    "another header": ("a.qubo", "p cnf 3 2\n", 1, "not 'p qubo topology"),
    "a second header": ("a.qubo", "p qubo 0 2 0 0\np qubo 0 1 0 0\n", 2, "a second line 'p qubo"),
    "an early entry": ("a.qubo", "c a comment\n0 0 1\n", 2, "an entry before the line 'p qubo"),
    "too many entries": ("a.qubo", "p qubo 0 2 1 0\n0 0 1\n0 1 1\n", 0, "has 1 and 1"),
    "other labels": ("a.qubo", f'c {MARK}\nc variables=["a"]\np qubo 0 2 0 0\n', 0, "has 1 labels"),
    "an empty sparse": ("a.sparse", "", 0, "no line 'variables entries'"),
    "not a number": ("a.sparse", "1 1\n1 1 nan\n", 2, "'nan' is not finite"),
    "index zero": ("a.sparse", "2 1\n0 1 1\n", 2, "0 1 is outside of 1 to 2"),
    "too few entries": ("a.sparse", "2 3\n1 1 1\n", 0, "says 3 entries, and it has 1"),
    "a pair twice": ("a.sparse", "2 3\n1 2 1\n1 1 1\n2 1 1\n", 4, "the pair 2 1 is listed twice"),
    "an enormous header": ("a.sparse", "9999999999999 0\n", 1, "is not a count"),
    "a header beyond memory": ("a.sparse", "999999999999 0\n", 1, f"at most {MOST_VARIABLES} are"),
    "a negative header": ("a.sparse", "-3 0\n", 1, "'-3' is not a count"),
    "a header of three": ("a.sparse", "3 3 3\n", 1, "not 'variables entries'"),
    "a doubled overflow": ("a.qs", "2 1\n1 2 1e308\n", 0, "NaN or infinite"),
    "an empty qs": ("a.qs", "# Vars Non-zeros\n", 0, "no line 'variables entries'"),
    "an empty json": ("a.json", "", 0, "not a QUBO of BiqBin"),
    "a json cut off": ("a.json", FILES["upper.json"][:-9], 0, "not a QUBO of BiqBin"),
    "no object": ("a.json", "[1, 2]", 0, "not a QUBO of BiqBin"),
    "a json without an end": ("a.json", "[" * 99999, 0, "RecursionError"),
    "no qubo": ("a.json", "{}", 0, "KeyError: 'qubo'"),
    "pairs": ("a.json", '{"0,1": 2}', 0, "is JSON, and neither BiqBin's nor bqpjson"),
    "half of bqpjson": ("a.json", '{"linear_terms": []}', 0, "is not bqpjson: KeyError"),
    "a proof": ("a.json", '{"about": "secateur certificate"}', 0, "is a proof, and no problem"),
}
# what replaces a part of the BiqBin file, and what is said
BROKEN_JSON = [
    ({"shape": [3, 4]}, "3 by 4"),
    ({"shape": [3]}, "ValueError"),
    ({"shape": [True, True]}, "True by True"),
    ({"shape": [10**9, 10**9]}, "1000000000 by 1000000000"),
    ({"row": [0, 0, 1]}, "ValueError"),
    ({"nnz": 5}, "says 5 entries, and has 4"),
    ({"row": [0, 0, 1, 1.5]}, "1.5 2 -5 is not an entry"),
    ({"col": [0, 1, 1, "2"]}, "1 '2' -5 is not an entry"),
    ({"col": [0, 1, 1, 10**30]}, "is not an entry"),
    ({"col": [0, 1, 1, 3]}, "1 3 is outside of 0 to 2"),
    ({"col": [0, 1, 1, -1]}, "1 -1 is outside of 0 to 2"),
    ({"col": [0, 1, 1, 1]}, "the pair 1 1 is listed twice"),
    ({"data": [-1, 4, 3, float("nan")]}, "1 2 nan is not an entry"),
    ({"data": [-1, 4, 3, None]}, "1 2 None is not an entry"),
]


def refused(path, line: int, said: str) -> None:
    """One FileError that names the file, the line and what to do."""
    with pytest.raises(FileError) as error:
        read_file(path)
    assert said in error.value.message
    assert error.value.remedy
    assert error.value.message.startswith(f"{path}, line {line}: " if line else str(path))
    assert line or ", line " not in error.value.message


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_clear_error(write, case):
    name, content, line, said = BROKEN[case]
    refused(write(name, content), line, said)


@pytest.mark.parametrize(("change", "said"), BROKEN_JSON)
def test_a_broken_json_file_is_one_clear_error(write, change, said):
    refused(write("a.json", json.dumps({"qubo": BIQBIN | change})), 0, said)


@pytest.mark.parametrize("suffix", ["bqm", "coo", "qubo", "sparse", "qs", "json", "lp"])
def test_a_missing_file_and_a_folder_are_no_files(tmp_path, suffix):
    refused(tmp_path / f"a.{suffix}", 0, "does not exist")
    (tmp_path / f"a.{suffix}").mkdir()
    refused(tmp_path / f"a.{suffix}", 0, "is a folder")


@pytest.mark.parametrize("name", [n for n in FILES if not n.endswith((".coo", ".bqm"))])
def test_what_is_cut_off_is_told(write, name):
    """At any line end; COO has no way to tell."""
    text = FILES[name]
    parts = text.splitlines(keepends=True)
    for end in range(len(parts)):
        with pytest.raises(FileError):
            read_file(write(name, "".join(parts[:end])))


def examples():
    """The files of the reference page, by suffix."""
    block = r"^## `(\.\w+)`\n\n(?:<!-- [^\n]+ -->\n)?```\w+\n(.+?)```"
    return dict(re.findall(block, PAGE.read_text(), re.M | re.S))


@pytest.mark.parametrize("suffix", [".coo", ".qubo", ".sparse", ".qs", ".json", ".lp"])
def test_the_examples_of_the_reference_are_what_it_says(write, suffix):
    file = read_file(write(f"a{suffix}", examples()[suffix]))
    labels = {".sparse": [1, 2, 3], ".qs": [1, 2, 3], ".json": [0, 1, 2]}
    assert list(file.bqm.variables) == labels.get(suffix, ["a", "b", "c"])
    assert file.ones == (2 if suffix == ".lp" else None)
    for z in itertools.product((0, 1), repeat=3):
        found = file.bqm.energy(dict(zip(file.bqm.variables, z, strict=True)))
        assert found - energy(*z) == pytest.approx(-2.0 if suffix in (".sparse", ".json") else 0.0)


def test_the_sidecar_of_the_reference_is_what_is_written(tmp_path, write):
    bqm = load_bqm(write("a.coo", examples()[".coo"]))
    save_bqm(bqm, tmp_path / "abc.coo", {"made": "by hand"})
    assert f"```json\n{(tmp_path / 'abc.coo.json').read_text()}```" in PAGE.read_text()
