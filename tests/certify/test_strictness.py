"""What is not a proof of this problem is an error that says where, and never a traceback."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import math

import dimod
import numpy as np
import pytest

from secateur.certify import check
from secateur.errors import CertificateError, FileError
from tests.clocks import spends

from .prover import Instance, cardinality, certificate, packed, problem_hash, random_bqm
from .test_verdicts import plain, rich


@pytest.fixture
def good():
    instance, data = plain((4, 2), 7, 3, depth=3, fixing=0.0)
    assert data["blocks"][0]["nodes"][0]["branch"] is not None
    return instance, copy.deepcopy(data)


def refused(data, bqm, demands=None):
    with pytest.raises(CertificateError) as caught:
        check(data, bqm, demands)
    assert str(caught.value).startswith(caught.value.where)
    return caught.value


def put(data, path, value):
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = value


NODE = ("blocks", 0, "nodes", 0)
PLACES = [
    (("version",), 2, "certificate"),
    (("about",), "a certificate", "certificate"),
    (("extra",), 1, "certificate"),
    (("checkable",), 1, "certificate"),
    (("problem", "variables"), 7, "problem"),
    (("problem", "couplings"), 1, "problem"),
    (("problem", "sha256"), "0" * 64, "problem"),
    (("demands", 0, "type"), "cardinal", "demand 0"),
    (("demands", 0, "step"), 0, "demand 0"),
    (("demands", 0, "lower"), -1, "demand 0"),
    (("demands", 0, "lower"), 3.0, "demand 0"),
    (("demands", 0, "variables"), [0, 0], "demand 0"),
    (("demands", 0, "variables"), [0, 6], "demand 0"),
    (("claims", "energy"), math.nan, "claims, energy"),
    (("claims", "energy"), math.inf, "claims, energy"),
    (("claims", "energy"), None, "claims, ones"),
    (("claims", "bound"), 10**400, "claims, bound"),
    (("claims", "bound"), -(10**5000), "claims, bound"),
    (("demands", 0, "upper"), 10**5000, "demand 0"),
    (("claims", "bound"), None, "claims, bound"),
    (("claims", "bound"), -math.inf, "claims, bound"),
    (("claims", "bound"), 1e9, "claims, bound"),
    (("claims", "ones"), [0, 1], "claims, energy"),
    (("claims", "ones"), [0, 0, 1], "claims, ones"),
    (("claims", "ones"), [-1, 0, 1], "claims, ones"),
    (("claims", "tolerance"), 1e-3, "claims, tolerance"),
    (("claims", "tolerance"), -1e-9, "claims, tolerance"),
    (("multipliers",), {}, "multipliers"),
    (("multipliers",), [{"constraint": "count", "side": "upper", "value": -0.5}], "multiplier 0"),
    (("multipliers",), [{"constraint": "cont", "side": "upper", "value": 0.5}], "multiplier 0"),
    (("multipliers",), [{"constraint": "count", "side": "both", "value": 0.5}], "multiplier 0"),
    (("multipliers",), [{"constraint": "count", "side": "upper", "value": 0}] * 2, "multiplier 1"),
    (("blocks", 1, "positions"), [0, 1, 2], "block 1, positions"),
    (("blocks", 0, "constraints"), ["count"], "block 0, constraints"),
    (("blocks", 0, "constraints"), ["limit"], "block 0, constraints"),
    (("blocks", 0, "diagonal"), "A", "block 0, diagonal"),
    (("blocks", 0, "diagonal"), packed([1.0] * 3, "<f8"), "block 0, diagonal"),
    (("blocks", 0, "diagonal"), packed([9.0] * 8, "<f8"), "block 0, diagonal"),
    (("blocks", 0, "diagonal"), packed([math.nan] * 4, "<f8"), "block 0, diagonal"),
    (("blocks", 0, "diagonal"), packed([0.01] * 4, "<f8"), "block 0, diagonal"),
    (("blocks", 0, "diagonal"), None, "block 0, diagonal"),
    (("blocks", 0, "points"), packed([0.5] * 6, "<f4"), "block 0, points"),
    (("blocks", 0, "points"), "", "block 0, node 0, points"),
    (("blocks", 0, "points"), packed([0.5, 1, 0, math.inf], "<f4"), "block 0, points"),
    (("blocks", 0, "lower"), [0.0] * 4, "block 0, lower"),
    (("blocks", 0, "lower"), [math.nan] * 5, "block 0, lower, k = 0"),
    (("blocks", 0, "nodes"), [], "block 0, node 0"),
    ((*NODE, "points"), [99], "block 0, node 0, points"),
    ((*NODE, "points"), [0, 0], "block 0, node 0, points"),
    ((*NODE, "gl"), 0, "block 0, node 0, gl"),
    ((*NODE, "fixed"), [[4, 1]], "block 0, node 0, fixed"),
    ((*NODE, "fixed"), [[0, 2]], "block 0, node 0, fixed"),
    ((*NODE, "fixed"), [[0, 1], [0, 1]], "block 0, node 0, fixed"),
    ((*NODE, "fixed"), [[0, 1, 1]], "block 0, node 0, fixed"),
    ((*NODE, "branch"), 4, "block 0, node 0, branch"),
    ((*NODE, "branch"), None, "block 0, node 0"),
    ((*NODE, "children"), None, "block 0, node 0, children"),
    ((*NODE, "children"), [1], "block 0, node 0, children"),
    ((*NODE, "children"), [0, 1], "block 0, node 0, children"),
    ((*NODE, "children"), [1, 10**6], "block 0, node 0, children"),
    ((*NODE, "children"), [1, 1], "block 0, node 1"),
    ((*NODE, "infeasible"), "count", "block 0, node 0"),
    (("junction",), 0, "junction"),
    (("junction", "constraints"), ["many"], "junction"),
    (("junction", "children"), [0], "junction"),
    (("junction", "children"), [0, 0, 1], "junction.1"),
    (("junction", "children"), [0, 2], "junction.1"),
    (("junction", "children"), [0, True], "junction.1"),
    (("junction", "children"), [0, {"constraints": ["count"], "children": [1]}], "junction.1"),
]


@pytest.mark.parametrize(("path", "value", "where"), PLACES, ids=range(len(PLACES)))
def test_what_is_wrong_is_said_with_its_place(good, path, value, where):
    instance, data = good
    put(data, path, value)
    assert refused(data, instance.bqm).where == where


def test_a_leaf_that_is_missing_or_of_another_problem_is_found(good):
    instance, data = good
    nodes = data["blocks"][0]["nodes"]
    inner = next(i for i, node in enumerate(nodes) if node["branch"] is not None and i)
    nodes[inner] |= {"branch": None, "children": None}
    assert refused(data, instance.bqm).where.startswith("block 0, node")
    _, foreign = plain((4, 2), 8, 3, depth=3, fixing=0.0)
    assert refused(foreign, instance.bqm).where == "problem"
    instance, data = plain((4, 2), 7, 3, depth=3, fixing=0.0)
    swapped = {
        **data,
        "blocks": [
            foreign["blocks"][0] | {"positions": data["blocks"][0]["positions"]},
            data["blocks"][1],
        ],
    }
    assert refused(swapped, instance.bqm).where.split(",")[0] in ("block 0", "junction")


def test_a_variable_is_fixed_once_on_a_path(good):
    instance, data = good
    nodes = data["blocks"][0]["nodes"]
    child = nodes[0]["children"][1]
    nodes[child]["fixed"] = [[nodes[0]["branch"], 1]]
    assert refused(data, instance.bqm).where == f"block 0, node {child}, fixed"
    nodes[child] |= {"fixed": [], "branch": nodes[0]["branch"]}
    assert refused(data, instance.bqm).where == f"block 0, node {child}, branch"


def test_a_leaf_is_empty_only_where_its_demand_says_so():
    instance, groups, junction, inner = rich()
    data = certificate(instance, groups, junction, inner=inner, depth=99)
    at = [
        (b, i)
        for b, block in enumerate(data["blocks"])
        for i, node in enumerate(block["nodes"])
        if node["children"] is None and node["infeasible"] is None
    ]
    for block, i in at[:: len(at) // 20 + 1]:
        for name in [d["name"] for d in instance.demands] + ["another"]:
            wrong = copy.deepcopy(data)
            wrong["blocks"][block]["nodes"][i]["infeasible"] = name
            assert refused(wrong, instance.bqm).where == f"block {block}, node {i}"


def test_blocks_share_no_coupling_and_hold_every_variable():
    bqm, groups = random_bqm((3, 2), 3)
    instance = Instance(bqm, [])
    a, b = groups
    split = [sorted([a[0], *b]), sorted(a[1:])]
    data = certificate(instance, split, ([], [0, 1]), depth=0)
    data["claims"] |= {"bound": -1e3, "proven": False}
    assert "coupled" in str(refused(data, bqm))
    data = certificate(instance, groups, ([], [0, 1]), depth=0)
    data["blocks"].pop()
    data["junction"]["children"] = [0]
    assert refused(data, bqm).where == "blocks"
    # a multiplied form may couple what the problem does not
    form = {
        "type": "quadratic",
        "name": "across",
        "linear": [],
        "quadratic": [[a[0], b[0], 1.0]],
        "offset": 0.0,
        "lower": 0.0,
        "upper": 1.0,
    }
    priced = [{"constraint": "across", "side": "upper", "value": 0.5}]
    instance = Instance(bqm, [form])
    data = certificate(instance, groups, ([], [0, 1]), multipliers=priced, depth=0)
    data["claims"] |= {"bound": -1e3, "proven": False}
    assert "coupled" in str(refused(data, bqm))


def test_demands_that_are_given_must_be_those_of_the_certificate():
    instance, groups, junction, inner = rich()
    data = certificate(instance, groups, junction, inner=inner, depth=1)
    mine = copy.deepcopy(instance.demands)
    for demand in mine:
        demand["name"] += "!"  # names are not compared
    mine[0] |= {"variables": list(range(9))}
    mine[2] |= {"upper": 6}  # 1, 3, 5 as well
    mine[5]["coefficients"].reverse()
    mine[6] |= {"offset": 0.0, "lower": -1.0, "upper": 3.0}
    assert check(data, instance.bqm, mine[::-1]).verified
    assert "that the problem does not have: 'memory'" in str(
        refused(data, instance.bqm, mine[:5] + mine[6:])
    )
    more = [*mine, cardinality("one", [1], 0, 0)]
    assert "does not state: 'one'" in str(refused(data, instance.bqm, more))
    for place, change in ((0, {"upper": 5}), (5, {"upper": 4.25}), (6, {"offset": 0.1})):
        other = copy.deepcopy(mine)
        other[place] |= change
        assert refused(data, instance.bqm, other).where == "demands"
    assert "'memory': linear of 3 variables" in str(check(data, instance.bqm))


def test_a_bound_of_another_solver_is_not_checked(good):
    instance, data = good
    for key in ("blocks", "junction", "multipliers"):
        del data[key]
    data |= {"checkable": False, "claimed_by": "gurobi 13.0.3"}
    verdict = check(data, instance.bqm)
    assert not verdict.verified
    assert verdict.checked == "not checked"
    assert "claimed by gurobi 13.0.3, not checked" in str(verdict)
    data["claims"]["energy"] += 1e-6
    assert refused(data, instance.bqm).where == "claims, energy"


def test_the_hash_is_of_labels_biases_and_offset():
    bqm, groups = random_bqm((3, 2), 3)
    data = certificate(Instance(bqm, []), groups, ([], [0, 1]), depth=0)
    check(data, bqm)
    others = [bqm.copy() for _ in range(4)]
    others[0].add_linear("x0", 1e-9)
    others[1].offset += 1e-9
    others[2].add_quadratic(*next(iter(bqm.quadratic)), 1e-9)
    others[3].relabel_variables({"x0": 0})
    for other in others:
        assert refused(data, other).where == "problem"
    spins = bqm.change_vartype(dimod.SPIN, inplace=False)
    assert refused(data, spins).where == "problem"
    bqm.add_linear("x0", math.inf)
    assert refused(data, bqm).where == "problem"


def test_files(tmp_path, good):
    instance, data = good
    text = json.dumps(data)
    plainly, packed_ = tmp_path / "proof.json", tmp_path / "proof.json.gz"
    plainly.write_text(text)
    packed_.write_bytes(gzip.compress(text.encode()))
    assert check(plainly, instance.bqm).verified
    assert check(str(packed_), instance.bqm).verified
    with pytest.raises(FileError):
        check(tmp_path / "none.json", instance.bqm)
    wrong = {
        "cut.json": text[:-20].encode(),
        "cut.json.gz": packed_.read_bytes()[:-20],
        "twice.json.gz": packed_.read_bytes() * 2,
        "plain.json.gz": text.encode(),
        "latin.json": b"\xff" + text.encode(),
        "deep.json": b"[" * 200_000 + b"]" * 200_000,
        "list.json": b"[]",
        "nan.json": text.replace(str(data["claims"]["bound"]), "NaN").encode(),
        "huge.json": text.replace(str(data["claims"]["bound"]), "1e999").encode(),
        "long.json": text.replace(str(data["claims"]["bound"]), "9" * 5000).encode(),
        "keys.json": text.replace('"version": 1', '"version": 2, "version": 1').encode(),
        "bomb.json.gz": gzip.compress(b" " * (1 << 27)),
    }
    for name, content in wrong.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, instance.bqm)


def test_junctions_may_be_nested_and_not_without_end(good):
    instance, data = good
    for _ in range(90):
        data["junction"] = {"constraints": ["count"], "children": [data["junction"]]}
    assert check(data, instance.bqm).verified
    for _ in range(5000):
        data["junction"] = {"constraints": ["count"], "children": [data["junction"]]}
    assert "within one another" in str(refused(data, instance.bqm))


@pytest.mark.parametrize("n", [0, 1])
def test_the_smallest_problems(n):
    bqm = dimod.BinaryQuadraticModel("BINARY")
    bqm.offset = 1.5
    for i in range(n):
        bqm.add_linear(i, -0.25)
    data = certificate(Instance(bqm, []), [[0]] * n, ([], list(range(n))))
    verdict = check(data, bqm)
    assert verdict.proven
    assert verdict.bound == verdict.energy == 1.5 - 0.25 * n
    data["claims"]["bound"] = math.nextafter(data["claims"]["bound"], 2)
    refused(data, bqm)


def test_a_wide_block_without_couplings_takes_seconds():
    w = 60_000
    h = np.sort(np.random.default_rng(0).integers(-1000, 1000, w)).astype(float)
    bqm = dimod.BinaryQuadraticModel(h, {}, 0.0, "BINARY")
    lower = [0.0, *np.cumsum(h).tolist()]
    count = w // 3
    node = {
        "points": [0],
        "gl": False,
        "fixed": [],
        "branch": None,
        "children": None,
        "infeasible": None,
    }
    data = {
        "about": "secateur certificate",
        "version": 1,
        "problem": problem_hash(bqm),
        "demands": [cardinality("count", None, count, count)],
        "claims": {
            "energy": lower[count],
            "bound": lower[count],
            "ones": list(range(count)),
            "tolerance": 0.0,
            "proven": True,
        },
        "checkable": True,
        "multipliers": [],
        "blocks": [
            {
                "positions": list(range(w)),
                "constraints": [],
                "diagonal": None,
                "points": None,
                "nodes": [node],
                "lower": lower,
            }
        ],
        "junction": {"constraints": ["count"], "children": [0]},
    }
    with spends(10.0):
        assert check(data, bqm).proven
    data["blocks"][0]["lower"][17] += 1.0
    assert refused(data, bqm).where == "block 0, node 0, k = 17"


def test_coupled_blocks_may_be_too_wide():
    w = 4100
    bqm = dimod.BinaryQuadraticModel(dict.fromkeys(range(w), 0.0), {}, 0.0, "BINARY")
    bqm.add_quadratic_from((i, i + 1, 1.0) for i in range(w - 1))
    node = {
        "points": [],
        "gl": True,
        "fixed": [],
        "branch": None,
        "children": None,
        "infeasible": None,
    }
    data = {
        "about": "secateur certificate",
        "version": 1,
        "problem": problem_hash(bqm),
        "demands": [],
        "claims": {"energy": 0.0, "bound": 0.0, "ones": [], "tolerance": 0.0, "proven": True},
        "checkable": True,
        "multipliers": [],
        "blocks": [
            {
                "positions": list(range(w)),
                "constraints": [],
                "diagonal": None,
                "points": None,
                "nodes": [node],
                "lower": [0.0] * (w + 1),
            }
        ],
        "junction": {"constraints": [], "children": [0]},
    }
    assert "at most 4096" in str(refused(data, bqm))


def test_base64_is_strict(good):
    instance, data = good
    content = data["blocks"][0]["points"]
    assert base64.b64decode(content)
    data["blocks"][0]["points"] = content[:4] + "\n" + content[4:]
    assert refused(data, instance.bqm).where == "block 0, points"
