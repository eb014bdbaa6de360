"""The tensors of a call and of outputs: their names, their number, how far they are apart."""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from secateur.errors import NetworkError
from secateur.network.call import Call
from secateur.surgery.tensors import (
    greatest_difference,
    input_names,
    named_leaves,
    output_tensors,
    resized,
    sample_tensors,
)

Pair = namedtuple("Pair", "left right")
ONE = torch.ones(1)


@dataclass
class Held:
    logits: Tensor
    more: tuple


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (ONE, ["out"]),
        (3, ["out"]),
        (None, ["out"]),
        ("text", ["out"]),
        (len, ["out"]),
        (torch.Size([2]), ["out"]),
        ((ONE, ONE), ["out.0", "out.1"]),
        ([ONE, (ONE, ONE)], ["out.0", "out.1.0", "out.1.1"]),
        ({"a": ONE, "b": [ONE]}, ["a", "b.0"]),
        (Pair(ONE, (ONE, 1)), ["left", "right.0", "right.1"]),
        ((Pair(ONE, ONE),), ["out.0.left", "out.0.right"]),
        (Held(ONE, (ONE, {"k": ONE})), ["logits", "more.0", "more.1.k"]),
        (SimpleNamespace(a=ONE, b={"c": ONE}), ["a", "b.c"]),
        ({3: ONE}, ["3"]),
        ((), []),
    ],
)
def test_every_leaf_has_the_way_to_it_for_a_name(value, names):
    assert [name for name, _ in named_leaves(value, "out")] == names


def test_outputs_are_tensors_or_nothing():
    found = output_tensors({"a": ONE, "b": None, "c": (2 * ONE,)})
    assert list(found) == ["a", "c.0"]
    assert float(found["c.0"]) == 2.0
    assert list(output_tensors(ONE)) == ["output"]
    with pytest.raises(NetworkError, match=r"output 'b' is a float"):
        output_tensors({"a": ONE, "b": 1.0})
    for nothing in ((), None, {"a": None}):
        with pytest.raises(NetworkError, match="holds no tensor"):
            output_tensors(nothing)


class Many(nn.Module):
    def forward(self, x, pair, *rest, flag=True, table=None):
        return x


def test_inputs_are_called_as_forward_calls_them():
    call = Call((ONE, (ONE, {"k": ONE}), ONE, [ONE]), {"table": ONE, "flag": False})
    assert input_names(Many(), call) == ["x", "pair.0", "pair.1.k", "input.2", "input.3.0", "table"]
    assert len(call.tensors) == 6
    assert input_names(Many(), Call((3, ONE))) == ["pair"]


def test_a_batch_of_another_size_is_the_same_samples_again():
    x = torch.arange(6.0).reshape(3, 2)
    count = torch.tensor([7, 8, 9])
    table = torch.rand(4, 4)
    call = Call((x, count), {"table": table})
    assert {id(tensor) for tensor in sample_tensors(call)} == {id(x), id(count)}
    for samples in (1, 2, 3, 4, 7, 8):
        found = resized(call, samples)
        order = [k % 3 for k in range(samples)]
        assert torch.equal(found.args[0], x[order])
        assert torch.equal(found.args[1], count[order])
        assert found.kwargs["table"] is table
        changed = resized(call, samples, change=True)
        for k in range(samples):
            factor = 0.5 + 0.5 / (1 + k // 3)
            torch.testing.assert_close(changed.args[0][k], factor * x[k % 3])
        assert torch.equal(changed.args[1], count[order])  # whole numbers may be indices


def difference(one, other) -> float:
    value, where = greatest_difference({"a": torch.as_tensor(one)}, [torch.as_tensor(other)])
    assert where == "a"
    return value


INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ([1.0, -4.0], [1.0, -4.0], 0.0),
        ([1.0, -4.0], [3.0, -4.0], 0.5),
        ([1.0, -4.0], [1.0, -8.0], 1.0),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, 0.0], [0.0, 1e-9], INF),
        ([1.0, 2.0], [[1.0, 2.0]], INF),
        ([1.0, INF], [1.0, INF], 0.0),
        ([1.0, INF], [1.5, INF], 0.5),
        ([1.0, INF], [1.0, -INF], INF),
        ([1.0, INF], [1.0, 2.0], INF),
        ([1.0, 2.0], [1.0, INF], INF),
        ([1.0, NAN], [1.0, NAN], 0.0),
        ([1.0, NAN], [1.0, INF], INF),
        ([INF, -INF], [INF, -INF], 0.0),
        ([1, 2], [1, 2], 0.0),
        ([1, 2], [1, 3], INF),
        ([1, 2], [1.0, 2.0], INF),
        ([1.0, 2.0], [1, 2], INF),
        ([True, False], [True, False], 0.0),
        ([True, False], [True, True], INF),
        ([3 + 4j, 1j], [3 + 4j, 3j], 0.5),
        ([3 + 4j], [3 + 4j], 0.0),
    ],
)
def test_how_far_two_tensors_are_apart(one, other, wanted):
    assert difference(one, other) == pytest.approx(wanted)


def test_single_and_double_precision_are_compared():
    assert difference(torch.ones(2), torch.ones(2, dtype=torch.float64)) == 0.0
    assert difference(torch.ones(2, dtype=torch.int32), torch.ones(2, dtype=torch.int64)) == 0.0


def test_the_greatest_difference_is_named():
    expected = {"a": torch.tensor([10.0]), "b": torch.tensor([1.0]), "c": torch.tensor([1.0])}
    given = [torch.tensor([11.0]), torch.tensor([1.5]), torch.tensor([1.25])]
    assert greatest_difference(expected, given) == (0.5, "b")
    assert greatest_difference(expected, expected.values()) == (0.0, "a")
    assert greatest_difference({}, []) == (0.0, "")
    with pytest.raises(ValueError, match=r"shorter|longer"):
        greatest_difference(expected, given[:2])
