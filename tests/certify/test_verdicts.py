"""Good certificates are verified, and what is verified is the truth by brute force."""

from __future__ import annotations

import copy
import math
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secateur.certify import check
from secateur.errors import CertificateError

from .prover import Instance, cardinality, certificate, random_bqm

F = Fraction


def plain(sizes=(4, 3), seed=0, count=3, kind="signed", scale=1.0, **tree):
    bqm, groups = random_bqm(sizes, seed, kind=kind, scale=scale)
    demands = [] if count is None else [cardinality("count", None, count, count)]
    instance = Instance(bqm, demands)
    names = [d["name"] for d in demands]
    junction = (names, list(range(len(sizes))))
    return instance, certificate(instance, groups, junction, seed=seed, **tree)


@pytest.mark.parametrize("count", [None, 0, 1, 4, 7])
@pytest.mark.parametrize("kind", ["signed", "positive", "ties", "range"])
def test_a_whole_tree_proves_the_optimum(kind, count):
    for seed in range(4):
        instance, data = plain(seed=seed, kind=kind, count=count, fixing=0.0)
        verdict = check(data, instance.bqm)
        best = instance.best()[0]
        assert verdict.verified
        assert verdict.energy == best
        # each curve, and their sum, is rounded down to floats
        assert (
            0
            <= best - verdict.bound
            <= F(1, 2**48)
            * sum(map(abs, [*instance.h, *instance.J.values(), F(instance.bqm.offset)]))
        )
        assert verdict.gap == verdict.energy - verdict.bound
        assert verdict.nodes == tuple(len(block["nodes"]) for block in data["blocks"])


@settings(max_examples=60, deadline=None)
@example(14003, 0, "range", 0.0, (1, False), 1.0, None)  # a gap within 1e-6 of the constant only
@given(
    seed=st.integers(0, 10**6),
    depth=st.integers(0, 4),
    kind=st.sampled_from(["signed", "positive", "ties", "range"]),
    fixing=st.sampled_from([0.0, 0.15, 0.5]),
    rule=st.sampled_from([(1, False), (3, False), (0, True), (2, True)]),
    scale=st.sampled_from([1.0, 1e-12, 1e12, 2.0**-1000]),
    count=st.sampled_from([None, 0, 2, 5]),
)
def test_a_partial_tree_proves_what_its_leaves_prove(seed, depth, kind, fixing, rule, scale, count):
    points, gl = rule
    instance, data = plain(
        (3, 2, 1), seed, count, kind, scale, depth=depth, fixing=fixing, points=points, gl=gl
    )
    verdict = check(data, instance.bqm)
    assert verdict.verified
    assert verdict.bound <= instance.best()[0] == verdict.energy


def rich():
    """Junctions with limits, inner demands, a linear and a quadratic budget, multipliers."""
    bqm, groups = random_bqm((4, 3, 2), 5)
    a, b, c = groups
    demands = [
        cardinality("count", None, 3, 6),
        cardinality("layer", a, 1, 3),
        cardinality("pair", sorted(a + b), 1, 5, 2),
        cardinality("tied", b[:2], 0, 2, 2),
        cardinality("kept", [c[0]], 0, 0),
        {
            "type": "linear",
            "name": "memory",
            "lower": None,
            "upper": 4.5,
            "coefficients": [[i, 0.5 + i] for i in (a[0], b[0], b[2])],
        },
        {
            "type": "quadratic",
            "name": "cost",
            "lower": -0.75,
            "upper": 3.25,
            "offset": 0.25,
            "linear": [[a[0], 1.0], [a[1], -0.5]],
            "quadratic": [[a[0], a[1], 1.5], [a[3], a[2], -2.0]],
        },
    ]
    instance = Instance(bqm, demands)
    return instance, groups, (["count"], [(["pair"], [0, 1]), 2]), [["layer"], [], []]


MULTIPLIERS = [
    {"constraint": "count", "side": "lower", "value": 0.3},
    {"constraint": "memory", "side": "upper", "value": 0.125},
    {"constraint": "cost", "side": "upper", "value": 0.1},
    {"constraint": "cost", "side": "lower", "value": 0.7},
]


@pytest.mark.parametrize("multipliers", [[], MULTIPLIERS[:1], MULTIPLIERS])
@pytest.mark.parametrize("depth", [1, 3, 99])
def test_every_kind_of_demand_is_used(multipliers, depth):
    instance, groups, junction, inner = rich()
    best = instance.best()[0]
    for seed in range(3):
        data = certificate(
            instance, groups, junction, multipliers=multipliers, inner=inner, seed=seed, depth=depth
        )
        verdict = check(data, instance.bqm, instance.demands)
        assert verdict.verified
        assert verdict.bound <= best == verdict.energy
        if depth == 99 and not multipliers:
            reasons = {node["infeasible"] for block in data["blocks"] for node in block["nodes"]}
            assert len(reasons) > 2
        if data["claims"]["proven"]:
            assert verdict.proven


