"""The kits pass an honest backend and an honest rule, and fail each of many that are not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.testing.bad_backends import BAD
from tests.testing.bad_objectives import BAD as BAD_OBJECTIVES
from tests.testing.bad_refiners import BAD as BAD_REFINERS
from tests.testing.operator_rules import BAD as BAD_RULES

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def failed(tmp_path_factory) -> dict[str, set[str]]:
    return run_kit("bad_backends.py", tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="module")
def failed_rules(tmp_path_factory) -> dict[str, set[str]]:
    return run_kit("operator_rules.py", tmp_path_factory.mktemp("rules"))


@pytest.fixture(scope="module")
def failed_objectives(tmp_path_factory) -> dict[str, set[str]]:
    return run_kit("bad_objectives.py", tmp_path_factory.mktemp("objectives"))


@pytest.fixture(scope="module")
def failed_refiners(tmp_path_factory) -> dict[str, set[str]]:
    return run_kit("bad_refiners.py", tmp_path_factory.mktemp("refiners"))


def run_kit(file: str, folder: Path) -> dict[str, set[str]]:
    """The tests that failed, by the class of the kit that they are in."""
    report = folder / "report.xml"
    options = ["-q", "--tb=no", "-p", "no:cacheprovider", f"--junitxml={report}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(HERE / file), *options],
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    found = defaultdict(set)
    for case in ElementTree.parse(report).iter("testcase"):
        name = case.get("classname").rpartition(".Test")[2]
        found[name].update([case.get("name")] if len(case) else [])
    return found


def test_the_honest_backend_passes_everything(failed):
    assert failed["Honest"] == set()


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__)
def test_each_bad_backend_is_caught(failed, bad):
    assert any(re.search(bad.EXPECTED, test) for test in failed[bad.__name__]), (
        f"{bad.__name__} should have failed {bad.EXPECTED}, and failed {failed[bad.__name__]}"
    )


def test_the_honest_rule_passes_everything(failed_rules):
    assert failed_rules["Honest"] == set()


@pytest.mark.parametrize("bad", BAD_RULES, ids=lambda bad: bad.__name__)
def test_each_bad_rule_is_caught(failed_rules, bad):
    assert any(re.search(bad.EXPECTED, test) for test in failed_rules[bad.__name__]), (
        f"{bad.__name__} should have failed {bad.EXPECTED}, and failed {failed_rules[bad.__name__]}"
    )


@pytest.mark.parametrize("name", ["Honest", "HonestFunction"])
def test_the_honest_objectives_pass_everything(failed_objectives, name):
    assert failed_objectives[name] == set()


@pytest.mark.parametrize("bad", BAD_OBJECTIVES, ids=lambda bad: bad.__name__)
def test_each_bad_objective_is_caught(failed_objectives, bad):
    found = failed_objectives[bad.__name__]
    assert any(re.search(bad.EXPECTED, test) for test in found), (
        f"{bad.__name__} should have failed {bad.EXPECTED}, and failed {found}"
    )


@pytest.mark.parametrize("name", ["Honest", "HonestStranger", "HonestClass", "HonestFunction"])
def test_the_honest_refiners_pass_everything(failed_refiners, name):
    assert failed_refiners[name] == set()


@pytest.mark.parametrize("bad", BAD_REFINERS, ids=lambda bad: bad.__name__)
def test_each_bad_refiner_is_caught(failed_refiners, bad):
    found = failed_refiners[bad.__name__]
    assert any(re.search(bad.EXPECTED, test) for test in found), (
        f"{bad.__name__} should have failed {bad.EXPECTED}, and failed {found}"
    )
