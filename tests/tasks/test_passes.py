"""Every pass over a split is the same, and leaves no trace."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, RandomSampler, TensorDataset

from secateur.tasks import Task
from secateur.tasks.passes import same_pass

X = torch.arange(10.0)


class Noisy(Dataset):
    """Augments with every generator that there is."""

    def __len__(self):
        return 6

    def __getitem__(self, k):
        return k + torch.rand(()) + np.random.rand() + random.random()


def own_sampler() -> DataLoader:
    data = TensorDataset(X)
    return DataLoader(data, sampler=RandomSampler(data, generator=torch.Generator()))


LOADERS = {
    "shuffle": lambda: DataLoader(TensorDataset(X), batch_size=3, shuffle=True),
    "its own generator": lambda: DataLoader(
        TensorDataset(X), shuffle=True, generator=torch.Generator().manual_seed(3)
    ),
    "its sampler's generator": own_sampler,
    "augmentation": lambda: DataLoader(Noisy(), batch_size=2, shuffle=True),
    "workers": lambda: DataLoader(Noisy(), batch_size=2, shuffle=True, num_workers=1),
}


def states() -> list:
    return [torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()]


@pytest.mark.parametrize("kind", LOADERS)
def test_passes_are_the_same_and_leave_no_trace(kind):
    loader = LOADERS[kind]()
    before = states()
    first = list(same_pass(loader))
    torch.rand(3), np.random.rand(), random.random()
    second = []
    for item in same_pass(loader):
        second.append(item)
        torch.rand(1)  # what is drawn in between does not matter
    for a, b in zip(first, second, strict=True):
        for one, other in zip(a, b, strict=True):
            assert torch.equal(one, other)
    flat = torch.cat([item[0] if isinstance(item, list) else item for item in first])
    assert not torch.equal(flat, flat.sort().values)
    fresh = LOADERS[kind]()
    states_now = states()
    list(same_pass(fresh))
    assert states() == states_now
    assert states_now != before


def test_a_pass_that_is_left_early_gives_generators_back():
    generator = torch.Generator().manual_seed(3)
    loader = DataLoader(TensorDataset(X), shuffle=True, generator=generator)
    before = generator.get_state()
    task = Task(loader, lambda o, t: o)
    call = task.example()
    assert torch.equal(generator.get_state(), before)
    assert torch.equal(next(task.batches("calibration")).call.args[0], call.args[0])
