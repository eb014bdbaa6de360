"""One call of forward: by position, by name, sample by sample."""

from __future__ import annotations

import json

import pytest
import torch

from secateur.errors import DataError
from secateur.network.call import Call, as_call, describe_call, restore_call


def test_what_users_write():
    x = torch.zeros(2, 3)
    assert as_call(x).args == (x,)
    assert as_call([x, None]).args == (x, None)
    assert as_call({"ids": x}).kwargs == {"ids": x}
    call = Call((x,))
    assert as_call(call) is call
    with pytest.raises(DataError, match="the inputs are a int"):
        as_call(3)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="a dict with the key 0"):
        as_call({0: x})


def test_the_batch_is_dimension_0_and_what_is_not_as_long_is_shared():
    images, times, table = torch.randn(4, 3), torch.arange(4), torch.randn(5, 5)
    call = Call((images, 2.5), {"time": times, "table": table, "flag": True})
    assert call.size == 4
    one = call.take(-1)
    assert torch.equal(one.args[0], images[3:])
    assert one.kwargs["time"].tolist() == [3]
    assert one.kwargs["table"] is table
    assert (one.args[1], one.kwargs["flag"]) == (2.5, True)
    assert call.take(slice(1, 3)).size == 2
    with pytest.raises(DataError, match="sample 4 of a batch of 4"):
        call.take(4)


def test_what_is_as_long_as_the_batch_by_chance_can_be_named_as_shared():
    x, adjacency = torch.randn(4, 2), torch.eye(4)
    assert Call((x, adjacency)).take(0).args[1].shape == (1, 4)
    assert Call((x, adjacency), shared=(1,)).take(0).args[1] is adjacency
    call = Call((), {"adjacency": torch.eye(3), "x": x}, shared=("adjacency",))
    assert call.size == 4


def test_a_scalar_or_a_sparse_tensor_is_no_batch():
    sparse = torch.eye(4).to_sparse()
    call = Call((torch.tensor(3), sparse, torch.randn(2, 4)))
    assert call.size == 2
    assert call.take(0).args[1] is sparse
    with pytest.raises(DataError, match=r"inputs \(0, 'flag'\) hold no tensor"):
        _ = Call((torch.tensor(3.0),), {"flag": True}).size


def test_moving_keeps_the_precision():
    call = Call((torch.zeros(1, dtype=torch.float64), {"ids": torch.zeros(1, dtype=torch.int32)}))
    assert call.to(None) is call
    moved = call.to(torch.device("meta"))
    assert [(t.dtype, t.device.type) for t in moved.tensors] == [
        (torch.float64, "meta"),
        (torch.int32, "meta"),
    ]


def test_a_call_written_as_json_has_the_same_shapes_again():
    call = Call(
        (torch.ones(1, 2, dtype=torch.int64), None, [torch.ones(1), "word"]),
        {"pair": (torch.ones(1, 3), 2), "named": {"x": torch.ones(1, dtype=torch.bfloat16)}},
        shared=(0, "pair"),
    )
    again = restore_call(json.loads(json.dumps(describe_call(call))))
    assert [(t.shape, t.dtype) for t in again.tensors] == [(t.shape, t.dtype) for t in call.tensors]
    assert again.shared == call.shared
    assert (again.args[1], again.args[2][1], again.kwargs["pair"][1]) == (None, "word", 2)
    assert isinstance(again.kwargs["pair"], tuple)
    with pytest.raises(DataError, match="a object"):
        describe_call(Call((object(),)))