def test_that_no_choice_keeps_the_demands_is_proven():
    bqm, groups = random_bqm((3, 2), 1)
    demands = [cardinality("many", None, 4), cardinality("few", groups[0], 0, 1)]
    instance = Instance(bqm, demands)
    assert instance.best() is None
    data = certificate(instance, groups, (["many"], [0, 1]), inner=[["few"], []])
    assert data["claims"]["bound"] is None
    verdict = check(data, bqm)
    assert verdict.infeasible
    assert "no choice keeps the demands" in str(verdict)
    easy = [cardinality("many", None, 3), demands[1]]
    with pytest.raises(CertificateError, match="junction: "):
        check({**data, "demands": easy}, bqm)


def test_no_number_of_a_curve_or_bound_can_be_a_hair_higher():
    instance, data = plain(kind="ties", count=3, fixing=0.0)  # whole numbers: the floats are exact
    check(data, instance.bqm)
    for number, block in enumerate(data["blocks"]):
        for k, value in enumerate(block["lower"]):
            if value is None:
                continue
            wrong = copy.deepcopy(data)
            wrong["blocks"][number]["lower"][k] = math.nextafter(value, math.inf)
            with pytest.raises(CertificateError) as caught:
                check(wrong, instance.bqm)
            assert caught.value.where.startswith(f"block {number}, node ")
            assert caught.value.where.endswith(f"k = {k}")
    wrong = copy.deepcopy(data)
    wrong["claims"]["bound"] = math.nextafter(data["claims"]["bound"], math.inf)
    wrong["claims"]["energy"] = wrong["claims"]["bound"]
    with pytest.raises(CertificateError, match="bound"):
        check(wrong, instance.bqm)


def leaves(data, path=()):
    """Every place in a JSON value, and every container."""
    if path:
        yield path
    if isinstance(data, (dict, list)):
        for key in list(data) if isinstance(data, dict) else range(len(data)):
            yield from leaves(data[key], (*path, key))


def altered(value):
    """Other values for one place."""
    if isinstance(value, bool):
        return [not value, None, 1]
    if isinstance(value, (int, float)):
        near = (
            [math.nextafter(value, math.inf), value * (1 + 1e-9)]
            if isinstance(value, float)
            else []
        )
        return [value + 1, value - 1, value * 2, -value, 0, None, "1", [value], float("nan"), *near]
    if value is None:
        return [0, 0.0, -1e300, "count", [], [0, 1]]
    if isinstance(value, str):
        turned = [value[:-1], value[1:], value + "A", None, 3]
        return turned + [
            value[:i] + ("B" if value[i] != "B" else "C") + value[i + 1 :]
            for i in range(0, len(value), 7)
        ]
    if isinstance(value, list):
        fewer = [value[:i] + value[i + 1 :] for i in range(len(value))]
        return [*fewer, value + value[:1], value[::-1], None, {}, []]
    return [
        None,
        [],
        {},
        *({k: v for k, v in value.items() if k != key} for key in value),
        {**value, "x": 1},
    ]


def everything_altered(data):
    for path in list(leaves(data)):
        place = data
        for key in path[:-1]:
            place = place[key]
        before = place[path[-1]]
        for value in altered(before):
            place[path[-1]] = value
            yield path, value, data
        place[path[-1]] = before


@pytest.mark.parametrize("which", ["plain", "rich"])
def test_whatever_is_altered_is_refused_or_still_true(which):
    if which == "plain":
        instance, data = plain((3, 2), 2, 2, depth=2)
    else:
        instance, groups, junction, inner = rich()
        data = certificate(
            instance, groups, junction, inner=inner, multipliers=MULTIPLIERS, seed=1, depth=2
        )
    data = copy.deepcopy(data)
    best = instance.best()[0]
    refused = accepted = 0
    for path, value, wrong in everything_altered(data):
        try:
            verdict = check(wrong, instance.bqm, instance.demands)
        except CertificateError:
            refused += 1
            continue
        accepted += 1
        assert verdict.energy is None or verdict.energy >= best, (path, value)
        assert not verdict.infeasible, (path, value)
        if verdict.verified:
            assert verdict.bound <= best, (path, value)
            if verdict.proven:
                assert best - verdict.bound <= F(1e-6) * abs(best), (path, value)
    assert refused > 4 * accepted


@pytest.mark.parametrize("seed", range(3))
def test_no_alteration_makes_a_false_bound_true(seed):
    """A worse choice is told, and curves are raised to add up to more than the optimum."""
    instance, data = plain((3, 2), seed, 2, depth=3, fixing=0.1)
    best = instance.best()[0]
    ones = max(
        ([i, j] for i in range(5) for j in range(i)),
        key=lambda pair: instance.energy([int(i in pair) for i in range(5)]),
    )
    worse = instance.energy([int(i in ones) for i in range(5)])
    assert worse > best
    data = copy.deepcopy(data)
    data["claims"] |= {"energy": float(worse), "ones": ones, "proven": False}
    data["claims"]["bound"] = float((worse + best) / 2)
    step = float(worse - F(data["claims"]["bound"])) + float(worse - best)
    data["blocks"][0]["lower"] = [
        None if x is None else x + step for x in data["blocks"][0]["lower"]
    ]
    with pytest.raises(CertificateError, match="block 0, node"):
        check(data, instance.bqm)
    for path, value, wrong in everything_altered(data):
        try:
            verdict = check(wrong, instance.bqm, instance.demands)
        except CertificateError:
            continue
        # only what withdraws the claim itself
        assert path[0] == "claims", (path, value)
        assert verdict.bound is None or verdict.bound <= best, (path, value)
