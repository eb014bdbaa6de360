"""The ansatz as a Qiskit circuit, for Qiskit's simulators and for hardware.

The circuits are ours and not those of ``qiskit_optimization.minimum_eigensolvers.QAOA``: its loop
hands out the last distribution only, has no place for a time limit, and would have to be told the
start, the mixer and the bit order of the count-preserving form all the same. A test holds the two
against each other. (The class of that name in ``qiskit_algorithms`` is deprecated and was measured
70 times slower; ``WarmStartQAOAOptimizer`` is deprecated with it.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from secateur_backends.qaoa_ansatz import Ansatz


def circuit(ansatz: Ansatz, *, measure: bool = True) -> Any:
    """The circuit with parameters ``gamma[l]`` and ``beta[l]``; qubit i is variable i."""
    from qiskit.circuit import ParameterVector, QuantumCircuit
    from qiskit.circuit.library import XXPlusYYGate

    gamma = ParameterVector("gamma", ansatz.reps)
    beta = ParameterVector("beta", ansatz.reps)
    qaoa = QuantumCircuit(ansatz.n)
    qaoa.compose(start(ansatz), inplace=True)
    ising = ansatz.ising
    for layer in range(ansatz.reps):
        # exp(-iγh Z) = RZ(2γh), exp(-iγJ ZZ) = RZZ(2γJ)
        angle = gamma[layer] * (2 / ansatz.scale)
        for i in map(int, np.flatnonzero(ising.h)):
            qaoa.rz(angle * float(ising.h[i]), i)
        for j, k, strength in zip(ising.row, ising.col, ising.J, strict=True):
            if strength:
                qaoa.rzz(angle * float(strength), int(j), int(k))
        if ansatz.mixer == "x":
            for i, theta in enumerate(ansatz.theta):
                # turn the start's axis to Z, rotate about it, turn back
                if theta == np.pi / 2:
                    qaoa.rx(-2 * beta[layer], i)
                else:
                    qaoa.ry(-float(theta), i)
                    qaoa.rz(-2 * beta[layer], i)
                    qaoa.ry(float(theta), i)
        for i, j in ansatz.pairs:
            # XXPlusYY(t) = exp(-it (XX + YY)/4)
            qaoa.append(XXPlusYYGate(-2 * ansatz.pace * beta[layer]), (i, j))
    if measure:
        qaoa.measure_all()
    return qaoa


def start(ansatz: Ansatz) -> Any:
    """The circuit of the state before the first layer."""
    from qiskit.circuit import QuantumCircuit

    prepare = QuantumCircuit(ansatz.n)
    if ansatz.mixer == "x":
        for i, theta in enumerate(ansatz.theta):
            prepare.ry(float(theta), i)
    elif ansatz.basis is not None:
        for i in map(int, np.flatnonzero(ansatz.basis)):
            prepare.x(i)
    else:
        assert ansatz.ones is not None
        prepare.compose(dicke(ansatz.n, ansatz.ones), inplace=True)
    return prepare


def dicke(n: int, ones: int) -> Any:
    """A circuit from ``|0…0>`` to the Dicke state: every vector with ``ones`` ones, equally.

    Bärtschi and Eidenbenz, "Deterministic Preparation of Dicke States", FCT 2019, LNCS 11651,
    pp. 126-139, arXiv:1904.07358: O(n·ones) gates, depth O(n), no ancilla.
    """
    from qiskit.circuit import QuantumCircuit

    state = QuantumCircuit(n)
    # the paper counts qubits from 1; its qubit m is our m - 1
    for qubit in range(n - ones, n):
        state.x(qubit)
    for m in range(n, 1, -1):
        # split and cyclic shift on the first m qubits, of at most `ones` (or m - 1) ones
        for k in range(1, min(ones, m - 1) + 1):
            target, last = m - k - 1, m - 1
            angle = 2 * float(np.arccos(np.sqrt(k / m)))
            state.cx(target, last)
            if k == 1:
                state.cry(angle, last, target)
            else:
                # RY controlled by two qubits, from gates that every Qiskit has
                state.cry(angle / 2, m - k, target)
                state.cx(last, m - k)
                state.cry(-angle / 2, m - k, target)
                state.cx(last, m - k)
                state.cry(angle / 2, last, target)
            state.cx(target, last)
    return state
