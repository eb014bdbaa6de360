"""Variables, vectors and checks of problems written in PyQUBO."""

from __future__ import annotations

import itertools

from pyqubo import Binary

from secateur.problem.pyqubo import from_pyqubo

LABELS = tuple(f"layer.{i}:{j}" for i in range(2) for j in range(3))


def vectors(labels):
    for bits in itertools.product((0, 1), repeat=len(labels)):
        yield dict(zip(labels, bits, strict=True))


def channels(labels=LABELS):
    return [Binary(label) for label in labels]


ABC = ("a", "b", "c")
A, B, C = channels(ABC)


def checks_of(model, feed=None, **more):
    return from_pyqubo(model, feed, **more)[2]
