"""Passes over data that are the same every time, whatever they draw at random."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

import numpy as np
import torch


def same_pass(data: Iterable[Any]) -> Iterator[Any]:
    """The items of ``data``, the same in every pass, without touching any random state outside.

    Shuffling and augmentation draw from states of their own that begin anew with every pass: the
    global ones of torch, numpy and Python, and the generators of a ``DataLoader``. (Workers that
    outlive a pass, ``persistent_workers=True``, keep theirs.)
    """
    generators = _generators(data)
    before = [generator.get_state() for generator in generators]
    inside = _States()
    iterator: Iterator[Any] | None = None
    try:
        while True:
            with inside:
                iterator = iter(data) if iterator is None else iterator
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)


def _generators(data: Iterable[Any]) -> list[torch.Generator]:
    """A loader's own generators: its, its sampler's, its batch sampler's sampler's."""
    sampler = getattr(data, "sampler", None)
    within = getattr(getattr(data, "batch_sampler", None), "sampler", None)
    owners = (data, sampler, within)
    found = {id(g): g for owner in owners if (g := getattr(owner, "generator", None)) is not None}
    return [g for g in found.values() if isinstance(g, torch.Generator)]


class _States:
    """Random states that hold inside, go on where they were left, and are gone outside."""

    def __init__(self) -> None:
        self.torch = torch.Generator().manual_seed(0).get_state()
        self.numpy: Any = np.random.RandomState(0).get_state()
        self.python = random.Random(0).getstate()
        self.outside: tuple[Any, Any, Any] | None = None

    def __enter__(self) -> None:
        self.outside = torch.get_rng_state(), np.random.get_state(), random.getstate()
        _set(self.torch, self.numpy, self.python)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.outside is not None
        self.torch, self.numpy = torch.get_rng_state(), np.random.get_state()
        self.python = random.getstate()
        _set(*self.outside)


def _set(torch_state: torch.Tensor, numpy_state: Any, python_state: Any) -> None:
    torch.set_rng_state(torch_state)
    np.random.set_state(numpy_state)
    random.setstate(python_state)
