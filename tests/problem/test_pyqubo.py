"""Problems written in PyQUBO, against the same ones by hand; with the real package."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import dimod
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyqubo import Binary, Constraint, Num, Placeholder, Spin

from secateur.errors import ConstraintError, MissingExtra, SecateurError
from secateur.problem.pyqubo import from_pyqubo
from tests.problem.written import LABELS, A, B, C, channels, vectors


def lowest(bqm):
    found = dimod.ExactSolver().sample(bqm).lowest()
    return {tuple(sorted(sample.items())) for sample in found.samples()}


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_an_expression_is_the_model_made_by_hand(data):
    numbers = st.integers(-4, 4).map(float)
    z = channels()
    by_hand = dimod.BinaryQuadraticModel(dict.fromkeys(LABELS, 0.0), {}, "BINARY")
    expression = Num(0.0)
    for i, label in enumerate(LABELS):
        bias = data.draw(numbers)
        by_hand.add_linear(label, bias)
        expression = expression + bias * z[i]
    for i, j in itertools.combinations(range(len(LABELS)), 2):
        bias = data.draw(numbers)
        by_hand.add_quadratic(LABELS[i], LABELS[j], bias)
        expression = expression + z[j] * z[i] * bias
    # the penalty of a count, with a placeholder
    ones, strength = data.draw(st.integers(0, 6)), data.draw(numbers)
    terms = [(label, 1) for label in LABELS]
    by_hand.add_linear_equality_constraint(terms, lagrange_multiplier=strength, constant=-ones)
    penalty = Constraint((sum(z) - ones) ** 2, label="count")
    model = expression + Placeholder("strength") * penalty + 1.5
    by_hand.offset += 1.5
    given_model = model.compile() if data.draw(st.booleans()) else model
    bqm, constraints, checks = from_pyqubo(given_model, {"strength": strength})
    assert constraints == ()
    assert tuple(bqm.variables) == LABELS
    assert bqm.is_almost_equal(by_hand)
    assert lowest(bqm) == lowest(by_hand)
    for sample in lowest(bqm):
        total = sum(dict(sample).values())
        wanted = {} if total == ones else {"count": float((total - ones) ** 2)}
        assert checks.broken(dict(sample)) == wanted


def test_the_variables_are_in_natural_order_or_in_that_of_the_labels():
    expression = sum(Binary(f"x{i}") for i in (10, 9, 1, 2))
    bqm, _, _ = from_pyqubo(expression)
    assert list(bqm.variables) == ["x1", "x2", "x9", "x10"]
    bqm, _, _ = from_pyqubo(expression, labels=["x10", "z", "x9", "x2", "x1"])
    assert list(bqm.variables) == ["x10", "z", "x9", "x2", "x1"]
    assert bqm.linear == {"x10": 1, "z": 0, "x9": 1, "x2": 1, "x1": 1}


def test_labels_that_are_no_text():
    bqm, _, checks = from_pyqubo(
        Constraint(Binary("0") * Binary("1"), "both") - Binary("('layer', 1)"),
        labels=[0, 1, ("layer", 1)],
    )
    assert list(bqm.variables) == [0, 1, ("layer", 1)]
    assert bqm.linear == {0: 0, 1: 0, ("layer", 1): -1}
    assert bqm.quadratic == {(0, 1): 1}
    assert checks.broken({0: 1, 1: 1, ("layer", 1): 0}) == {"both": 1.0}


def test_spins():
    s, t, a = Spin("s"), Spin("t"), Binary("a")
    bqm, _, checks = from_pyqubo(2 * s * t - s + 3 * a * s + Constraint((s + t) ** 2, "opposite"))
    assert bqm.vartype is dimod.BINARY
    for z in vectors(["a", "s", "t"]):
        u, v = 2 * z["s"] - 1, 2 * z["t"] - 1
        assert bqm.energy(z) == pytest.approx(2 * u * v - u + 3 * z["a"] * u + (u + v) ** 2)
        assert checks.values(z) == {"opposite": (u + v) ** 2}
        assert set(checks.broken(z)) == ({"opposite"} if u == v else set())


def test_a_constant():
    bqm, _, checks = from_pyqubo(Num(3.0))
    assert (bqm.num_variables, bqm.offset) == (0, 3.0)
    assert checks.broken({}) == {}
    bqm, _, _ = from_pyqubo(Num(3.0), labels=["a"])
    assert (list(bqm.variables), bqm.energy({"a": 1})) == (["a"], 3.0)


@pytest.mark.parametrize(
    ("model", "feed", "said", "remedy"),
    [
        (A * Placeholder("M"), None, "the value of M is not provided", "feed_dict="),
        (A * Placeholder("M"), {"N": 1.0}, "the value of M is not provided", "feed_dict="),
        (A * Placeholder("M"), {"M": 1.0, "N": 1.0}, "no placeholder 'N'", "leave it out"),
        (A, {"M": 1.0}, "no placeholder 'M'", "leave it out"),
        (A * Placeholder("M"), {"M": "1"}, "the value '1' for 'M'", "finite"),
        (A * Placeholder("M"), {"M": math.nan}, "the value nan for 'M'", "finite"),
        (A * Placeholder("M"), {"M": True}, "the value True for 'M'", "finite"),
        (A * Placeholder("M"), {1: 1.0}, "for 1", "placeholder"),
        (A * math.inf, None, "NaN or infinite", "feed_dict"),
        (A * B * C, None, "product of three or more variables, .* 'a \\* b'", "AndConst"),
        ("a + b", None, "the model is a str", "expression"),
        (dimod.Binary("a"), None, "the model is a BinaryQuadraticModel", "expression"),
        (Constraint(A, "x") + Constraint(B, "x"), None, "have the label 'x'", "its own"),
        (Constraint(A, "c", condition=lambda v: 1 / 0), None, "cannot decode", "condition"),
    ],
)
def test_a_model_that_cannot_be_taken(model, feed, said, remedy):
    with pytest.raises(SecateurError, match=said) as caught:
        from_pyqubo(model, feed)
    assert remedy in caught.value.remedy


def test_placeholders_that_cost_nothing_are_asked_for_too():
    # PyQUBO would end the process at decoding
    model = Constraint(A * Placeholder("M"), "x") * 0 + B
    with pytest.raises(SecateurError, match="the value of M"):
        from_pyqubo(model)
    assert from_pyqubo(model, {"M": 2.0})[2].values({"a": 1, "b": 0}) == {"x": 2.0}


def test_a_variable_that_the_problem_does_not_have():
    with pytest.raises(ConstraintError, match=r"'layer.0:7', which the problem") as caught:
        from_pyqubo(Binary("layer.0:7") + Binary("layer.0:1"), labels=LABELS)
    assert "did you mean 'layer.0:" in caught.value.remedy
    with pytest.raises(ConstraintError, match="have the same text"):
        from_pyqubo(Binary("1"), labels=[1, "1"])


def test_one_constraint_used_twice_is_one():
    once = Constraint((A + B - 1) ** 2, "one")
    _, _, checks = from_pyqubo(once + 2 * once)
    assert checks.names == ("one",)
    _, _, checks = from_pyqubo(Constraint(A, "it's") + Constraint(B, "(b"))  # no way to tell
    assert checks.names == ("(b", "it's")


def test_without_the_package():
    program = (
        "import sys; sys.modules['pyqubo'] = None\n"
        "from secateur.errors import MissingExtra\n"
        "from secateur.problem.pyqubo import from_pyqubo\n"
        "try:\n    from_pyqubo(3)\n"
        "except MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "pip install 'secateur[pyqubo]'" in done.stdout
    assert issubclass(MissingExtra, ImportError)


def test_the_package_is_loaded_when_it_is_used():
    program = "import secateur.problem.pyqubo, sys; print('pyqubo' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
