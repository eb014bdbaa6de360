"""What data may yield, and what is said of what they may not."""

from __future__ import annotations

import collections

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_sequence
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from secateur.errors import DataError, MetricError, OptionError
from secateur.tasks import Task

X, Y = torch.randn(3, 2), torch.tensor([0, 1, 2])


def loss(outputs, targets):
    return (outputs - targets).square().flatten(1).mean(1)


def first(batch, **options):
    return next(Task([batch], loss, **options).batches("calibration"))


def test_pairs_with_inputs_by_position_and_by_name():
    one = first((X, Y))
    assert (one.size, one.call.args, one.targets) == (3, (X,), Y)
    assert first([X, Y]).call.args == (X,)
    several = first(((X, Y), Y))
    assert several.call.args == (X, Y)
    named = first(({"image": X, "flag": True}, {"a": (Y, X)}))
    assert named.call.kwargs == {"image": X, "flag": True}
    assert named.targets["a"][0] is Y
    assert first((X, None)).targets is None


def test_inputs_alone_have_no_targets():
    assert first(X).targets is None
    assert first([X]).call.args == (X,)  # what a DataLoader makes of a TensorDataset
    loader = DataLoader(TensorDataset(X), batch_size=2)
    assert [b.size for b in Task(loader, loss).batches("test")] == [2, 1]
    with pytest.raises(MetricError, match=r"the targets None.*\n.*adapter=lambda batch"):
        Task([X], loss).losses(X, None)
    assert Task([X], lambda outputs, _: outputs.square().sum(1)).losses(X, None).shape == (3,)


def test_dict_batches_name_their_targets():
    batch = {"input_ids": Y, "labels": X, "weights": X[:, 0]}
    one = first(batch, targets="labels")
    assert one.targets is X
    assert list(one.call.kwargs) == ["input_ids", "weights"]
    both = first(batch, targets=("labels", "weights"))
    assert list(both.call.kwargs) == ["input_ids"]
    assert list(both.targets) == ["labels", "weights"]
    assert list(first(batch, targets=("labels",)).targets) == ["labels"]
    assert first(batch, targets=()).targets is None
    encoding = collections.UserDict(batch)  # transformers' BatchEncoding is one
    assert first(encoding, targets="labels").targets is X
    with pytest.raises(
        DataError, match=r"the keys 'input_ids', 'labels', 'weights', and it is not"
    ):
        first(batch)
    with pytest.raises(DataError, match="has no key 'label'; it has 'input_ids'"):
        first(batch, targets="label")
    with pytest.raises(DataError, match=r"batch 0 .* is a tuple, and the task names the keys"):
        first((X, Y), targets="labels")


