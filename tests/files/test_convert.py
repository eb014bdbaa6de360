"""From any format to any that is written: the same problem, or an error that says why."""

from __future__ import annotations

import itertools
import json

import dimod
import numpy as np
import pytest

from secateur.errors import FileError
from secateur.files import convert, read_file, save_bqm, write_file
from secateur.files.registry import FORMATS, WRITTEN
from secateur.problem import (
    Problem,
    among,
    at_least,
    at_most,
    count,
    keep,
    linear,
    quadratic,
    tied,
)
from tests.files.test_formats import FILES

SUFFIX = {format.name: format.suffixes[0] for format in FORMATS if format.suffixes}
TARGETS = sorted({format.name for format in WRITTEN.values()})


def model(seed, n=5, *, first=0, offset=0.0):
    rng = np.random.default_rng(seed)
    labels = list(range(first, n + first))
    bqm = dimod.BinaryQuadraticModel("BINARY")
    bqm.add_linear_from(zip(labels, rng.normal(size=n), strict=True))
    for i, j in itertools.combinations(labels, 2):
        if rng.random() < 0.6:
            bqm.add_quadratic(i, j, float(rng.normal()))
    bqm.offset = offset
    return bqm


def cut(seed, n=5):
    rng = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel("BINARY")
    bqm.add_linear_from(dict.fromkeys(range(1, n + 1), 0.0))
    for i, j in itertools.combinations(range(1, n + 1), 2):
        weight = float(rng.integers(-9, 10))
        bqm.add_linear(i, -weight)
        bqm.add_linear(j, -weight)
        bqm.add_quadratic(i, j, 2 * weight)
    return bqm


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(("pack", "seed"), [("", 0), (".gz", 1), (".xz", 2), (".bz2", 3)])
def test_what_is_written_is_read_again_to_the_last_bit(tmp_path, name, pack, seed):
    made = {f.name: f for f in FORMATS}[name]
    first = 1 if made.labels == "from 1" else 0
    bqm = cut(seed) if name == "max-cut" else model(seed, first=first, offset=made.offset * 0.1)
    path = tmp_path / f"a{SUFFIX[name]}{pack}"
    write_file(bqm, path, provenance={"by": "hand"})
    file = read_file(path)
    if made.labels == "names":
        bqm.relabel_variables({v: f"x{v}" for v in bqm.variables})
        assert file.provenance["labels"] == list(range(5))
    assert file.bqm == bqm
    assert list(file.bqm.variables) == list(bqm.variables)
    assert file.provenance["by"] == "hand"
    again = tmp_path / f"b{SUFFIX[name]}{pack}"
    write_file(bqm, again)
    assert name in ("npz", "cqm") or again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("source", FILES)
@pytest.mark.parametrize("target", [t for t in TARGETS if t != "max-cut"])
def test_every_format_becomes_every_other(tmp_path, source, target):
    data = FILES[source]
    path = tmp_path / source
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    before = read_file(path).bqm
    holds = {f.name: f for f in FORMATS}[target].offset
    to = tmp_path / f"new{SUFFIX[target]}"
    if before.offset and not holds:
        with pytest.raises(FileError, match="holds no offset, and it is 2"):
            convert(path, to, numbered=True)
        assert not to.exists()
        return
    convert(path, to, numbered=True)
    file = read_file(to)
    came = file.provenance["converted from"]
    assert came == {"file": source, "sha256": read_file(path).sha256}
    for z in itertools.product((0, 1), repeat=3):
        old, new = (b.energy(dict(zip(b.variables, z, strict=True))) for b in (before, file.bqm))
        assert old == pytest.approx(new)
    if list(file.bqm.variables) != list(before.variables):
        assert file.provenance["labels"] == list(before.variables)


VARIABLES = ["a", "b", "c", "d"]
DEMANDS = {
    "count": [count(2)],
    "limits": [at_most(1, ["a", "b"]), at_least(1, ["c", "d"], name="some")],
    "tied": [tied("a", "b"), keep("c")],
    "linear": [linear({"a": 1.5, "b": -2.0, "d": 1.0}, lower=-1.0, upper=2.0, name="my row")],
    "quadratic": [quadratic({"a": 1.0}, {("b", "c"): 2.0}, offset=0.5, upper=2.5, name="budget")],
}


