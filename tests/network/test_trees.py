"""Tensors inside whatever a user's code hands over."""

from __future__ import annotations

import collections
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from secateur.network.trees import (
    describe_tensor,
    describe_tree,
    entries_of_samples,
    map_tensors,
    owned,
    replace_tensors,
    take_samples,
    tensors_in,
)

Point = collections.namedtuple("Point", "x y")


@dataclass(frozen=True)
class Frozen:
    values: torch.Tensor
    name: str


class Output(collections.OrderedDict):
    """Like those of transformers: a dict that torch does not know."""


def trees(size: int):
    """Trees whose every tensor has one row for each sample, ``10·leaf + sample``."""
    leaves = st.integers(1, 9).map(lambda k: torch.arange(size) + 10.0 * k)
    return st.recursive(
        leaves,
        lambda inner: (
            st.tuples(inner, inner)
            | st.dictionaries(st.sampled_from("abc"), inner, min_size=1)
            | inner.map(lambda v: Frozen(v, "kept"))
            | inner.map(lambda v: SimpleNamespace(v=v, number=3))
            | inner.map(lambda v: Output(part=v))
            | st.tuples(inner, inner).map(lambda pair: Point(*pair))
        ),
        max_leaves=6,
    )


@settings(deadline=None)
@given(st.data(), st.integers(2, 5))
def test_samples_of_any_tree_put_together_are_the_tree(data, size):
    tree = data.draw(trees(size))
    before = {path: t.clone() for path, t in tensors_in(tree).items()}
    parts = [take_samples(tree, slice(k, k + 1), size) for k in range(size)]
    for path, whole in before.items():
        assert torch.equal(torch.cat([tensors_in(part)[path] for part in parts]), whole)
    assert all(type(part) is type(tree) for part in parts)
    assert all(torch.equal(t, before[path]) for path, t in tensors_in(tree).items())


@settings(deadline=None)
@given(st.data())
def test_mapping_changes_every_tensor_and_not_the_tree(data):
    tree = data.draw(trees(2))
    before = {path: t.clone() for path, t in tensors_in(tree).items()}
    twice = tensors_in(map_tensors(tree, lambda t: 2 * t))
    assert list(twice) == list(before)
    for path, value in before.items():
        assert torch.equal(twice[path], 2 * value)
        assert torch.equal(tensors_in(tree)[path], value)


def test_paths_are_written_as_python_does():
    x, y = torch.zeros(2), torch.ones(2)
    tree = {"a": [x, Point(y, None)], "b": SimpleNamespace(c=x)}
    assert list(tensors_in(tree)) == ["['a'][0]", "['a'][1].x", "['b'].c"]


def test_lists_with_one_entry_a_sample_are_sliced_and_others_are_not():
    rows = torch.arange(3.0)
    boxes = [torch.zeros(2, 4), torch.ones(5, 4), torch.zeros(3, 4)]
    one = take_samples(boxes, slice(1, 2), 3)
    assert len(one) == 1
    assert torch.equal(one[0], boxes[1])
    dicts = [{"boxes": torch.full((2, 4), float(k))} for k in range(2)]  # two boxes, two samples
    assert torch.equal(take_samples(dicts, slice(1, 2), 2)[0]["boxes"], torch.ones(2, 4))
    words = take_samples({"text": ["a", "b", "c"]}, slice(2, 3), 3)
    assert words == {"text": ["c"]}
    parallel = take_samples([rows, rows + 1, rows + 2], slice(0, 1), 3)
    assert [t.tolist() for t in parallel] == [[0.0], [1.0], [2.0]]
    shared = take_samples((rows, torch.ones(7), np.arange(3), "word"), slice(0, 1), 3)
    assert (len(shared[0]), len(shared[1]), len(shared[2]), shared[3]) == (1, 7, 1, "word")


def test_modules_and_cycles_are_left_alone():
    layer = nn.Linear(2, 2)
    loop = SimpleNamespace(layer=layer, value=torch.zeros(2))
    loop.me = loop
    assert list(tensors_in(loop)) == [".value"]
    assert map_tensors(loop, lambda t: t + 1).value.tolist() == [1.0, 1.0]
    assert map_tensors(loop, lambda t: t + 1).layer is layer


def test_a_distribution_is_looked_into():
    normal = torch.distributions.Normal(torch.arange(3.0), torch.ones(3))
    one = take_samples(normal, slice(2, 3), 3)
    assert one.log_prob(torch.tensor([2.0])).item() == pytest.approx(-0.9189385, abs=1e-6)


def test_replacing_is_by_identity():
    a, b = torch.zeros(2), torch.zeros(2)
    new = replace_tensors({"a": a, "b": (b, a)}, {id(a): torch.ones(2)})
    assert [t.sum().item() for t in tensors_in(new).values()] == [2.0, 0.0, 2.0]


def test_a_tree_is_told_in_a_few_words():
    x, y = torch.zeros(2, 3), torch.zeros(4, dtype=torch.long)
    assert describe_tensor(y) == "int64 (4,)"
    assert describe_tree(x) == "float32 (2, 3)"
    assert describe_tree([]) == "a list without tensors"
    assert describe_tree({"n": 3}) == "a dict without tensors"
    assert describe_tree({"a": x}) == "a dict with ['a']: float32 (2, 3)"
    assert describe_tree((x, y)) == "a tuple with [0]: float32 (2, 3), [1]: int64 (4,)"
    six = describe_tree([y] * 6)
    assert six.count("int64") == 6
    assert "more" not in six
    assert describe_tree([y] * 8) == f"{six} and 2 more"


def test_a_batch_is_the_first_dimension_of_dense_tensors_and_arrays():
    assert owned(torch.zeros(3, 2), 3)
    assert not owned(torch.zeros(2, 3), 3)
    assert not owned(torch.zeros(()), 1)
    assert not owned(torch.eye(3).to_sparse(), 3)
    assert owned(np.zeros(3), 3)
    assert not owned(np.zeros(2), 3)
    assert not owned(np.zeros(()), 1)
    assert not owned([1, 2, 3], 3)
    # lists
    assert not entries_of_samples(("a", "b"), 2)
    assert not entries_of_samples(["a"], 2)
    assert entries_of_samples(["a", "b"], 2)
    assert entries_of_samples([{"x": torch.zeros(2)}, {}], 2)
    assert entries_of_samples([torch.zeros(2), torch.zeros(3)], 2)
    assert not entries_of_samples([torch.zeros(2), torch.zeros(2, 5)], 2)
