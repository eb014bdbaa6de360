"""Random blocks of many kinds, and what is true of them by enumeration."""

import numpy as np

from secateur.problem.junction import Junction
from secateur.problem.parts import Block, InnerCount, InnerSum
from secateur.solving.curve import Curve

FAMILIES = (
    "signed",
    "positive",
    "ties",
    "all equal",
    "zeros",
    "all zero",
    "uncoupled",
    "range",
    "concave",
    "convex",
    "fisher",
)


def family(name, w, rng):
    """Linear terms and couplings."""
    J, h = rng.normal(size=(w, w)), rng.normal(size=w)
    if name == "positive":
        J, h = np.abs(J), np.abs(h)
    if name == "ties":
        J = rng.integers(-2, 3, (w, w)).astype(float)
        h = rng.integers(-2, 3, w).astype(float)
    if name == "all equal":
        J, h = np.ones((w, w)), np.ones(w)
    if name == "zeros":
        J, h = J * (rng.random((w, w)) < 0.2), h * (rng.random(w) < 0.3)
    if name == "all zero":
        J, h = J * 0, h * 0
    if name == "range":
        s = 10.0 ** rng.uniform(-6, 0, w)
        J, h = J * np.outer(s, s), s * s * np.abs(h)
    if name == "concave":
        J = -np.ones((w, w)) - 0.1 * np.abs(J)
    if name == "convex":
        J = np.ones((w, w)) + 0.1 * J
    if name == "fisher":
        A = rng.normal(size=(4, w)) * 10.0 ** rng.uniform(-2, 0, w)
        J = A.T @ A
        h = 0.5 * np.diag(J) * 1.05
    J = np.triu(J, 1)
    return h, (None if name == "uncoupled" else J + J.T)


def choices(w):
    return ((np.arange(2**w)[:, None] >> np.arange(w)) & 1).astype(np.int8)


def truth(block):
    """The least energy for every k among all choices that keep every demand."""
    Z = choices(block.size)
    keep = block.allowed[Z.sum(1)]
    for demand in block.counts:
        keep &= demand.allowed[Z[:, demand.members].sum(1)]
    for demand in block.sums:
        value = demand.constant + energies(demand.linear, demand.couplings, Z)
        keep &= (value <= demand.upper) & (value >= demand.lower)
    Z = Z[keep]
    out = np.full(block.size + 1, np.inf)
    np.minimum.at(out, Z.sum(1), energies(block.linear, block.couplings, Z))
    return out


def energies(h, J, Z):
    Z = np.asarray(Z, dtype=float)
    return Z @ h + (0.0 if J is None else 0.5 * ((Z @ J) * Z).sum(1))


def total(curves):
    out = np.zeros(1)
    for curve in curves:
        new = np.full(len(out) + len(curve) - 1, np.inf)
        for k, x in enumerate(curve):
            new[k : k + len(out)] = np.minimum(new[k : k + len(out)], out + x)
        out = new
    return out


def blocks_of(name, widths, rng, scale=1.0, spare=()):
    at, out = 0, []
    for w, less in zip(widths, spare or [0] * len(widths), strict=True):
        h, J = family(name, w, rng)
        J = None if J is None else J * scale
        out.append(Block(np.arange(at, at + w), h * scale, J, np.arange(w + 1) <= w - less))
        at += w
    return out


def flat(blocks, counts):
    """One junction over all blocks that allows these totals (None: every one)."""
    n = sum(block.size for block in blocks)
    allowed = np.ones(n + 1, dtype=bool)
    if counts is not None:
        allowed[:] = False
        allowed[list(counts)] = True
    return Junction(tuple(range(len(blocks))), allowed)


def unknown(blocks):
    """Curves that know nothing."""
    return [
        Curve(np.full(b.size + 1, np.inf), np.zeros((b.size + 1, b.size), np.int8)) for b in blocks
    ]


def random_curves(blocks, rng):
    """One random choice for every count: bad, and it takes the tree to do better."""
    out = []
    for block in blocks:
        w = block.size
        bits = np.zeros((w + 1, w), dtype=np.int8)
        for k in range(w + 1):
            bits[k, rng.permutation(w)[:k]] = 1
        energy = energies(block.linear, block.couplings, bits)
        out.append(Curve(np.where(block.allowed, energy, np.inf), bits))
    return out


def with_demands(block, rng):
    """The same block with an inner count, a budget and a quadratic budget (often, not always)."""
    w = block.size
    counts, sums = [], []
    if rng.random() < 0.7:
        members = np.sort(rng.permutation(w)[: rng.integers(2, w + 1)])
        allowed = rng.random(len(members) + 1) < 0.5
        counts.append(InnerCount(members, allowed, "some"))
    if rng.random() < 0.5:
        pair = np.sort(rng.permutation(w)[:2])
        counts.append(InnerCount(pair, np.array([True, False, True]), "tied"))
    if rng.random() < 0.5:
        sums.append(InnerSum(rng.integers(-3, 6, w) / 4, None, 0.25, -np.inf, w / 3, "budget"))
    if rng.random() < 0.5:
        pairs = np.triu(rng.integers(-2, 3, (w, w)) / 8, 1)
        linear = rng.normal(size=w)
        sums.append(InnerSum(linear, pairs + pairs.T, -0.5, -1.0, np.inf, "cost"))
    return Block(
        block.positions, block.linear, block.couplings, block.allowed, tuple(counts), tuple(sums)
    )
