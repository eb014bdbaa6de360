"""Union-find over arrays against a naive one; what tensors are known to be made of."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from secateur.network.atoms import ANY, FIXED, NOTHING, Atoms, Made, Union


class Naive:
    """Sets, merged one pair after another."""

    def __init__(self, count: int) -> None:
        self.sets = [{k} for k in range(1, count + 1)]

    def join(self, a: int, b: int) -> None:
        one, two = (next(s for s in self.sets if k in s) for k in (a, b))
        if one is not two:
            self.sets.remove(two)
            one |= two

    def root(self, a: int) -> int:
        return min(next(s for s in self.sets if a in s))


@settings(max_examples=200, deadline=None)
@given(data=st.data(), count=st.integers(1, 40))
def test_the_union_is_that_of_sets(data, count):
    union, naive = Union(), Naive(count)
    first = data.draw(st.integers(0, count))
    ids = np.concatenate([union.fresh(first), union.fresh(count - first)])
    assert ids.tolist() == list(range(1, count + 1))
    atoms = st.integers(1, count)
    for pairs in data.draw(st.lists(st.lists(st.tuples(atoms, atoms), max_size=12), max_size=5)):
        one, two = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        union.join(one, two)
        for a, b in pairs:
            naive.join(a, b)
        assert union.roots(ids).tolist() == [naive.root(a) for a in ids.tolist()]
    # what is no atom stays itself, in any shape
    mixed = np.array([[FIXED, ANY], [1, count]])
    assert union.roots(mixed).tolist() == [[FIXED, ANY], [naive.root(1), naive.root(count)]]


def test_a_long_chain_is_one_set():
    union = Union()
    ids = union.fresh(5000)
    union.join(ids[1:], ids[:-1])
    assert set(union.roots(ids).tolist()) == {1}
    more = union.fresh(3)
    assert union.roots(more).tolist() == more.tolist()


def test_ties_broadcast_and_pin_with_what_is_fixed():
    atoms = Atoms()
    atoms.where = "stem"
    rows = atoms.union.fresh(6).reshape(2, 3)
    atoms.tie_all(rows, "two halves")
    np.testing.assert_array_equal(atoms.roots(rows[0]), atoms.roots(rows[1]))
    assert len(set(atoms.roots(rows[0]).tolist())) == 3
    assert atoms.pins == {}
    more = atoms.union.fresh(4)
    atoms.tie(more, np.array([FIXED, ANY, more[1], FIXED]), "add")
    reason = "add with a tensor of fixed size (in stem)"
    assert atoms.pins == {int(more[0]): reason, int(more[3]): reason}
    assert atoms.roots(more[2:3]).tolist() == more[1:2].tolist()
    atoms.pin(more, "later")
    assert atoms.pins[int(more[0])] == reason  # the first counts
    assert atoms.pins[int(more[2])] == "later (in stem)"
    atoms.pin([FIXED, ANY], "never")
    assert len(atoms.pins) == 4


def test_a_row_is_of_atoms_any_size_or_fixed():
    made = Made({1: np.array([4, 5])}, frozenset({0}))
    assert made.row(1, 2).tolist() == [4, 5]
    assert made.row(0, 3).tolist() == [ANY] * 3
    assert made.row(2, 2).tolist() == [FIXED] * 2
    assert [made.loose(d) for d in range(3)] == [True, False, False]
    everywhere = Made({1: np.array([4, 5])}, True)
    assert [everywhere.loose(d) for d in range(3)] == [True, False, True]
    assert not NOTHING.loose(0)


def test_parameters_outlast_a_run_and_a_tensor_is_known_by_itself():
    atoms = Atoms()
    weight, activation, other = torch.zeros(2), torch.zeros(2), torch.zeros(2)
    made = Made({0: atoms.union.fresh(2)})
    atoms.give(weight, made)
    atoms.keep_parameters()
    atoms.give(activation, made)
    assert atoms.of(activation) is atoms.of(weight) is made
    assert atoms.of(other) is NOTHING
    assert atoms.is_parameter(weight)
    assert not atoms.is_parameter(activation)
    atoms.forget()
    assert atoms.of(weight) is made
    assert atoms.of(activation) is NOTHING
