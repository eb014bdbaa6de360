"""The largest values of a tensor train among the vectors with exactly K ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Train = list[NDArray[np.float64]]
Rows = NDArray[np.int8]


def exact_count_train(n: int, count: int) -> Train:
    """The train that is 1 at the vectors with exactly K ones, and 0 elsewhere.

    A state is a number of ones so far from which K can still be reached, so the rank is at most
    ``min(K, n - K) + 1``.
    """
    cores = []
    for i in range(n):
        here, after = _reachable(n, count, i), _reachable(n, count, i + 1)
        core = np.zeros((len(here), 2, len(after)))
        for row, ones in enumerate(here):
            for bit in (0, 1):
                if ones + bit in after:
                    core[row, bit, ones + bit - after[0]] = 1.0
        cores.append(core)
    return cores


def _reachable(n: int, count: int, i: int) -> range:
    return range(max(0, count - (n - i)), min(i, count) + 1)


def best_rows(train: Train, count: int | None, beam: int) -> Rows:
    """Vectors where a train is largest in absolute value, by beam search from both ends.

    With a count, what is searched is the train multiplied by ``exact_count_train``. That product
    has the rank of both together; its blocks, one for each number of ones, never mix, so they are
    kept apart here: n·K·rank³ steps in place of n·(K·rank)³.

    Arguments:
        train: cores of shape ``(rank, 2, rank)``.
        count: K, or None for any number of ones.
        beam: vectors kept at every core.

    Returns:
        different vectors, shape ``(at most 2·beam, n)``.
    """
    import teneva

    turned = [core.transpose(2, 1, 0) for core in reversed(train)]
    found = []
    for cores, order in ((train, 1), (turned, -1)):
        if count is None:
            rows = teneva.optima_tt_beam(cores, beam, ret_all=True)
        else:
            rows = _counted(cores, count, beam)
        found.append(np.asarray(rows, dtype=np.int8)[:, ::order])
    return np.unique(np.vstack(found), axis=0)


def _counted(train: Train, count: int, beam: int) -> Rows:
    if 2 * count > len(train):  # fewer blocks for the zeros
        return 1 - _counted([core[:, ::-1] for core in train], len(train) - count, beam)
    norms = _norms(train, count)
    rows, ones = np.zeros((1, 0), np.int8), np.zeros(1, np.intp)
    state = np.ones((1, 1))
    for i, core in enumerate(train):
        left = len(train) - i - 1
        rows = np.vstack([np.hstack([rows, np.full((len(rows), 1), b, np.int8)]) for b in (0, 1)])
        ones = np.concatenate([ones, ones + 1])
        state = np.vstack([state @ core[:, 0], state @ core[:, 1]])
        keep = np.flatnonzero((ones <= count) & (count - ones <= left))
        rows, ones, state = rows[keep], ones[keep], state[keep]
        # the sum of squares over all that can follow
        weight = np.einsum("ka,kab,kb->k", state, norms[i + 1][count - ones], state)
        order = np.argsort(-weight, kind="stable")[:beam]
        rows, ones, state = rows[order], ones[order], state[order]
        state /= max(float(np.abs(state).max()), 1e-300)
    return rows


def _norms(train: Train, count: int) -> list[NDArray[np.float64]]:
    """For each core and number of ones that are to come, the Gram matrix of the rest."""
    gram = np.zeros((count + 1, 1, 1))
    gram[0] = 1.0
    made = [gram]
    for core in reversed(train):
        zero = core[:, 0] @ gram @ core[:, 0].T
        zero[1:] += core[:, 1] @ gram[:-1] @ core[:, 1].T
        gram = zero / max(float(np.abs(zero).max()), 1e-300)  # only ratios matter
        made.append(gram)
    return made[::-1]
