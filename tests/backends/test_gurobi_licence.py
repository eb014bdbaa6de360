"""Gurobi's licences, told apart; and no secret of one is ever shown."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys

import pytest

from secateur.backends.call import run
from secateur.errors import BackendFailed, BackendOptionError, BackendUnavailable, BackendUnsuitable
from secateur.testing import random_problem
from secateur_backends.gurobi import Gurobi
from secateur_backends.gurobi_licence import (
    availability,
    find_licence,
    licence_parameters,
    secrets_of,
    too_large,
    translate,
)

SECRET = "5ecret-0f-the-licence"


@pytest.fixture(autouse=True)
def _no_licence_of_whoever_runs_this(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("GRB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(
        "secateur_backends.gurobi_licence.licence_files",
        lambda: (
            [tmp_path / "gurobi.lic"]
            if "GRB_LICENSE_FILE" not in os.environ
            else [type(tmp_path)(os.environ["GRB_LICENSE_FILE"])]
        ),
    )


def file(tmp_path, text: str):
    path = tmp_path / "gurobi.lic"
    path.write_text(text)
    return path


def test_none_but_the_one_that_comes_with_pip():
    assert find_licence().kind == "size-limited"
    said = availability("13.0")
    assert said.usable
    assert "200 variables" in said.detail
    assert "scip" in said.remedy


def test_a_missing_package():
    said = availability(None)
    assert not said.usable
    assert "secateur[gurobi]" in said.remedy


def test_an_expired_file_is_told_from_one_that_is_not(tmp_path):
    year = datetime.timedelta(days=365)
    today = datetime.date.today()
    path = file(tmp_path, f"# a comment\nTYPE=ACADEMIC\nEXPIRATION={today - year}\nKEY={SECRET}\n")
    assert find_licence().kind == "expired"
    said = availability("13.0")
    assert said.licensed is False
    assert str(today - year) in said.detail
    assert "renew" in said.remedy
    assert SECRET not in repr(said)
    path.write_text(f"TYPE=ACADEMIC\nEXPIRATION={today + year}\n")
    assert find_licence().kind == "file"
    assert availability("13.0").usable


def test_a_named_file_that_does_not_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("GRB_LICENSE_FILE", str(tmp_path / "gone.lic"))
    said = availability("13.0")
    assert said.licensed is False
    assert "gone.lic, which does not exist" in said.detail
    assert "remove" in said.remedy


def test_a_web_licence_in_a_file(tmp_path):
    file(tmp_path, f"WLSACCESSID=abc\nWLSSECRET={SECRET}\nLICENSEID=12\n")
    licence = find_licence()
    assert licence.kind == "file"
    assert "service" in licence.detail
    assert SECRET not in repr(licence)


WLS = {"wls_access_id": f"id-{SECRET}", "wls_secret": SECRET, "license_id": 424242}


def test_services_by_option_and_by_environment(monkeypatch):
    options = Gurobi.make_options(WLS)
    assert licence_parameters(options)["LicenseID"] == 424242
    assert find_licence(options).kind == "service"
    assert "424242" not in repr(options)
    assert SECRET not in repr(options) + repr(options.public())
    monkeypatch.setenv("GRB_WLSSECRET", SECRET)
    monkeypatch.setenv("GRB_LICENSEID", "77")
    found = licence_parameters()
    assert found == {"WLSSecret": SECRET, "LicenseID": 77}
    assert set(secrets_of(found)) == {SECRET, "77"}
    # an option goes before the environment
    assert licence_parameters(options)["LicenseID"] == 424242


def test_a_licence_number_that_is_no_number(monkeypatch):
    monkeypatch.setenv("GRB_LICENSEID", f"x{SECRET}")
    with pytest.raises(BackendUnavailable, match="GRB_LICENSEID is not a number") as error:
        licence_parameters()
    assert SECRET not in str(error.value)
    with pytest.raises(BackendOptionError) as wrong:
        Gurobi.make_options({"license_id": SECRET})
    assert SECRET not in str(wrong.value)


@pytest.mark.parametrize(
    ("errno", "said", "kind", "shown"),
    [
        (10010, "Model too large", BackendUnsuitable, "300 variables.*takes 200"),
        (10009, "License expired 2020-01-01", BackendUnavailable, "has expired"),
        (10009, "No Gurobi license found", BackendUnavailable, "no licence that works"),
        (10022, f"Could not resolve host {SECRET}", BackendUnavailable, "cannot reach"),
        (10001, "", BackendFailed, "ran out of memory"),
        (10003, "unknown", BackendFailed, "error 10003"),
    ],
)
def test_each_error_is_told_with_what_to_do(errno, said, kind, shown):
    class Error(Exception):
        pass

    error = Error(said)
    error.errno = errno
    found = translate(error, 300, True, [SECRET])
    assert type(found) is kind
    assert found.remedy
    assert SECRET not in str(found)
    with pytest.raises(kind, match=shown):
        raise found


def test_the_limits_of_the_small_licence():
    assert too_large(200, quadratic=True) is None
    assert "201 variables" in too_large(201, quadratic=True)
    assert too_large(2000, quadratic=False) is None
    assert "2001 variables" in too_large(2001, quadratic=False)


def test_a_failed_service_shows_no_secret(capfd, monkeypatch):
    """A compute server that is not there: a closed port of this machine."""
    options = {"compute_server": "127.0.0.1:9", "server_password": SECRET}
    with pytest.raises(BackendUnavailable) as error:
        run(Gurobi(), random_problem(12, 0), options)  # not certain as a whole
    shown, logged = capfd.readouterr()
    everything = str(error.value) + repr(error.value) + shown + logged
    assert SECRET not in everything
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_a_licence_that_is_not_used_takes_nothing():
    """What lists and asks makes no environment: gurobipy is not even imported."""
    code = (
        "import sys; from secateur_backends.gurobi import Gurobi; Gurobi.availability();"
        "from secateur.testing import random_problem;"
        "Gurobi().applicability(random_problem(5, 0)); print('gurobipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