def test_an_adapter_makes_a_pair_of_anything():
    class Graph:
        nodes, edges, label = X, Y, Y

    one = first(Graph(), adapter=lambda graph: ({"nodes": graph.nodes}, graph.label))
    assert one.call.kwargs["nodes"] is X
    auto = first(X, adapter=lambda x: (x, x))  # an autoencoder's
    assert auto.targets is X
    with pytest.raises(DataError, match=r"is a Graph\n.*adapter"):
        first(Graph())
    with pytest.raises(DataError, match="the adapter raised AttributeError on batch 0"):
        first(X, adapter=lambda batch: (batch.nodes, batch.label))
    with pytest.raises(DataError, match="the adapter made a tuple of 3"):
        first(X, adapter=lambda batch: (batch, batch, batch))
    with pytest.raises(OptionError, match="both targets and an adapter"):
        Task([X], loss, targets="labels", adapter=lambda b: b)


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ((X, Y, Y), "is a tuple of 3"),
        ((), "is a tuple of 0"),
        ("ab", "is a str"),
        ((X * float("nan"), Y), "inputs of batch 0 .* hold 6 values that are NaN"),
        ((X, X / 0.0), "targets of batch 0 .* hold 6 values that are NaN or"),
        (({"a": X, "b": [Y, X / 0.0]}, Y), r"\(at \['b'\]\[1\]\)"),
        ((X[:0], Y[:0]), "inputs of batch 0 .* are empty"),
        ((X, Y[:2]), "has 3 inputs and 2 targets"),
        ((X, {"a": Y, "b": Y[:1]}), r"1 targets in targets\['b'\]"),
        ((X, 3), "the targets of batch 0 .* are a int"),
        ((X.numpy(), Y), "inputs are a ndarray"),
        (((X.numpy(), X), Y), "numpy arrays"),
        ((torch.tensor(1.0), Y), "hold no tensor with a batch dimension"),
        ((pack_sequence([X, X[:1]]), Y), "PackedSequence"),
        (({"x": pack_sequence([X, X[:1]])}, Y), "PackedSequence"),
        (((1, 2), Y), "hold no tensor"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(batch, said):
    with pytest.raises(DataError, match=said) as caught:
        first(batch)
    assert "batch 0 of the calibration split" in caught.value.message
    assert caught.value.remedy


def test_integers_strings_and_infinite_masks_in_places_where_they_belong():
    assert first((Y, Y)).call.args[0].dtype == torch.int64
    assert first(({"ids": Y, "lang": "en", "cache": None}, Y)).call.kwargs["lang"] == "en"
    adjacency = torch.eye(5).to_sparse()
    assert first(((X, adjacency), Y)).size == 3


def test_targets_of_every_sample_by_itself():
    boxes = [{"boxes": torch.zeros(n, 4), "label": "x"} for n in (0, 3, 5)]
    one = first((X, boxes))
    assert one.take(1).targets[0]["boxes"].shape == (3, 4)
    assert one.take(slice(1, 3)).size == 2
    texts = first((X, ["a", "b", "c"]))
    assert texts.take(-1).targets == ["c"]
    arrays = first((X, np.arange(3)))
    assert arrays.take(1).targets.tolist() == [1]


def test_targets_that_belong_to_all_are_named():
    weights = torch.ones(7)
    batch = (X, {"labels": Y, "weights": weights})
    with pytest.raises(DataError, match=r"7 targets in targets\['weights'\]\n.*shared"):
        first(batch)
    one = first(batch, shared="weights").take(2)
    assert one.targets["weights"] is weights
    assert one.targets["labels"].tolist() == [2]


def test_a_split_is_batches():
    with pytest.raises(DataError, match="a TensorDataset, which yields samples"):
        Task(TensorDataset(X, Y), loss)
    with pytest.raises(DataError, match="split is a Tensor"):
        Task(X, loss)
    with pytest.raises(DataError, match="a function: it cannot be iterated"):
        Task(lambda: [(X, Y)], loss)
    with pytest.raises(DataError, match="only once"):
        Task([(X, Y)], loss, test=iter([(X, Y)]))
    with pytest.raises(OptionError, match="loss is a str"):
        Task([(X, Y)], "mse")

    class Stream(IterableDataset):
        def __iter__(self):
            yield from [(X, Y), (X[:1], Y[:1])]

    task = Task(Stream(), loss, selection=DataLoader(Stream(), batch_size=None))
    assert [b.size for b in task.batches("test")] == [3, 1]  # a loader without a length
    with pytest.raises(DataError, match="the test split has no batches"):
        list(Task([(X, Y)], loss, test=[]).batches("test"))


def test_the_example_is_one_sample_of_the_calibration_split():
    call = Task([((X, torch.eye(5)), Y)], loss).example()
    assert torch.equal(call.args[0], X[:1])
    assert call.args[1].shape == (5, 5)


def test_data_made_under_inference_mode_can_be_differentiated_through():
    with torch.inference_mode():
        frozen = torch.randn(3, 2)
    one = first((frozen, Y))
    assert not one.call.args[0].is_inference()
    assert torch.equal(one.call.args[0], frozen)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(0, 5), st.booleans())
def test_a_batch_is_its_samples_one_by_one(size, width, named):
    x = torch.arange(size * (width + 1.0)).reshape(size, width + 1)
    targets = {"y": torch.arange(size), "words": [str(k) for k in range(size)]}
    batch = first(({"x": x} if named else (x, 3), targets))
    singles = [batch.take(k) for k in range(size)]
    assert torch.equal(torch.cat([s.call.tensors[0] for s in singles]), x)
    assert torch.cat([s.targets["y"] for s in singles]).tolist() == list(range(size))
    assert [word for s in singles for word in s.targets["words"]] == targets["words"]
    assert {s.size for s in singles} == {1}
