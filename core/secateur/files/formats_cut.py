"""Maximum cuts (rudy's and the G-set's files), and Qubist's spins."""

from __future__ import annotations

import math
from pathlib import Path

import dimod
import numpy as np

from secateur.errors import FileError
from secateur.files.content import Content, decoded, remarks, wrong
from secateur.files.entries import check_count, joined, model, text, triples
from secateur.files.formats import counted

CUT = {"sense": "a maximum cut; the energies here are minus the weight of the cut"}


def read_cut(path: Path, data: bytes) -> Content:
    """``n m``, then an edge ``i j w`` from 1; x says on which side a node is.

    The cut weighs Σ w·(x_i + x_j - 2·x_i·x_j); the energy is minus that.
    """
    data, bare = _weighted(path, data)
    size, stated, edges, comments = counted(path, data, "nodes edges")
    for number, i, j, w in edges:
        if i == j and w:
            raise wrong(path, number, f"the edge {i} {j} joins a node with itself")
    told = check_count(path, edges, stated, 0, "edges")
    if bare:
        told += ("its edges have no weights: each is taken as 1",)
    names = list(range(1, size + 1))
    bqm = model(path, edges, names, first=1, factor=2.0, offset=0.0)
    bqm.add_linear_from(zip(names, _degrees(bqm), strict=True))
    notes, more = remarks(comments)
    return Content(bqm, notes={**notes, **CUT}, warnings=told + more, sense="maximise")


def _weighted(path: Path, data: bytes) -> tuple[bytes, bool]:
    """The file with a weight of 1 behind every edge, where no edge has one; and whether so."""
    split = decoded(path, data).split("\n")
    places = [k for k, line in enumerate(split) if line.strip() and line.strip()[0] != "#"][1:]
    if not places or any(len(split[k].split()) != 2 for k in places):
        return data, False
    for k in places:
        split[k] = f"{split[k].rstrip()} 1"
    return "\n".join(split).encode(), True


def write_cut(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """A maximum cut, of which this model is minus the weight.

    Raises:
        FileError: it is none.
    """
    linear, pairs = triples(bqm)
    wanted = _degrees(bqm)
    if bqm.offset or any(have != want for have, want in zip(linear, wanted, strict=True)):
        raise FileError(
            "this QUBO is no maximum cut: its linear biases are not minus half of the couplings' "
            "sums, or it has an offset",
            remedy="choose another format, .qs or .bqm",
        )
    edges = [f"{i + 1} {j + 1} {text(q / 2.0)}" for i, j, q in pairs]
    return joined([f"{bqm.num_variables} {len(edges)}", *edges])


def _degrees(bqm: dimod.BinaryQuadraticModel) -> list[float]:
    """Minus half of each variable's couplings, summed exactly: in any order the same."""
    touching: list[list[float]] = [[] for _ in range(bqm.num_variables)]
    for i, j, q in triples(bqm)[1]:
        touching[i].append(q)
        touching[j].append(q)
    try:
        return [-math.fsum(some) / 2.0 + 0.0 for some in touching]
    except OverflowError:
        return [math.nan] * len(touching)  # read_file refuses it


def read_qubist(path: Path, data: bytes) -> Content:
    """Qubist's ``.qh``: ``sites lines``, then ``i i h`` and ``i j J`` from 0, over spins."""
    size, stated, entries, comments = counted(path, data, "sites lines")
    told = check_count(path, entries, stated, size, "lines")
    spins = model(path, entries, list(range(size)), first=0, factor=1.0, offset=0.0)
    vectors = spins.to_numpy_vectors(variable_order=list(range(size)))
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
        np.asarray(vectors.linear_biases),
        vectors.quadratic,
        0.0,
        dimod.SPIN,
        variable_order=list(range(size)),
    )
    notes, more = remarks(comments)
    notes["vartype"] = "SPIN in the file, s = 2x - 1"
    return Content(
        bqm.change_vartype(dimod.BINARY, inplace=False), notes=notes, warnings=told + more
    )
