"""Where a problem's variables lie on a chip: every block by itself, side by side.

A dense block gets the regular embedding of a clique in what is left of the chip, which is quick and
has chains of one length; a sparse one a heuristic embedding. Blocks that find no more room are for
another submission.
"""

from __future__ import annotations

import hashlib
import importlib
import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.lazy import dimod
from secateur.problem import Problem
from secateur_backends.leap_blocks import Positions

_DENSE = 0.3
"""Above this density the heuristic finds nothing better than the regular embedding of a clique."""
_BESIDE = 0.1
"""Of the time for an embedding, what the heuristic may try beside other blocks; it rarely helps."""
_MOST_SCALED = 2.0**40
"""A block with biases that are smaller than this share of another's is left small: it is zero."""

_SMALL = 12
"""Blocks with fewer variables are embedded in a few qubits that lie together. On a Zephyr graph
minorminer (0.2.22) takes all memory over the regular embedding of 5 to 8."""
_ROOM = (4, 12)
"""So many qubits a variable of a small block are looked at first, and then."""

Embedding = dict[int, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Chip:
    """The working graph of a quantum computer.

    Arguments:
        nodes: working qubits, sorted.
        edges: working couplers, sorted.
        topology: the kind and the size of the perfect graph, as the service tells them.
    """

    nodes: list[int]
    edges: list[tuple[int, int]]
    topology: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, nodes: Iterable[int], edges: Iterable[Sequence[int]], topology: Mapping[str, Any]
    ) -> Chip:
        """From nodes and edges in any order."""
        both = sorted((min(u, v), max(u, v)) for u, v in edges)
        return cls(sorted(nodes), both, dict(topology))

    def without(self, used: set[int]) -> Chip:
        """What is left of it."""
        nodes = [q for q in self.nodes if q not in used]
        edges = [(u, v) for u, v in self.edges if u not in used and v not in used]
        return Chip(nodes, edges, self.topology)

    def digest(self) -> str:
        """Tells working graphs apart."""
        return hashlib.sha256(repr((self.nodes, self.edges, self.topology)).encode()).hexdigest()

    def couplers(self, qubits: set[int]) -> list[tuple[int, int]]:
        """Those between two of these qubits."""
        return [(u, v) for u, v in self.edges if u in qubits and v in qubits]


@dataclass(frozen=True)
class Layout:
    """How a problem lies on a chip; all that is needed to read an answer.

    Arguments:
        embedding: position of each variable to its qubits.
        strength: of the chains: one for all, or one a variable.
        couplers: of the chip, among the used qubits.
        scales: each block's biases are multiplied by such a factor, a variable each; empty: by 1.
    """

    embedding: Embedding
    strength: float | dict[int, float]
    couplers: list[tuple[int, int]]
    scales: dict[int, float] = field(default_factory=dict)

    @property
    def qubits(self) -> int:
        """How many are used."""
        return sum(map(len, self.embedding.values()))

    def as_data(self) -> dict[str, Any]:
        """For the journal."""
        strength: Any = self.strength
        if isinstance(strength, dict):
            strength = {str(v): s for v, s in strength.items()}
        data = {
            "embedding": {str(v): [int(q) for q in chain] for v, chain in self.embedding.items()},
            "chain_strength": strength,
            "couplers": [[int(u), int(v)] for u, v in self.couplers],
        }
        if self.scales:
            data["scales"] = {str(v): s for v, s in self.scales.items()}
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Layout:
        """From the journal."""
        strength = data["chain_strength"]
        if isinstance(strength, Mapping):
            strength = {int(v): float(s) for v, s in strength.items()}
        else:
            strength = float(strength)
        return cls(
            {int(v): tuple(chain) for v, chain in data["embedding"].items()},
            strength,
            [(u, v) for u, v in data["couplers"]],
            {int(v): float(s) for v, s in data.get("scales", {}).items()},
        )

    def source(self, problem: Problem) -> dimod.BinaryQuadraticModel:
        """The problem over positions, each block at its scale, without the offset if scaled."""
        row, col, bias = problem.quadratic
        linear, offset = problem.linear, float(problem.offset)
        if self.scales:
            scale = np.array([self.scales[v] for v in range(problem.n)])
            linear, bias, offset = linear * scale, bias * scale[row], 0.0
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            linear, (row, col, bias), offset, dimod.BINARY, variable_order=range(problem.n)
        )

    def target(self, problem: Problem) -> dimod.BinaryQuadraticModel:
        """The model over the qubits.

        The service does not keep an offset: an answer fetched by id would state other energies, so
        there is none.
        """
        from dwave.embedding import embed_bqm

        adjacency = _adjacency(
            (q for chain in self.embedding.values() for q in chain), self.couplers
        )
        model = self.source(problem)
        made: dimod.BinaryQuadraticModel = embed_bqm(
            model, self.embedding, adjacency, chain_strength=self.strength
        )
        made.offset = 0.0
        return made


