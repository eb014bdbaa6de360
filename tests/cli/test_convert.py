"""``secateur convert``, and the files of ``secateur solve`` and ``verify``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secateur.cli import run
from secateur.files import load_bqm, read_file

LP = """maximize
 obj: 3 a + 2 b + c - [ 8 a * b ] / 2
subject to
 most: a + b + c <= 2
binary
 a b c
end
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.lp").write_text(LP)
    Path("m.sparse").write_text("2 2\n1 1 3\n2 2 -1\n")


def said(capsys, *arguments, code=0):
    assert run(list(arguments)) == code
    out, err = capsys.readouterr()
    return out if code == 0 else err


def test_it_says_what_it_wrote(capsys):
    out = said(capsys, "convert", "a.lp", "b.mps.gz")
    assert "written: b.mps.gz (3 variables, 1 couplings, 1 constraints; lp to mps)" in out
    assert "maximised in the file" in out
    about = json.loads(said(capsys, "convert", "a.lp", "b.cqm", "--json"))
    assert (about["format"], about["source_format"], about["constraints"]) == ("cqm", "lp", 1)
    assert about["sha256"] == read_file("b.cqm").sha256
    assert about["maximised"] is True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.lp", "b.sparse", "--numbered"], "holds no constraints"),
        (["a.lp", "b.xyz"], "says no format that can be written"),
        (["a.lp", "a.lp"], "exists already"),
        (["-", "b.bqm"], "does not exist"),
        (["m.sparse", "-"], "says no format"),
        (["m.sparse", "b.bqm", "--format", "what"], "there is no format 'what'"),
        (["m.sparse", "b.bqm", "--to", "what"], "there is no format 'what'"),
        (["a.lp", "b.bqm", "--maximise"], "says itself that its objective is maximised"),
        (["/dev/zero", "b.bqm"], "is a device"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(capsys, arguments, words):
    err = said(capsys, "convert", *arguments, code=1)
    assert words in err
    assert "Mend:" in err
    assert sorted(p.name for p in Path().iterdir()) == ["a.lp", "m.sparse"]


def test_another_format_by_name(capsys):
    said(capsys, "convert", "m.sparse", "b.txt", "--to", "coo", "--format", "mqlib")
    assert load_bqm("b.txt").energy({1: 1, 2: 0}) == -3.0


def test_solve_keeps_the_rows_of_a_file_and_tells_its_own_sign(capsys):
    out = said(capsys, "solve", "a.lp")
    assert "energy   -4\n" in out
    assert "value    4 of the file's own objective, maximised" in out
    found = json.loads(said(capsys, "solve", "a.lp", "--json"))
    assert found["objective"] == {"sense": "maximise", "value": 4.0, "bound": 4.0}
    assert found["sample"] == {"a": 1, "b": 0, "c": 1}


def test_solve_maximises_as_asked_and_verify_too(capsys):
    assert "energy   -1\n" in said(capsys, "solve", "m.sparse")
    out = said(capsys, "solve", "m.sparse", "--maximise", "--certificate", "p.json")
    assert "value    3 of the file's own objective, maximised" in out
    assert "as asked" in out
    said(capsys, "verify", "p.json", "m.sparse", "--maximise")
    assert run(["verify", "p.json", "m.sparse"]) == 1
    capsys.readouterr()


def test_a_certificate_of_a_program_is_verified_against_its_rows(capsys):
    said(capsys, "solve", "a.lp", "--certificate", "p.json")
    said(capsys, "verify", "p.json", "a.lp")
    Path("b.lp").write_text(LP.replace("<= 2", "<= 1"))
    assert run(["verify", "p.json", "b.lp"]) == 1
    capsys.readouterr()


def test_warnings_of_a_file_reach_the_user(capsys):
    Path("w.qubo").write_text("0 0 1\n0 1 -2\n")
    assert run(["solve", "w.qubo", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "it has no header" in err
    json.loads(out)
