"""Every certificate is verified by the module that shares no code with what wrote it."""

from __future__ import annotations

import copy
import gzip
import json

import dimod
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import secateur
from secateur.certify import check
from secateur.errors import CertificateError, FileError
from secateur.problem import Problem, at_most, count, linear
from secateur.problem import parts as parts_room
from tests.random_problems import CERTIFIED, matrix, model, optimum, problems, random_problem
from tests.solving.planted_backends import Native


def verified(problem: Problem, found: secateur.Selection) -> None:
    """The certificate holds, and proves what the answer tells."""
    certificate = found.certificate
    assert certificate.checkable
    data = json.loads(json.dumps(certificate.content, allow_nan=False))
    verdict = check(data, problem.bqm, [demand.data() for demand in problem.demands])
    assert verdict.verified
    near = 1e-12 * problem.scale
    assert float(verdict.energy) == pytest.approx(found.energy, rel=0, abs=near)
    assert float(verdict.bound) == pytest.approx(found.bound, rel=0, abs=near)
    # what is told as proven is proven in rational numbers too, and the other way round
    assert verdict.proven == (found.proof == "proven")


@settings(max_examples=100, deadline=None)
@given(problems(most=9, demands=3, kinds=CERTIFIED, scales=(1.0, 1e-12, 1e12)))
def test_certificates_of_small_problems_are_verified(problem):
    if optimum(problem) < np.inf:
        verified(problem, secateur.solve(problem))


@settings(max_examples=60, deadline=None)
@given(problems(most=9, demands=4, kinds=CERTIFIED, families=("none", "block")), st.integers(1, 4))
def test_certificates_with_priced_demands_are_verified(problem, widest):
    if optimum(problem) == np.inf:
        return
    before, parts_room.MERGED = parts_room.MERGED, widest
    try:
        found = secateur.solve(problem)
        if found.bound is not None:
            verified(problem, found)
    finally:
        parts_room.MERGED = before


@pytest.mark.parametrize("family", ["signed", "dense", "block", "ties", "concave", "trap"])
def test_certificates_of_trees_are_verified(family):
    problem = random_problem(18, 7, 0, family=family)
    verified(problem, secateur.solve(problem))


def test_a_certificate_of_an_unfinished_proof_states_its_bound():
    problem = random_problem(100, 40, 0)
    found = secateur.solve(problem, time_limit=0.5)
    assert found.status.value == "feasible"
    verified(problem, found)
    verdict = check(found.certificate.content, problem.bqm)
    assert not verdict.proven
    assert verdict.gap > 0


def test_what_another_solver_claims_is_told_as_its_claim():
    problem = random_problem(8, 3, 0)
    found = secateur.solve(problem, backend=Native, proof=False)
    verdict = check(found.certificate.content, problem.bqm)
    assert not verdict.verified
    assert verdict.claimed_by.startswith("native")
    assert verdict.checked == "not checked"


def honest() -> tuple[Problem, dict[str, object]]:
    upper = np.kron(np.eye(2), matrix("signed", 7, np.random.default_rng(1)))
    labels = [f"v{i}" for i in range(14)]
    budget = linear({"v0": 1.0, "v9": 2.0}, upper=2.0, name="sum")
    problem = Problem(model(upper), [count(6), at_most(3, labels[:7], name="few"), budget])
    return problem, secateur.solve(problem).certificate.content


def alterations(content: dict[str, object]):
    """Copies with one thing changed."""
    for name in ("energy", "bound"):
        other = copy.deepcopy(content)
        other["claims"][name] += 1e-3
        yield f"claims {name}", other
    other = copy.deepcopy(content)
    other["problem"]["sha256"] = "0" * 64
    yield "sha256", other
    other = copy.deepcopy(content)
    other["demands"] = other["demands"][1:]
    yield "a demand less", other
    other = copy.deepcopy(content)
    other["demands"][0]["lower"] += 1
    yield "another count", other
    other = copy.deepcopy(content)
    other["claims"]["ones"] = other["claims"]["ones"][1:]
    yield "another choice", other
    for number, block in enumerate(content["blocks"]):
        other = copy.deepcopy(content)
        other["blocks"].pop(number)
        yield f"without block {number}", other
        for k, value in enumerate(block["lower"]):
            if value is not None:  # far above any choice with so many ones
                other = copy.deepcopy(content)
                other["blocks"][number]["lower"][k] = value + 1e3
                yield f"block {number} at {k}", other
        inner = [i for i, node in enumerate(block["nodes"]) if node["children"] is not None]
        for i in inner[:5]:
            other = copy.deepcopy(content)
            other["blocks"][number]["nodes"][i]["children"][1] = block["nodes"][i]["children"][0]
            yield f"block {number} node {i} has one child twice", other


def refused_at(content, problem, demands) -> str:
    """Where the check stops; empty if it does not."""
    try:
        check(content, problem.bqm, demands)
    except CertificateError as error:
        return error.where
    return ""


def test_altered_certificates_are_refused_and_say_where():
    problem, content = honest()
    demands = [demand.data() for demand in problem.demands]
    assert check(content, problem.bqm, demands).proven
    tried = 0
    for what, other in alterations(content):
        assert refused_at(other, problem, demands), what
        tried += 1
    assert tried > 20


def test_a_certificate_is_of_one_problem():
    problem, content = honest()
    other = problem.bqm.copy()
    other.set_linear("v3", np.nextafter(other.get_linear("v3"), 10))
    with pytest.raises(CertificateError):
        check(content, other)


@pytest.mark.parametrize("name", ["proof.json", "proof.json.gz"])
def test_a_certificate_is_written_once_and_read_again(tmp_path, name):
    problem, _ = honest()
    certificate = secateur.solve(problem).certificate
    path = tmp_path / name
    certificate.save(path)
    raw = path.read_bytes()
    text = gzip.decompress(raw) if name.endswith(".gz") else raw
    assert json.loads(text) == certificate.content
    assert check(path, problem.bqm).verified
    with pytest.raises(FileError, match="exists already"):
        certificate.save(path)
    assert path.read_bytes() == raw
    with pytest.raises(FileError, match="cannot be written"):
        certificate.save(tmp_path / "none" / name)


def test_the_same_proof_is_the_same_file(tmp_path):
    problem, _ = honest()
    paths = [tmp_path / "one.json.gz", tmp_path / "two.json.gz"]
    for path in paths:
        secateur.solve(problem).certificate.save(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("demands", [(), (count(0),)])
def test_a_problem_without_variables_has_one_too(demands):
    problem = Problem(dimod.BinaryQuadraticModel({}, {}, 1.5, "BINARY"), demands)
    found = secateur.solve(problem)
    assert (found.energy, found.proof) == (1.5, "proven")
    verified(problem, found)