def lay(
    problem: Problem,
    blocks: Sequence[Positions],
    embedding: Embedding,
    chip: Chip,
    strength: float | None,
    *,
    ranges: Mapping[str, Any],
    scaled: bool,
) -> Layout:
    """A layout of an embedded problem.

    Blocks do not see each other, and a chip scales all biases together: a layer with small ones
    would drown in the noise beside one with large ones. So each block is scaled by itself.

    Arguments:
        problem: without its demands.
        blocks: positions of each.
        embedding: of all.
        chip: the working graph.
        strength: of the chains, in the problem's units; None: by uniform torque compensation, for
            every block by itself.
        ranges: ``h_range`` and ``j_range`` of the chip, if it says them.
        scaled: False leaves the biases as they are.
    """
    from dwave.embedding.chain_strength import uniform_torque_compensation

    couplers = chip.couplers({q for chain in embedding.values() for q in chain})
    plain = Layout(embedding, 1.0, couplers).source(problem)
    if len(blocks) == 1:
        one = strength
        if one is None:
            one = float(uniform_torque_compensation(plain, embedding))
        return Layout(embedding, one, couplers)
    strengths: dict[int, float] = {}
    for block in blocks:
        own = [int(v) for v in block]
        if strength is None:
            part = _part(problem, block)
            chains = {v: embedding[v] for v in own}
            strengths |= dict.fromkeys(own, float(uniform_torque_compensation(part, chains)))
        else:
            strengths |= dict.fromkeys(own, strength)
    layout = Layout(embedding, strengths, couplers)
    if not scaled:
        return layout
    sizes = _sizes(layout.target(problem), embedding, blocks, ranges)
    most = float(sizes.max(initial=0.0))
    scales: dict[int, float] = {}
    for block, size in zip(blocks, sizes, strict=True):
        factor = most / size if size * _MOST_SCALED > most else 1.0
        scales |= dict.fromkeys(map(int, block), factor)
    return Layout(embedding, {v: s * scales[v] for v, s in strengths.items()}, couplers, scales)


def _part(problem: Problem, block: Positions) -> dimod.BinaryQuadraticModel:
    """A block as a model over positions of the whole."""
    place = np.zeros(problem.n, bool)
    place[block] = True
    row, col, bias = problem.quadratic
    inside = place[row] & place[col]
    model = dimod.BinaryQuadraticModel("BINARY")
    for v in block:
        model.add_linear(int(v), float(problem.linear[v]))
    for u, v, value in zip(row[inside], col[inside], bias[inside], strict=True):
        model.add_quadratic(int(u), int(v), float(value))
    return model


def _sizes(
    target: dimod.BinaryQuadraticModel,
    embedding: Embedding,
    blocks: Sequence[Positions],
    ranges: Mapping[str, Any],
) -> NDArray[np.float64]:
    """How much of the chip's range each block takes, up to one factor for all."""
    owner = {q: b for b, block in enumerate(blocks) for v in block for q in embedding[int(v)]}
    h = max(map(abs, ranges.get("h_range") or (1.0,)))
    j = max(map(abs, ranges.get("j_range") or (1.0,)))
    spins: Any = target.change_vartype(dimod.SPIN, inplace=False)
    sizes = np.zeros(len(blocks))
    for q, bias in spins.linear.items():
        sizes[owner[q]] = max(sizes[owner[q]], abs(bias) / h)
    for (u, _), bias in spins.quadratic.items():
        sizes[owner[u]] = max(sizes[owner[u]], abs(bias) / j)
    return sizes


# -- finding an embedding --------------------------------------------------------------------------


