"""Every file format against files written by hand, and every way in which a file can be wrong."""

from __future__ import annotations

import itertools
import json

import dimod
import numpy as np
import pytest
from dimod.serialization import coo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secateur.errors import FileError
from secateur.qubo.files import load_bqm, read_file, save_bqm

# the same energy in each: 2 - a + 3 b + 4 ab - 5 bc, over (a, b, c); symmetric files halve pairs
LINEAR, PAIRS = (-1.0, 3.0, 0.0), {(0, 1): 4.0, (1, 2): -5.0}
FILES = {
    "upper.coo": "# vartype=BINARY\n0 0 -1.0\n0 1 4.0\n1 1 3\n1 2 -5.000\n",
    "upper.qubo": "c a comment\np qubo 0 3 2 2\n0 0 -1\n1 1 3\n0 1 4\n1 2 -5\n",
    "symmetric.sparse": "3 4\n1 1 -1\n1 2 2\n2 2 3\n2 3 -2.5\n",
    "symmetric.qs": "# a comment\n3 4\n1 1 -1\n1 2 2\n2 2 3\n2 3 -2.5\n",
    "upper.json": json.dumps(
        {
            "qubo": {
                "shape": [3, 3],
                "nnz": 4,
                "row": [0, 0, 1, 1],
                "col": [0, 1, 1, 2],
                "data": [-1, 4, 3, -5],
            }
        }
    ),
    "quadratic.lp": (
        "\\ a comment\nminimize\n obj: - a + 3 b + [ 8 a * b - 10 b * c ] / 2\n"
        "binary\n a b c\nend\n"
    ),
}


def energy(z) -> float:
    linear = sum(h * x for h, x in zip(LINEAR, z, strict=True))
    return linear + sum(q * z[i] * z[j] for (i, j), q in PAIRS.items())


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
    order = sorted(bqm.variables)
    assert len(order) == 3
    for z in itertools.product((0, 1), repeat=3):
        assert bqm.energy(dict(zip(order, z, strict=True))) == pytest.approx(energy(z))


def test_offsets_are_kept(write):
    coo = load_bqm(write("a.coo", "# offset=2.5\n0 0 1\n"))
    qubo = load_bqm(write("a.qubo", "c offset=2.5\np qubo 0 1 1 0\n0 0 1\n"))
    qs = load_bqm(write("a.qs", "# ObjectiveOffset 2.5\n1 1\n1 1 1\n"))
    assert [one.offset for one in (coo, qubo, qs)] == [2.5, 2.5, 2.5]


def test_spins_become_binary(write):
    bqm = load_bqm(write("a.coo", "# vartype=SPIN\n0 1 1.0\n"))
    assert bqm.vartype is dimod.BINARY
    for z in itertools.product((0, 1), repeat=2):
        s = [2 * x - 1 for x in z]
        assert bqm.energy(dict(enumerate(z))) == pytest.approx(s[0] * s[1])


LP = "{sense}\n obj: a + 2 b + 3 c\nsubject to\n {row}\nbinary\n a b c\nend\n"


@pytest.mark.parametrize(
    ("row", "ones"),
    [("k: a + b + c = 2", 2), ("k: 2 a + 2 b + 2 c = 4", 2), ("k: a + b + c = 0", 0)],
)
def test_a_count_in_an_lp_file_is_read(write, row, ones):
    path = write("a.lp", LP.format(sense="minimize", row=row))
    assert read_file(path).ones == ones
    with pytest.raises(FileError, match=f"a count of {ones}"):
        load_bqm(path)


def test_a_maximisation_is_negated_and_said(write):
    file = read_file(write("a.lp", LP.format(sense="maximize", row="k: a + b + c = 1")))
    assert file.bqm.energy({"a": 0, "b": 0, "c": 1}) == -3
    assert "negated" in file.provenance["sense"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("k: a + b = 1", "not a count over all"),
        ("k: a + b + c <= 2", "not a count over all"),
        ("k: a + 2 b + c = 2", "not a count over all"),
        ("k: a + b + c = 5", "wants 5 ones of 3"),
        ("k: a + b + c = 1\n m: a + b = 1", "2 constraints"),
    ],
)
def test_a_constraint_that_is_no_count_is_refused(write, row, said):
    with pytest.raises(FileError, match=said):
        read_file(write("a.lp", LP.format(sense="minimize", row=row)))


def test_variables_that_are_not_binary_are_refused(write):
    with pytest.raises(FileError, match="not binary"):
        read_file(write("a.lp", "minimize\n obj: a + b\nbinary\n a\nend\n"))


