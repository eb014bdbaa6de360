"""Which format a file has, packed files, what a size may claim, and the table of the reference."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile

import numpy as np
import pytest

from secateur.errors import FileError, OptionError
from secateur.files import load_bqm, read_file
from secateur.files.formats import MARK
from secateur.files.packed import MOST_TIMES, SLACK
from secateur.files.registry import FORMATS, looks_like
from tests.files.test_formats import FILES, PAGE
from tests.files.test_more_formats import GRAPH, ROWS, energies, header, write

__all__ = ["write"]  # a fixture


# -- which format ----------------------------------------------------------------------------------

UNNAMED = {
    "own.bqm": "bqm", "quadratic.lp": "lp", "upper.json": "biqbin", "upper.qubo": "qubo",
    "symmetric.qs": "qoblib", "upper.coo": "coo",
}  # fmt: skip


@pytest.mark.parametrize("name", UNNAMED)
@pytest.mark.parametrize("suffix", ["", ".txt", ".dat"])
def test_where_the_suffix_says_nothing_the_content_says_it(write, name, suffix):
    named = load_bqm(write(name, FILES[name]))
    file = read_file(write(f"a{suffix}", FILES[name]))
    assert (file.bqm, file.format) == (named, UNNAMED[name])


@pytest.mark.parametrize("suffix", ["", ".txt", ".xyz"])
def test_what_fits_several_is_asked_for(write, suffix):
    path = write(f"a{suffix}", FILES["symmetric.sparse"])
    with pytest.raises(FileError, match="Biq Mac or MQLib") as error:
        read_file(path)
    assert "--format biqmac or mqlib or max-cut" in str(error.value.remedy)
    assert read_file(path, format="biqmac").bqm == load_bqm(
        write("a.sparse", FILES["symmetric.sparse"])
    )
    with pytest.raises(OptionError, match="no format 'biqmak'"):
        read_file(path, format="biqmak")


@pytest.mark.parametrize(
    ("name", "like", "said"),
    [
        ("a.bqm", "quadratic.lp", "it looks like LP"),
        ("a.lp", "upper.json", "it looks like BiqBin"),
        ("a.json", "quadratic.lp", "it looks like LP"),
        ("a.sparse", "upper.qubo", "it looks like Qbsolv"),
        ("a.coo", "symmetric.sparse", "it looks like Biq Mac or MQLib"),
        ("a.mtx", "own.bqm", "it looks like dimod's binary format"),
        ("a.npz", "upper.coo", "it looks like COO"),
    ],
)
def test_an_error_says_what_the_file_looks_like(write, name, like, said):
    with pytest.raises(FileError) as error:
        read_file(write(name, FILES[like]))
    assert said in error.value.message
    assert "--format" in str(error.value.remedy)


def test_nothing_is_guessed_of_noise():
    for data in (b"", b"\x00\xff", b"{", b"[1]", b"hello\nworld\n", b"1 1", b"# 3 3\n", b"{}"):
        assert looks_like(data) == ()


def test_maximise_negates_and_is_refused_where_the_file_says_it(write):
    path = write("a.coo", ROWS)
    file = read_file(path, maximise=True)
    assert energies(file.bqm) == [-e for e in energies(load_bqm(path))]
    assert file.maximised
    assert "as asked" in file.provenance["sense"]
    for name in ("quadratic.lp",):
        with pytest.raises(OptionError, match="says itself that its objective is minimised"):
            read_file(write(name, FILES[name]), maximise=True)
    with pytest.raises(OptionError, match="maximised"):
        read_file(write("a.mc", GRAPH), maximise=True)


# -- packed ----------------------------------------------------------------------------------------

PACK = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}


@pytest.mark.parametrize("pack", PACK)
@pytest.mark.parametrize("name", FILES)
def test_packed_files_are_read_as_they_are(write, pack, name):
    data = FILES[name] if isinstance(FILES[name], bytes) else FILES[name].encode()
    plain = load_bqm(write(name, data))
    assert load_bqm(write(f"{name}{pack}", PACK[pack](data))) == plain
    assert load_bqm(write(f"b-{name}", PACK[pack](data))) == plain  # the suffix forgotten
    half = len(data) // 2
    parts = PACK[pack](data[:half]) + PACK[pack](data[half:])
    assert load_bqm(write(f"two-{name}{pack}", parts)) == plain


@pytest.mark.parametrize("pack", PACK)
def test_a_bomb_is_refused_and_a_broken_pack_told(write, pack):
    bomb = PACK[pack](bytes(SLACK * 2 + 40_000 * MOST_TIMES))
    with pytest.raises(FileError, match="unpacks to more than"):
        read_file(write(f"a.coo{pack}", bomb))
    whole = PACK[pack](ROWS.encode())
    for cut in range(6, len(whole)):
        with pytest.raises(FileError, match="cannot be unpacked by"):
            read_file(write(f"a.coo{pack}", whole[:cut]))
    with pytest.raises(FileError, match="cannot be unpacked by"):
        read_file(write(f"b.coo{pack}", whole + b"rubbish"))
    with pytest.raises(FileError, match="is not packed, as its suffix"):
        read_file(write(f"c.coo{pack}", ROWS))


# -- resources -------------------------------------------------------------------------------------

CLAIMS = {
    "a.sparse": "900000 1\n1 1 1\n",
    "a.qs": "900000 1\n1 1 1\n",
    "a.mc": "900000 1\n1 2 1\n",
    "a.qh": "900000 1\n0 0 1\n",
    "a.qubo": "p qubo 0 900000 1 0\n0 0 1\n",
    "a.mtx": header("coordinate real general") + "900000 900000 1\n1 1 1\n",
    "a.json": json.dumps({"qubo": {"shape": [900000] * 2, "row": [0], "col": [0], "data": [1]}}),
    "a.qplib": "N\nQBN\nminimize\n900000\n0\n",
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_size_is_believed_as_far_as_the_file_can_hold_it(write, name):
    with pytest.raises(FileError, match="900000 variables in a file of"):
        read_file(write(name, CLAIMS[name]))
    small = CLAIMS[name].replace("900000", "9")
    if name != "a.qplib":
        assert read_file(write(name, small)).bqm.num_variables == 9


def test_every_suffix_belongs_to_one_format_but_json():
    suffixes = [s for f in FORMATS for s in f.suffixes if s != ".json"]
    assert len(set(suffixes)) == len(suffixes)
    assert MARK.startswith("secateur")


def test_the_table_of_the_reference_is_the_registry():
    """And names a program for every format that one could be found for."""
    expected = json.loads((PAGE.parents[2] / "tests/files/foreign/expected.json").read_text())
    makers: dict[str, set[str]] = {}
    for name, said in expected.items():
        file = read_file(PAGE.parents[2] / "tests/files/foreign" / name)
        makers.setdefault(file.format, set()).add(said["by"].split()[0])
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table]
    assert [row[0].strip("`") for row in rows] == [f.name for f in FORMATS]
    yes = {True: "yes", False: "no"}
    called = {"scip": "pyscipopt", "highs": "highspy"}
    for row, form in zip(rows, FORMATS, strict=True):
        assert row[1].replace("`", "").split() == list(form.suffixes)
        assert row[2] == form.title
        if form.write is not None:
            assert row[4] == form.labels
            assert row[5:7] == [yes[form.offset], yes[form.constraints]]
        assert row[7] == yes[form.write is not None]
        words = (
            {called.get(w, w) for w in row[8].lower().replace(",", "").split()}
            if row[8:]
            else set()
        )
        assert words == makers.get(form.name, set())


def test_every_changed_byte_of_a_constrained_model_is_an_error_or_harmless(write):
    """dimod's own reader crashes the process on some; the archive's sums are forged to fit."""
    whole = (PAGE.parents[2] / "tests/files/foreign/dimod.cqm").read_bytes()
    start = whole.index(b"PK\x03\x04")
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    refused = 0
    for name in ("objective", 'constraints/"room"/lhs', "varinfo"):
        data = members[name]
        end = len(data.rstrip(b" ")) + 1
        for place in range(min(end, len(data))):
            forged = data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :]
            file = io.BytesIO(whole[:start])
            file.seek(0, io.SEEK_END)
            with zipfile.ZipFile(file, "a") as archive:
                for member, content in (members | {name: forged}).items():
                    archive.writestr(member, content)
            try:
                bqm = read_file(write("a.cqm", file.getvalue())).bqm
            except FileError:
                refused += 1
                continue
            assert np.isfinite(bqm.energy(dict.fromkeys(bqm.variables, 1)))
    assert refused > 100