def place(
    problem: Problem, blocks: Sequence[Positions], chip: Chip, seed: int, timeout: float
) -> tuple[Embedding, list[int]]:
    """As many blocks as the chip takes at once, each with its own embedding.

    Arguments:
        problem: that the blocks are of.
        blocks: the positions of each, the largest first.
        chip: the working graph, all of it free.
        seed: of the heuristic.
        timeout: give up looking for room after this, in seconds.

    Returns:
        The embedding of those that fit, and the numbers of those that do not.
    """
    deadline = time.monotonic() + timeout
    row, col, _ = problem.quadratic
    found: Embedding = {}
    used: set[int] = set()
    left: list[int] = []
    hopeless: dict[bool, int] = {}  # by kind, a size that found no room
    free = chip
    for number, block in enumerate(blocks):
        if len(block) == 1:
            continue  # these take any qubit that stays free
        local = np.full(problem.n, -1, np.intp)
        local[block] = np.arange(len(block))
        inside = (local[row] >= 0) & (local[col] >= 0)
        pairs = [
            (int(a), int(b)) for a, b in zip(local[row[inside]], local[col[inside]], strict=True)
        ]
        dense = 2 * len(pairs) >= _DENSE * len(block) * (len(block) - 1)
        if len(block) >= hopeless.get(dense, len(block) + 1):
            left.append(number)
            continue
        small = len(block) < _SMALL
        chains = _clique(len(block), free) if dense and not small else {}
        if small or not (chains or (dense and used)):
            most = timeout * _BESIDE if used else timeout
            rooms = [_nearby(free, room * len(block)) for room in _ROOM] if small else []
            for edges in [*rooms, free.edges]:
                seconds = min(most, deadline - time.monotonic())
                chains = _heuristic(len(block), pairs, edges, seed, seconds)
                if len(chains) == len(block):
                    break
        if len(chains) < len(block):
            left.append(number)
            hopeless[dense] = len(block)
            continue
        found |= {int(block[v]): chain for v, chain in chains.items()}
        used |= {q for chain in chains.values() for q in chain}
        free = chip.without(used)
    spare = iter(free.nodes)
    for number, block in enumerate(blocks):
        if len(block) == 1:
            qubit = next(spare, None)
            if qubit is None:
                left.append(number)
            else:
                found[int(block[0])] = (qubit,)
    return found, left


def _clique(n: int, chip: Chip) -> Embedding:
    """The regular embedding of a complete graph, on a chip of known shape."""
    from minorminer import busclique

    make = getattr(_graphs(), f"{chip.topology.get('type')}_graph", None)
    if make is None or not chip.nodes:
        return {}
    graph = make(*chip.topology["shape"], node_list=chip.nodes, edge_list=chip.edges)
    found = busclique.find_clique_embedding(n, graph, use_cache=False)
    return {int(v): tuple(map(int, chain)) for v, chain in found.items()}


def _nearby(chip: Chip, size: int) -> list[tuple[int, int]]:
    """The couplers of some qubits that lie together."""
    near: dict[int, list[int]] = {}
    for u, v in chip.edges:
        near.setdefault(u, []).append(v)
        near.setdefault(v, []).append(u)
    todo = [next((q for q in chip.nodes if q in near), -1)]
    seen = set(todo)
    for qubit in todo:
        if len(seen) >= size:
            break
        new = [q for q in near.get(qubit, ()) if q not in seen]
        seen.update(new)
        todo += new
    return chip.couplers(seen)


def _graphs() -> Any:
    """The package with the chips' graphs, which was renamed; None if there is neither."""
    for name in ("dwave.graphs", "dwave_networkx"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _heuristic(
    n: int,
    pairs: list[tuple[int, int]],
    edges: list[tuple[int, int]],
    seed: int,
    timeout: float,
) -> Embedding:
    """An embedding by minorminer."""
    from minorminer import find_embedding  # type: ignore[import-untyped,unused-ignore]

    if timeout <= 0 or not edges:
        return {}
    # an edge to itself, so that a variable without couplings gets a qubit, too
    source = [*pairs, *((v, v) for v in range(n))]
    found = find_embedding(source, edges, random_seed=seed, timeout=timeout)
    return {int(v): tuple(map(int, chain)) for v, chain in found.items()}


def _adjacency(
    nodes: Iterable[int], edges: Iterable[tuple[int, int]]
) -> dict[Hashable, set[Hashable]]:
    found: dict[Hashable, set[Hashable]] = {node: set() for node in nodes}
    for u, v in edges:
        found[u].add(v)
        found[v].add(u)
    return found
