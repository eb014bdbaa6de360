"""``secateur verify``: the exit code says whether the whole proof holds."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pytest

from secateur.cli import run
from secateur.files import save_bqm

from ..certify.test_verdicts import plain


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    instance, data = plain((4, 3), 1, 3, fixing=0.0)
    save_bqm(instance.bqm, "a.bqm")
    (tmp_path / "proof.json").write_text(json.dumps(data))
    return tmp_path, data


@pytest.mark.parametrize("given", [[], ["--count", "3"]])
def test_a_proof_that_holds_exits_with_0(files, capsys, given):
    assert run(["verify", "proof.json", "a.bqm", *given]) == 0
    shown = capsys.readouterr().out
    assert "verdict  verified" in shown
    assert "proven   the optimum" in shown
    assert "demand   'count': cardinality of 7 variables, from 3 to 3" in shown
    assert ("the certificate's own" in shown) is not bool(given)


def test_json_has_the_whole_verdict(files, capsys):
    folder, data = files
    (folder / "proof.json.gz").write_bytes(gzip.compress((folder / "proof.json").read_bytes()))
    assert run(["verify", "proof.json.gz", "a.bqm", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verified"] is True
    assert found["checked"] == "verified"
    assert found["bound"] == data["claims"]["bound"]
    assert found["energy"] == pytest.approx(data["claims"]["energy"])
    assert found["gap"] == pytest.approx(0.0, abs=1e-12)
    assert found["nodes"] == [len(block["nodes"]) for block in data["blocks"]]


def test_a_proof_that_does_not_hold_exits_with_1(files, capsys):
    folder, data = files
    assert run(["verify", "proof.json", "a.bqm", "--count", "4"]) == 1
    assert "CertificateError: demands: " in capsys.readouterr().err
    data["blocks"][1]["lower"][0] += 1e-9
    (folder / "wrong.json").write_text(json.dumps(data))
    assert run(["verify", "wrong.json", "a.bqm"]) == 1
    assert "CertificateError: block 1, node" in capsys.readouterr().err
    assert run(["verify", "wrong.json", "a.bqm", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["verified"] is False
    assert found["where"].startswith("block 1, node")


def test_a_claim_of_another_solver_exits_with_1(files, capsys):
    folder, data = files
    for key in ("blocks", "junction", "multipliers"):
        del data[key]
    data |= {"checkable": False, "claimed_by": "scip 9.2"}
    (folder / "claim.json").write_text(json.dumps(data))
    assert run(["verify", "claim.json", "a.bqm"]) == 1
    assert "claimed by scip 9.2, not checked" in capsys.readouterr().out


def test_wrong_usage_exits_with_2(files):
    assert run(["verify", "proof.json"]) == 2
    assert run(["verify", "proof.json", "a.bqm", "--cont", "3"]) == 2


def test_the_count_of_the_file_is_a_demand(files, capsys):
    folder, _ = files
    (folder / "a.lp").write_text(
        "minimize\n obj: x + 2 y\nsubject to\n c: x + y = 1\nbinary\n x y\nend\n"
    )
    assert run(["verify", "proof.json", "a.lp", "--count", "2"]) == 1
    assert "states 1" in capsys.readouterr().err
    assert run(["verify", "proof.json", "a.lp"]) == 1
    assert "problem: another one" in capsys.readouterr().err


def test_checking_loads_no_solver_and_no_torch(files):
    program = (
        "import sys; from secateur.certify import check; import dimod\n"
        "bqm = dimod.BinaryQuadraticModel.from_file(open('a.bqm', 'rb'))\n"
        "assert check('proof.json', bqm).verified\n"
        "wrong = ['torch', 'scipy', 'secateur.problem', 'secateur.solve', 'secateur.backends']\n"
        "print([name for name in wrong if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
