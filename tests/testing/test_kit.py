"""The kits pass an honest backend and an honest rule, and fail each of many that are not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.testing.bad_backends import BAD as BAD_ANSWERS
from tests.testing.bad_objectives import BAD as BAD_OBJECTIVES
from tests.testing.bad_promises import BAD as BAD_PROMISES
from tests.testing.bad_refiners import BAD as BAD_REFINERS
from tests.testing.operator_rules import BAD as BAD_RULES

HERE = Path(__file__).parent
FILES = ("bad_backends", "bad_promises", "operator_rules", "bad_objectives", "bad_refiners")


@pytest.fixture(scope="module")
def kits(tmp_path_factory) -> dict[str, dict[str, set[str]]]:
    """The tests that failed, by file and by the class of the kit that they are in.

    In one process, and on the bad ones only the tests that are ``EXPECTED`` to fail.
    """
    report = tmp_path_factory.mktemp("kits") / "report.xml"
    options = ["-q", "--tb=no", "-p", "no:cacheprovider", "-p", "tests.testing.expected"]
    options += [f"--junitxml={report}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *(str(HERE / f"{name}.py") for name in FILES), *options],
        cwd=HERE.parent.parent,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 1, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, dict[str, set[str]]] = {name: defaultdict(set) for name in FILES}
    for case in ElementTree.parse(report).iter("testcase"):
        module, _, name = case.get("classname").rpartition(".Test")
        found[module.rpartition(".")[2]][name].update([case.get("name")] if len(case) else [])
    return {name: dict(classes) for name, classes in found.items()}


@pytest.fixture
def failed(kits) -> dict[str, set[str]]:
    return kits["bad_backends"] | kits["bad_promises"]


@pytest.fixture
def failed_rules(kits) -> dict[str, set[str]]:
    return kits["operator_rules"]


@pytest.fixture
def failed_objectives(kits) -> dict[str, set[str]]:
    return kits["bad_objectives"]


@pytest.fixture
def failed_refiners(kits) -> dict[str, set[str]]:
    return kits["bad_refiners"]


def test_the_honest_backend_passes_everything(failed):
    assert failed["Honest"] == set()


@pytest.mark.parametrize("bad", BAD_ANSWERS + BAD_PROMISES, ids=lambda bad: bad.__name__)
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
