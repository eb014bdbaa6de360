"""The global random states are seeded for a call, and come back."""

from __future__ import annotations

import random
import sys
import threading

import numpy as np
import pytest

from secateur.backends import preserved_global_rng


def states():
    torch = sys.modules.get("torch")
    own = torch.random.get_rng_state().tolist() if torch else None
    return random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2], own


@pytest.mark.parametrize("seed", [None, 0, 7, 2**31 - 1])
def test_the_global_random_states_come_back(seed):
    before = states()
    drawn = []
    for _ in range(2):
        with preserved_global_rng(seed) as used:
            drawn.append((random.random(), np.random.random()))
        assert used == (used if seed is None else seed)
        assert states() == before
    assert (drawn[0] == drawn[1]) == (seed is not None)
    with pytest.raises(ZeroDivisionError), preserved_global_rng(1):
        random.seed(5 + np.random.randint(5) // 0)
    assert states() == before


def test_one_within_another_brings_back_the_outer_ones():
    with preserved_global_rng(1):
        wanted = [random.random(), np.random.random(), random.random(), np.random.random()]
    before = states()
    with preserved_global_rng(1):
        drawn = [random.random(), np.random.random()]
        with preserved_global_rng(2):
            assert random.random() not in wanted
            np.random.random(5)
        drawn += [random.random(), np.random.random()]
    assert drawn == wanted
    assert states() == before


@pytest.mark.parametrize("first_out", [0, 1])
def test_of_two_threads_the_last_to_leave_brings_back_what_the_first_found(first_out):
    before = states()
    enter, leave = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def work(which):
        with preserved_global_rng(which):
            random.random()
            np.random.random()
            enter[which].set()
            assert leave[which].wait(20)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(2)]
    for which in range(2):
        threads[which].start()
        assert enter[which].wait(20)
    for which in (first_out, 1 - first_out):
        leave[which].set()
        threads[which].join(20)
    assert states() == before


def test_the_states_of_pytorch_come_back_where_it_is_loaded():
    torch = pytest.importorskip("torch")
    before = torch.random.get_rng_state()
    drawn = []
    for _ in range(2):
        with preserved_global_rng(4):
            drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1]
    assert torch.equal(torch.random.get_rng_state(), before)