BROKEN = {
    "no such file": ("missing.bqm", None, "does not exist"),
    "an unknown suffix": ("a.xyz", "1 1", "says no format"),
    "an empty coo": ("a.coo", "", "no entries"),
    "an empty qubo": ("a.qubo", "", "no line 'p qubo"),
    "an empty sparse": ("a.sparse", "", "no line 'variables entries'"),
    "an empty bqm": ("a.bqm", b"", "DIMODBQM"),
    "an empty lp": ("a.lp", "", "minimize"),
    "an empty json": ("a.json", "", "not a QUBO of BiqBin"),
    "two words": ("a.coo", "0 0 1\n0 1\n", "line 2: '0 1'"),
    "no number": ("a.coo", "0 0 one\n", "line 1: 'one' is not a number"),
    "not a number": ("a.sparse", "1 1\n1 1 nan\n", "line 2: 'nan' is not finite"),
    "infinite": ("a.qubo", "p qubo 0 1 1 0\n0 0 1e999\n", "line 2: '1e999' is not finite"),
    "a negative index": ("a.coo", "-1 0 1\n", "-1 is negative"),
    "index zero": ("a.sparse", "2 1\n0 1 1\n", "0 1 is outside of 1 to 2"),
    "an index too large": ("a.qubo", "p qubo 0 2 1 0\n5 5 1\n", "5 5 is outside of 0 to 1"),
    "too few entries": ("a.sparse", "2 3\n1 1 1\n", "says 3 entries, and it has 1"),
    "too many entries": ("a.qubo", "p qubo 0 2 1 0\n0 0 1\n0 1 1\n", "says 1 diagonal"),
    "a pair twice": ("a.sparse", "2 2\n1 2 1\n2 1 1\n", "the pair 1 2 is listed twice"),
    "an enormous header": ("a.sparse", "9999999999999 0\n", "is not a count"),
    "a negative header": ("a.sparse", "-3 0\n", "'-3' is not a count"),
    "no shape": ("a.json", '{"qubo": {}}', "KeyError"),
    "wrong lengths": (
        "a.json",
        '{"qubo": {"shape": [2, 2], "row": [0], "col": [0, 1], "data": [1]}}',
        "ValueError",
    ),
    "not square": (
        "a.json",
        '{"qubo": {"shape": [2, 3], "row": [], "col": [], "data": []}}',
        "2 by 3",
    ),
    "no end": ("a.lp", "minimize\n obj: a\nbinary\n a\n", "the line 'end'"),
    "no text": ("a.coo", b"\xff\xfe\x00", "is no text"),
    "another format": ("a.bqm", b"PK\x03\x04 something", "not a .bqm file"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_clear_error(write, tmp_path, case):
    name, content, said = BROKEN[case]
    path = tmp_path / name if content is None else write(name, content)
    with pytest.raises(FileError, match=said) as error:
        read_file(path)
    assert name in str(error.value)


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "a.bqm").mkdir()
    with pytest.raises(FileError, match="cannot be read"):
        read_file(tmp_path / "a.bqm")


@pytest.mark.parametrize("suffix", [".bqm", ".coo", ".qubo"])
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7), kind=st.sampled_from(["paths", "tuples"]))
def test_what_is_saved_is_read_again(tmp_path_factory, suffix, seed, n, kind):
    rng = np.random.default_rng(seed)
    labels = [f"a.{k}:{n - k}" if kind == "paths" else (f"x{n - k}", k) for k in range(n)]
    bqm = dimod.BinaryQuadraticModel(np.triu(rng.normal(size=(n, n)) * 1e-3), "BINARY")
    bqm.offset = float(rng.normal())
    bqm.relabel_variables(dict(enumerate(labels)))
    path = tmp_path_factory.mktemp("saved") / f"a{suffix}"
    digest = save_bqm(bqm, path, {"seed": seed})
    file = read_file(path)
    assert list(file.bqm.variables) == labels
    assert file.sha256 == digest
    assert file.provenance == {"seed": seed}
    bits = rng.integers(0, 2, (20, n))
    np.testing.assert_allclose(
        file.bqm.energies((bits, labels)), bqm.energies((bits, labels)), rtol=1e-12, atol=1e-15
    )


def saved(tmp_path, suffix=".bqm"):
    bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": -2.0}, {("a", "b"): 0.5}, 1.0, "BINARY")
    save_bqm(bqm, tmp_path / f"a{suffix}")
    return tmp_path / f"a{suffix}"


@pytest.mark.parametrize("suffix", [".bqm", ".coo", ".qubo"])
def test_a_changed_file_is_not_taken_for_what_was_saved(tmp_path, suffix):
    path = saved(tmp_path, suffix)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(FileError, match="not the file that was saved: its sha256"):
        read_file(path)


def test_a_corrupt_sidecar_is_told(tmp_path):
    path = saved(tmp_path)
    (tmp_path / "a.bqm.json").write_text("{")
    with pytest.raises(FileError, match=r"a\.bqm\.json is corrupt"):
        read_file(path)


def test_every_truncation_and_every_flipped_byte_is_an_error_or_harmless(tmp_path):
    """dimod's own reader crashes the process on some of these."""
    path = saved(tmp_path)
    whole = path.read_bytes()
    (tmp_path / "a.bqm.json").unlink()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(FileError):
            read_file(path)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            bqm = read_file(path).bqm
        except FileError:
            continue
        assert np.isfinite(bqm.energy(dict.fromkeys(bqm.variables, 1)))


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path):
    path = saved(tmp_path)
    before = path.read_bytes()
    bqm = dimod.BinaryQuadraticModel({"z": 1.0}, {}, "BINARY")
    with pytest.raises(FileError, match="exists already"):
        save_bqm(bqm, path)
    assert path.read_bytes() == before
    with pytest.raises(FileError, match="cannot be written"):
        save_bqm(bqm, tmp_path / "nowhere" / "b.bqm")
    with pytest.raises(FileError, match="not plain data"):
        save_bqm(bqm, tmp_path / "c.bqm", {"network": object()})
    with pytest.raises(FileError, match="says no format that can be written"):
        save_bqm(bqm, tmp_path / "d.lp")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bqm", "a.bqm.json"]


def test_other_programs_read_what_is_written(tmp_path):
    bqm = dimod.BinaryQuadraticModel({0: 1.0, 1: -2.0}, {(0, 1): 0.5}, "BINARY")
    save_bqm(bqm, tmp_path / "a.coo")
    with (tmp_path / "a.coo").open() as file:
        assert coo.load(file) == bqm
    save_bqm(bqm, tmp_path / "a.bqm")
    with (tmp_path / "a.bqm").open("rb") as file:
        assert dimod.BinaryQuadraticModel.from_file(file) == bqm
