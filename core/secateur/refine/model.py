"""A tensor-train distribution over bit vectors with exactly K ones.

``P(z) ∝ l' A_1[z_1] A_2[z_2] … A_n[z_n] r`` with non-negative r×r cores, conditioned on
``Σz = K`` by dynamic programming over the number of ones that are still to come: messages
``B_i[c]`` in R^r for c ones among the bits from i on, at a cost of n·K·r². So every sample has K
ones, and the likelihood that is fitted is that of the conditioned law. (The TT law and its fit to
an elite follow PROTES, Batsheva et al. 2023; the conditioning is our own.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secateur.lazy import torch
from secateur.problem.model import Bits

if TYPE_CHECKING:
    from torch import Tensor


class ExactCountTrain:
    """The conditioned law of given cores.

    Arguments:
        cores: non-negative, shape ``(n, 2, rank, rank)``; double precision.
        count: K.
    """

    def __init__(self, cores: Tensor, count: int) -> None:
        self.cores = cores
        self.count = count
        self.rank = cores.shape[-1]
        self._messages, self.log_total = self._backward()

    def _backward(self) -> tuple[list[Tensor], Tensor]:
        message = self.cores.new_zeros(self.count + 1, self.rank)
        message[0] = 1.0
        messages, log_scale = [message], self.cores.new_zeros(())
        for core in self.cores.flip(0):
            zero, one = message @ core[0].T, message @ core[1].T
            message = torch.cat([zero[:1], zero[1:] + one[:-1]])
            scale = message.detach().max()  # keeps the numbers in range
            message = message / scale
            log_scale = log_scale + scale.log()
            messages.append(message)
        messages.reverse()
        total = messages[0][self.count].sum() / self.rank
        return messages, total.log() + log_scale

    def log_likelihood(self, bits: Bits) -> Tensor:
        """``log P(z | Σz = K)`` of each row, shape ``(rows,)``; differentiable in the cores."""
        state = self.cores.new_full((len(bits), self.rank), 1.0 / self.rank)
        log_scale = self.cores.new_zeros(len(bits))
        choice = torch.as_tensor(np.asarray(bits, dtype=np.int64))
        for i in range(len(self.cores)):
            state = torch.einsum("ba,bac->bc", state, self.cores[i][choice[:, i]])
            scale = state.detach().sum(dim=1, keepdim=True)
            state = state / scale
            log_scale = log_scale + scale[:, 0].log()
        return state.sum(dim=1).log() + log_scale - self.log_total

    def sample(self, rows: int, rng: np.random.Generator) -> Bits:
        """Independent draws, each with exactly K ones, shape ``(rows, n)``."""
        cores = self.cores.detach().numpy()
        messages = [message.detach().numpy() for message in self._messages]
        state = np.full((rows, self.rank), 1.0 / self.rank)
        left = np.full(rows, self.count)
        bits = np.zeros((rows, len(cores)), dtype=np.int8)
        uniform = rng.random((len(cores), rows))
        for i, core in enumerate(cores):
            after = messages[i + 1]
            zero, one = state @ core[0], state @ core[1]
            p_zero = (zero * after[left]).sum(axis=1)
            p_one = np.where(left > 0, (one * after[np.maximum(left - 1, 0)]).sum(axis=1), 0.0)
            chosen = uniform[i] * (p_zero + p_one) >= p_zero
            chosen &= p_one > 0  # where zero has underflowed as well as one, nothing is forced
            bits[:, i] = chosen
            left -= chosen
            state = np.where(chosen[:, None], one, zero)
            state /= np.maximum(state.sum(axis=1, keepdims=True), 1e-300)
        return bits


def warm_cores(
    odds: NDArray[np.float64], bits: Bits, rank: int, rng: np.random.Generator
) -> Tensor:
    """Log-cores of a law that sits at ``bits`` and flips bit i with the given odds.

    The states of the train start slightly apart, so that the fit can make them differ.

    Arguments:
        odds: of flipping each bit, shape ``(n,)``.
        bits: the centre.
        rank: of the train.
        rng: the seed of the states' differences.
    """
    n = len(bits)
    weight = np.ones((n, 2))
    weight[np.arange(n), 1 - bits.astype(int)] = odds
    stay = 0.9 * np.eye(rank) + 0.1 / rank
    spread = 0.1 * rng.standard_normal((n, 2, rank, rank)) if rank > 1 else 0.0
    logs = np.log(weight)[:, :, None, None] + np.log(stay)[None, None] + spread
    return torch.from_numpy(np.asarray(logs, dtype=np.float64))