@pytest.mark.parametrize("demand", DEMANDS)
@pytest.mark.parametrize("suffix", [".lp", ".mps", ".cqm"])
def test_constraints_survive(tmp_path, demand, suffix):
    bqm = dimod.BinaryQuadraticModel({v: k - 1.5 for k, v in enumerate(VARIABLES)}, {}, "BINARY")
    before = Problem(bqm, DEMANDS[demand])
    write_file(bqm, tmp_path / f"a{suffix}", constraints=DEMANDS[demand])
    made = convert(tmp_path / f"a{suffix}", tmp_path / "b.lp.gz")
    for path in (tmp_path / f"a{suffix}", made.path):
        file = read_file(path)
        after = Problem(file.bqm, file.constraints)
        points = np.array(list(itertools.product((0, 1), repeat=4)))
        place = [VARIABLES.index(v) for v in after.variables]
        assert np.array_equal(after.feasible(points[:, place]), before.feasible(points))
        assert np.array_equal(after.energies(points[:, place]), before.energies(points))
        assert 0 < before.feasible(points).sum() < 16


@pytest.mark.parametrize("target", [t for t in TARGETS if t not in ("lp", "mps", "cqm")])
def test_what_holds_no_constraints_refuses_them(tmp_path, target):
    bqm = dimod.BinaryQuadraticModel(dict.fromkeys(range(1, 4), 0.0), {}, "BINARY")
    with pytest.raises(FileError, match="holds no constraints, and there are 1: 'count'") as error:
        write_file(bqm, tmp_path / f"a{SUFFIX[target]}", constraints=[count(1)])
    assert ".lp" in str(error.value.remedy)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_said_is_refused(tmp_path):
    bqm = dimod.BinaryQuadraticModel(dict.fromkeys(["a", "b", "c"], 0.0), {}, "BINARY")
    for suffix in (".lp", ".mps", ".cqm"):
        with pytest.raises(FileError, match=r"further binary variables|ones"):
            write_file(bqm, tmp_path / f"a{suffix}", constraints=[among([0, 2], ["a", "b", "c"])])
    for suffix in (".sparse", ".qs", ".mtx", ".npz", ".json", ".mc"):
        with pytest.raises(FileError, match="cannot hold labels such as 'a'"):
            save_bqm(bqm, tmp_path / f"a{suffix}")
    for label in ("1a", "a b", "e5", "st", "a+b", "inf", "x[1", ("a", 1)):
        odd = dimod.BinaryQuadraticModel({label: 1.0}, {}, "BINARY")
        with pytest.raises(FileError, match="cannot hold labels"):
            save_bqm(odd, tmp_path / "a.lp")
    with pytest.raises(FileError, match="is no maximum cut"):
        save_bqm(model(1, first=1), tmp_path / "a.mc")
    with pytest.raises(FileError, match="to the last bit"):
        save_bqm(dimod.BinaryQuadraticModel({}, {(1, 2): 5e-324}, "BINARY"), tmp_path / "a.qs")
    with pytest.raises(FileError, match="too large for an LP file"):
        save_bqm(dimod.BinaryQuadraticModel({}, {"ab": 1e308}, "BINARY"), tmp_path / "a.lp")
    for suffix in (".lp", ".mps"):
        with pytest.raises(FileError, match="there are none"):
            save_bqm(dimod.BinaryQuadraticModel("BINARY"), tmp_path / f"a{suffix}")
    for suffix in (".qh", ".qplib"):
        with pytest.raises(FileError, match="says no format that can be written"):
            save_bqm(bqm, tmp_path / f"a{suffix}")
    with pytest.raises(FileError, match="only read"):
        write_file(bqm, tmp_path / "a.txt", format="mqlib")
    assert list(tmp_path.iterdir()) == []


def test_the_metadata_of_a_file_goes_into_the_sidecar(tmp_path):
    (tmp_path / "a.qs").write_text("# from a paper\n# ObjectiveOffset 0\n2 1\n1 2 3\n")
    convert(tmp_path / "a.qs", tmp_path / "b.sparse")
    about = json.loads((tmp_path / "b.sparse.json").read_text())
    assert about["provenance"]["comments"] == ["from a paper"]


def test_a_maximisation_is_told_wherever_it_goes(tmp_path):
    (tmp_path / "a.sparse").write_text("2 1\n1 2 3\n")
    made = convert(tmp_path / "a.sparse", tmp_path / "b.bqm", maximise=True)
    assert made.source.maximised
    file = read_file(made.path)
    assert file.bqm.energy({1: 1, 2: 1}) == -6.0
    assert "negated" in file.provenance["sense"]


def test_nothing_is_overwritten(tmp_path):
    save_bqm(model(1), tmp_path / "a.bqm")
    (tmp_path / "b.coo").write_text("mine")
    with pytest.raises(FileError, match="exists already"):
        convert(tmp_path / "a.bqm", tmp_path / "b.coo")
    with pytest.raises(FileError, match="exists already"):
        convert(tmp_path / "a.bqm", tmp_path / "a.bqm")
    assert (tmp_path / "b.coo").read_text() == "mine"
