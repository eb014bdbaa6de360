"""What is saved is what is loaded, or an error; the formats have tests of their own."""

from __future__ import annotations

import hashlib
import itertools
import json

import dimod
import numpy as np
import pytest
from dimod.serialization import coo
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.errors import FileError
from secateur.files import read_file, save_bqm


@pytest.mark.parametrize("suffix", [".bqm", ".coo", ".qubo"])
@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(0, 7),
    kind=st.sampled_from(["paths", "tuples", "numbers", "words"]),
    vartype=st.sampled_from(["BINARY", "SPIN"]),
    scale=st.sampled_from([1e-300, 1e-3, 1e15]),
)
def test_what_is_saved_is_read_again(tmp_path_factory, suffix, seed, n, kind, vartype, scale):
    rng = np.random.default_rng(seed)
    labels = {
        "paths": [f"a.{k}:{n - k}" for k in range(n)],
        "tuples": [(f"x{n - k}", (k, "y")) for k in range(n)],
        "numbers": list(range(n)),
        "words": [("\n# offset=3", "ä\u2028", '"', " ", "c", "", "1")[k] for k in range(n)],
    }[kind]
    bqm = dimod.BinaryQuadraticModel(vartype)
    bqm.add_linear_from(zip(labels, rng.normal(size=n) * scale, strict=True))
    for i, j in itertools.combinations(range(n), 2):
        if rng.random() < 0.5:
            bqm.add_quadratic(labels[i], labels[j], float(rng.normal()) * scale)
    bqm.offset = float(rng.normal()) * scale
    path = tmp_path_factory.mktemp("saved") / f"a{suffix}"
    digest = save_bqm(bqm, path, {"seed": seed})
    file = read_file(path)
    assert list(file.bqm.variables) == labels
    assert file.bqm.vartype is dimod.BINARY
    assert file.sha256 == digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file.provenance == {"seed": seed}
    assert file.ones is None
    expected = bqm.change_vartype("BINARY", inplace=False)
    assert file.bqm == expected  # every bias to the last bit


def saved(tmp_path, suffix=".bqm", provenance=None):
    bqm = dimod.BinaryQuadraticModel({"a": 1.0, "b": -2.0}, {("a", "b"): 0.5}, 1.0, "BINARY")
    save_bqm(bqm, tmp_path / f"a{suffix}", provenance)
    return tmp_path / f"a{suffix}"


def test_the_sidecar_says_what_was_saved_and_from_what(tmp_path):
    path = saved(tmp_path, provenance={"network": "mine", "options": {"probes": 3}})
    assert json.loads((tmp_path / "a.bqm.json").read_text()) == {
        "about": "secateur QUBO file",
        "file": "a.bqm",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "variables": 2,
        "couplings": 1,
        "provenance": {"network": "mine", "options": {"probes": 3}},
    }
    assert read_file(path).provenance["network"] == "mine"


def test_without_a_sidecar_or_with_anothers_a_file_is_read_without_provenance(tmp_path):
    path = saved(tmp_path, provenance={"network": "mine"})
    for other in ("[]", '{"about": "a photograph", "sha256": "0"}', None):
        (tmp_path / "a.bqm.json").unlink(missing_ok=True)
        if other is not None:
            (tmp_path / "a.bqm.json").write_text(other)
        assert read_file(path).provenance == {}


@pytest.mark.parametrize("suffix", [".bqm", ".coo", ".qubo"])
def test_a_changed_file_is_not_taken_for_what_was_saved(tmp_path, suffix):
    path = saved(tmp_path, suffix)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(FileError, match="not the file that was saved: its sha256"):
        read_file(path)


@pytest.mark.parametrize("junk", [b"", b"{", b"\xff\xff", b"[" * 99999])
def test_a_corrupt_sidecar_is_told(tmp_path, junk):
    path = saved(tmp_path)
    (tmp_path / "a.bqm.json").write_bytes(junk)
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
    for provenance in ({"network": object()}, {"loss": float("nan")}):
        with pytest.raises(FileError, match="not plain data"):
            save_bqm(bqm, tmp_path / "c.bqm", provenance)
    for suffix in (".bqm", ".coo", ".qubo"):
        for label in (frozenset("z"), ("z", None, b"z"), 2**60):
            odd = dimod.BinaryQuadraticModel({label: 1.0}, {}, "BINARY")
            with pytest.raises(FileError, match="not plain data"):
                save_bqm(odd, tmp_path / f"c{suffix}")
        for linear, offset in ((float("nan"), 0.0), (1.0, float("inf"))):
            endless = dimod.BinaryQuadraticModel({"z": linear}, {}, offset, "BINARY")
            with pytest.raises(FileError, match="NaN or infinite"):
                save_bqm(endless, tmp_path / f"c{suffix}")
    with pytest.raises(FileError, match="says no format that can be written"):
        save_bqm(bqm, tmp_path / "d.xyz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.bqm", "a.bqm.json"]


def test_other_programs_read_what_is_written(tmp_path):
    bqm = dimod.BinaryQuadraticModel({0: 1.0, 1: -2.0}, {(0, 1): 0.5}, "BINARY")
    save_bqm(bqm, tmp_path / "a.coo")
    with (tmp_path / "a.coo").open() as file:
        assert coo.load(file) == bqm
    save_bqm(bqm, tmp_path / "a.bqm")
    with (tmp_path / "a.bqm").open("rb") as file:
        assert dimod.BinaryQuadraticModel.from_file(file) == bqm
