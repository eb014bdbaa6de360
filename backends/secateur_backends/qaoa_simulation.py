"""QAOA on paper: an exact simulation in numpy.

The cost is diagonal, so its layer is one multiplication of the state by a vector of phases, and the
energies of all 2^n vectors are computed once. Circuits know nothing of this: measured at n = 16 a
general statevector sampler takes two orders of magnitude longer. Index bit i is variable i (little
endian, as in Qiskit).
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import numpy as np
from numpy.typing import NDArray

from secateur_backends.qaoa_ansatz import Ansatz, Floats
from secateur_backends.qaoa_watch import OutOfTime

State = NDArray[np.complex128]


class Simulation:
    """The state of an ansatz as a vector.

    Arguments:
        ansatz: the circuit.
        check: called before every gate; raises ``OutOfTime`` when the limit is over.

    Attributes:
        support: the indices that can have a probability, in the order of rising energy.
        energies: of ``support``.
    """

    def __init__(self, ansatz: Ansatz, check: Callable[[], None] = lambda: None) -> None:
        self.ansatz = ansatz
        self._check = check
        self._all = ising_energies(ansatz)
        support = np.arange(2**ansatz.n)
        if ansatz.ones is not None:
            support = support[np.bitwise_count(support) == ansatz.ones]
        values = self._all[support]
        order = np.argsort(values, kind="stable")
        self.support = support[order]
        self.energies: Floats = values[order]
        # the offset is a global phase
        self._phases = (self._all - ansatz.ising.offset) / ansatz.scale

    def state(self, angles: Floats) -> State:
        """The final state for γ's followed by β's, shape ``(2^n,)``.

        Raises:
            OutOfTime: from ``check``, unless nothing was evaluated before.
        """
        ansatz = self.ansatz
        state = start_state(ansatz)
        try:
            for gamma, beta in zip(angles[: ansatz.reps], angles[ansatz.reps :], strict=True):
                self._check()
                state *= np.exp(-1j * gamma * self._phases)
                if ansatz.mixer == "x":
                    _mix_x(state, ansatz.theta, beta, self._check)
                else:
                    _mix_xy(state, ansatz.pairs, beta * ansatz.pace, self._check)
        except OutOfTime as over:
            if not over.first:
                raise
            # what has no time is left out: every gate by itself keeps norm and count
        return state

    def probabilities(self, angles: Floats) -> Floats:
        """The probabilities of ``support``."""
        values = self.state(angles)[self.support]
        probability: Floats = values.real**2 + values.imag**2
        return probability / probability.sum()

    def draw(
        self, probabilities: Floats, shots: int, random: np.random.Generator
    ) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
        """Measure: the distinct bit vectors, best first, and how often each was seen."""
        counts = random.multinomial(shots, probabilities)
        seen = np.flatnonzero(counts)
        return to_bits(self.support[seen], self.ansatz.n), counts[seen].astype(np.int64)


def to_bits(indices: NDArray[np.integer], n: int) -> NDArray[np.int8]:
    """Basis states as rows of bits, variable 0 first."""
    return ((indices[:, None] >> np.arange(n)) & 1).astype(np.int8)


def ising_energies(ansatz: Ansatz) -> Floats:
    """The energy of every basis state, built by doubling: O(2^n) and no table of bits."""
    ising, n = ansatz.ising, ansatz.n
    matrix = np.zeros((n, n))
    matrix[ising.row, ising.col] = ising.J
    matrix += matrix.T
    # the energy of all-plus (x = 0), then what changes when x_i becomes 1, i by i
    energies = np.array([ising.offset + ising.h.sum() + 0.5 * matrix.sum()])
    for i in range(n):
        # the field on i while the variables above it are still 0 (Z = +1)
        field = np.array([ising.h[i] + matrix[i, i + 1 :].sum()])
        for j in range(i):
            field = np.concatenate([field + matrix[i, j], field - matrix[i, j]])
        energies = np.concatenate([energies, energies - 2 * field])
    return energies


def start_state(ansatz: Ansatz) -> State:
    """The state before the first layer."""
    n = ansatz.n
    if ansatz.mixer == "x":
        state = np.ones(1, dtype=np.complex128)
        for angle in ansatz.theta:
            # a later variable is a higher bit: it goes to the left of the product
            state = np.concatenate([np.cos(angle / 2) * state, np.sin(angle / 2) * state])
        return state
    assert ansatz.ones is not None
    state = np.zeros(2**n, dtype=np.complex128)
    if ansatz.basis is not None:
        state[int((ansatz.basis.astype(np.int64) << np.arange(n)).sum())] = 1
        return state
    state[np.bitwise_count(np.arange(2**n)) == ansatz.ones] = comb(n, ansatz.ones) ** -0.5
    return state


def _mix_x(
    state: State, theta: Floats, beta: float, check: Callable[[], None] = lambda: None
) -> State:
    """``exp(-iβM)`` of the X mixer, ``exp(iβ (sin θ X + cos θ Z))`` on each qubit, in place."""
    for i, angle in enumerate(theta):
        check()
        flip = 1j * np.sin(beta) * np.sin(angle)
        turn = 1j * np.sin(beta) * np.cos(angle)
        view = state.reshape(-1, 2, 2**i)
        _combine(view[:, 0], view[:, 1], np.cos(beta) + turn, np.cos(beta) - turn, flip)
    return state


def _mix_xy(
    state: State,
    pairs: tuple[tuple[int, int], ...],
    beta: float,
    check: Callable[[], None] = lambda: None,
) -> State:
    """The XY mixer pair by pair, in place: a one and a zero trade places."""
    for i, j in pairs:
        check()
        view = state.reshape(-1, 2, 2 ** (j - i - 1), 2, 2**i)
        keep = np.cos(beta)
        _combine(view[:, 0, :, 1], view[:, 1, :, 0], keep, keep, 1j * np.sin(beta))
    return state


def _combine(a: State, b: State, keep_a: complex, keep_b: complex, trade: complex) -> None:
    before = a.copy()
    a *= keep_a
    a += trade * b
    b *= keep_b
    before *= trade
    b += before
