"""stand-in until merged"""

import numpy as np

from secateur.solving.curve import Curve


def upper_curves(blocks, root, *, control, workers=1):
    return [one(b) for b in blocks]


def one(b):
    w = b.size
    c = np.full(w + 1, np.inf)
    best = np.zeros((w + 1, w), np.int8)
    J = np.zeros((w, w)) if b.couplings is None else b.couplings
    h = b.linear
    if b.counts or b.sums:
        return Curve(c, best)

    def put(k, z):
        z = swaps(h, J, z)
        e = float(h @ z + 0.5 * z @ J @ z)
        if e < c[k]:
            c[k] = e
            best[k] = z

    for back in (False, True):
        o = greedy(h, J, back)
        for k in range(w + 1):
            z = np.zeros(w, np.int8)
            z[o[w - k :] if back else o[:k]] = 1
            put(k, z)
    for _ in range(2):
        for k in [*range(1, w), *range(w - 1, 0, -1)]:
            for kk in (k - 1, k + 1):
                z = best[kk].copy()
                f = h + J @ z
                i = (
                    np.argmin(np.where(z == 0, f, np.inf))
                    if kk < k
                    else np.argmin(np.where(z == 1, -f, np.inf))
                )
                z[i] ^= 1
                put(k, z)
    c[~b.allowed] = np.inf
    return Curve(c, best)


def greedy(h, J, back):
    w = len(h)
    order = np.empty(w, int)
    done = np.zeros(w)
    f = h + (J.sum(1) if back else 0)
    for k in range(w):
        i = int(np.argmax(f - done) if back else np.argmin(f + done))
        order[k] = i
        done[i] = np.inf
        f = f - J[i] if back else f + J[i]
    return order


def swaps(h, J, z):
    one, zero = np.flatnonzero(z), np.flatnonzero(z == 0)
    f = h + J @ z
    if not len(one) or not len(zero):
        return z
    tol = 1e-12 * np.abs(f).max()
    while True:
        G = f[zero][None, :] - f[one][:, None] - J[np.ix_(one, zero)]
        o, i = divmod(int(np.argmin(G)), len(zero))
        if G[o, i] >= -tol:
            break
        x, y = one[o], zero[i]
        f = f - J[x] + J[y]
        one[o], zero[i] = y, x
    z = np.zeros(len(h), np.int8)
    z[one] = 1
    return z


def feed(curve, block, bits):
    k = int(bits.sum())
    if not block.allowed[k] or block.counts or block.sums:
        return
    z = bits.astype(float)
    e = float(
        block.linear @ z + (0 if block.couplings is None else 0.5 * z @ (block.couplings @ z))
    )
    if e < curve.energy[k]:
        curve.energy[k] = e
        curve.bits[k] = bits


Curve.choice = lambda s, k: s.bits[k]
