"""Statistics, sums and orders: over which dimension, and what becomes of the others."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from tests.operators.told import OUT, told


@pytest.mark.parametrize("name", ["sort", "cummax", "cummin", "topk"])
def test_an_order_is_of_its_own_dimension_and_leaves_the_others(name):
    along = {"topk": (2, 2)}.get(name, (2,))
    said = told(lambda a, b: (getattr(a, name)(*along)[0] * b).sum(1), (2, 3, 4), (3, 1))
    assert said.alike("a1", "b0")
    assert said.reason("a1") is None
    assert said.reason("a2") == f"{name} goes over channels in their order"
    assert said.reason("a0") == OUT


def test_an_order_is_of_the_last_dimension_unless_told():
    for function in (lambda a: a.sort()[0].sum(1), lambda a: a.topk(2)[0].sum(1)):
        said = told(function, (2, 3, 4))
        assert str(said.reason("a2")).endswith("goes over channels in their order")
        assert said.reason("a1") is None
    running = told(lambda a: a.cumsum(-1).sum(1), (2, 3, 4))
    assert running.reason("a2") == "cumsum goes over channels in their order"
    assert running.reason("a1") is None


def test_a_running_sum_is_as_long_and_a_sorted_one_has_no_channels_there():
    long = told(lambda a, b: (a.cumsum(1) + b).sum(1), (2, 3), (3,))
    assert long.alike("a1", "b0")
    sort = told(lambda a, b: (a.sort(1)[0] + b).sum(1), (2, 3), (3,))
    assert not sort.alike("a1", "b0")
    assert sort.reason("b0") == "add with a tensor of fixed size"


def test_a_layer_norm_ties_its_weights_from_behind_and_passes_the_front():
    def norm(a, b, c):
        return F.layer_norm(a, (3, 4), b, c).sum((2, 3))

    kept = told(norm, (2, 5, 3, 4), (3, 4), (3, 4), norm_over="kept")
    assert kept.alike("a2", "b0", "c0")
    assert kept.alike("a3", "b1", "c1")
    assert kept.reason("a2") is None
    assert kept.reason("a1") == OUT
    assert [(dim, row) for _, dim, row in kept.reads(stats=True)] == [(2, "a2"), (3, "a3")]
    bare = told(lambda a: F.layer_norm(a, (3,)).sum(2), (2, 4, 3), norm_over="kept")
    assert bare.reason("a2") is None
    root = told(lambda a, b: F.rms_norm(a, (3,), b).sum(2), (2, 4, 3), (3,), norm_over="kept")
    assert root.alike("a2", "b0")
    assert root.reason("a2") is None


def test_weights_of_a_norm_stay_on_fixed_sizes_and_not_on_free_ones():
    ramp = torch.arange(24.0).view(2, 4, 3)
    why = "it normalises a tensor of fixed size"
    assert told(lambda a: F.layer_norm(ramp, (3,), a).sum(2), (3,)).reason("a0") == why
    free = told(lambda a: F.layer_norm(torch.ones(2, 4, 3), (3,), a).sum(2), (3,))
    assert free.reason("a0") is None
    batch = lambda x, a: F.batch_norm(x, None, None, a, training=True).sum(1)  # noqa: E731
    assert told(lambda a: batch(ramp, a), (4,)).reason("a0") == why
    wide = told(lambda a, b: batch(b.sum(1, keepdim=True).expand(2, 4, 3), a), (4,), (2, 5, 3))
    assert wide.reason("a0") is None


def test_a_batch_norm_ties_what_it_remembers():
    def norm(a, b, c, d):
        return F.batch_norm(a, b, c, d, None, training=False).sum(1)

    said = told(norm, (2, 3, 4), (3,), (3,), (3,))
    assert said.alike("a1", "b0", "c0", "d0")
    assert said.reason("a1") is None
    assert said.reason("a2") == OUT


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_groups_of_a_norm(groups):
    said = told(lambda a, b, c: F.group_norm(a, groups, b, c).sum(1), (2, 6, 3), (6,), (6,))
    size = 6 // groups
    if groups == 1:
        assert said.alike("a1", "b0", "c0")
        assert said.reason("a1") == "a group norm over channels: zeros would count"
        return
    assert said.sets() == {
        tuple(f"{row}[{size * g + k}]" for row in ("a1", "b0", "c0") for k in range(size))
        for g in range(groups)
    }
    assert said.reason("a1") is None
    assert said.reason("a2") == OUT


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dim", [1, -2, 2, -1])
def test_a_softmax_is_over_one_dimension(name, dim):
    def function(a, b):
        return (getattr(F, name)(a, dim) * b).sum((1, 2))

    why = "a softmax over channels: zeros would count"
    said = told(function, (2, 3, 4), (3, 4))
    over = dim % 3
    assert said.alike("a1", "b0")
    assert said.alike("a2", "b1")
    assert said.reason(f"a{over}") == why
    assert said.reason(f"a{3 - over}") is None


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("dims", [1, -2, [1], [0, -1], [1, 2]])
def test_what_is_left_of_a_sum_goes_on_where_it_stands(keep, dims):
    gone = {d % 3 for d in (dims if isinstance(dims, list) else [dims])}
    left = [d for d in range(3) if d not in gone]
    other = [n if d in left else 1 for d, n in enumerate((2, 3, 4))]
    shape = tuple(other) if keep else tuple(n for d, n in enumerate((2, 3, 4)) if d in left)
    said = told(lambda a, b: a.sum(dims, keepdim=keep) * b, (2, 3, 4), shape)
    for number, dim in enumerate(left):
        assert said.alike(f"a{dim}", f"b{dim if keep else number}")
        assert said.reason(f"a{dim}") == OUT
    for dim in gone:
        assert said.reason(f"a{dim}") is None
    assert [dim for name, dim, _ in said.reads() if name == "sum"] == sorted(gone)


def test_a_vector_is_summed_from_both_ends_and_of_nothing_is_of_all():
    for function in (lambda a: a.sum(-1), lambda a: a.sum(0), lambda a: a.sum()):
        said = told(function, (3,))
        assert said.reason("a0") is None
        assert [(dim, row) for _, dim, row in said.reads()] == [(0, "a0")]
    everything = told(lambda a: torch.sum(a, []), (2, 3))
    assert everything.reason("a0") is everything.reason("a1") is None


def test_the_larger_of_two_is_element_by_element():
    said = told(lambda a, b: torch.max(a, b).sum(1), (2, 3), (3,))
    assert said.alike("a1", "b0")
    assert said.reason("a1") is None
    assert [name for name, _, _ in said.reads()] == ["sum"]


def test_places_of_the_largest_are_numbers_and_of_others_nothing():
    why = "{} over channels gives their numbers"
    for name in ("max", "min"):
        function = lambda a, n=name: getattr(a, n)(1)[1].float()  # noqa: E731
        said = told(function, (2, 3, 4), norm_over="kept")
        assert said.reason("a1") == why.format(name)
        assert said.reason("a2") == OUT
    for name in ("argmax", "argmin", "median"):
        function = lambda a, n=name: (  # noqa: E731
            getattr(a, n)(1)[0] if n == "median" else getattr(a, n)(1).float()
        )
        said = told(function, (2, 3, 4), norm_over="kept")
        assert said.reason("a1") == why.format(name)
    both = told(lambda a: torch.std_mean(a, 1)[1], (2, 3, 4), norm_over="kept")
    assert both.reason("a1") is None
    assert both.reason("a2") == OUT
    assert [(dim, row) for _, dim, row in both.reads(stats=True)] == [(1, "a1")]


def test_a_sum_of_what_may_be_any_size_may_be_too():
    said = told(lambda a: (torch.ones(2, 4, 3).sum(1) * a).sum(1), (3,))
    assert said.reason("a0") is None
    ramp = torch.arange(24.0).view(2, 4, 3)
    fixed = told(lambda a: (ramp.sum(1) * a).sum(1), (3,))
    assert fixed.reason("a0") == "mul with a tensor of fixed size"


@pytest.mark.parametrize("dim", [0, 1])
def test_weight_norm_by_its_own_dimension(dim):
    shape = (3, 1) if dim == 0 else (1, 4)
    said = told(lambda a, b: torch._weight_norm_interface(a, b, dim)[0].sum(dim), (3, 4), shape)
    assert said.alike(f"a{dim}", f"b{dim}")
    assert said.reason(f"a{dim}") is None
    assert said.reason(f"a{1 - dim}") == "weight norm over inputs"
