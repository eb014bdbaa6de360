"""Stand-in until the branch curves lands."""
from __future__ import annotations
from collections.abc import Sequence
from dataclasses import dataclass
import numpy as np
from secateur.problem.parts import Floats, Junction


@dataclass
class Split:
    value: float
    counts: tuple[int, ...]


def _plus(a: Floats, b: Floats) -> Floats:
    if len(a) < len(b):
        a, b = b, a
    out = np.full(len(a) + len(b) - 1, np.inf)
    for k, v in enumerate(b):
        if np.isfinite(v):
            t = out[k : k + len(a)]
            np.minimum(t, a + v, out=t)
    return out


def _restrict(c: Floats, j: Junction) -> Floats:
    return np.where(j.allowed, c, np.inf)


def _table(j: Junction | int, curves) -> Floats:
    if not isinstance(j, Junction):
        return curves[j]
    t = np.zeros(1)
    for c in j.children:
        t = _plus(t, _table(c, curves))
    return _restrict(t, j)


def best_split(root: Junction, curves: Sequence[Floats]) -> Split:
    counts = [0] * len(curves)

    def back(j, k):
        if not isinstance(j, Junction):
            counts[j] = k
            return
        tabs = [np.zeros(1)]
        kids = [_table(c, curves) for c in j.children]
        for c in kids:
            tabs.append(_plus(tabs[-1], c))
        for c, kid, t in list(zip(j.children, kids, tabs[:-1]))[::-1]:
            i = np.arange(max(0, k - len(t) + 1), min(k, len(kid) - 1) + 1)
            i = i[np.argmin(kid[i] + t[k - i])]
            back(c, int(i))
            k -= int(i)

    t = _table(root, curves)
    k = int(np.argmin(t))
    if not np.isfinite(t[k]):
        return Split(float("inf"), ())
    back(root, k)
    return Split(float(t[k]), tuple(counts))


def rest(root: Junction, curves: Sequence[Floats]) -> list[Floats]:
    out = [np.zeros(0)] * len(curves)

    def down(j, above):
        if not isinstance(j, Junction):
            out[j] = above
            return
        above = np.where(j.allowed, above, np.inf)
        kids = [_table(c, curves) for c in j.children]
        pre = [np.zeros(1)]
        for c in kids:
            pre.append(_plus(pre[-1], c))
        suf = [np.zeros(1)]
        for c in kids[::-1]:
            suf.append(_plus(suf[-1], c))
        for n, (c, kid) in enumerate(zip(j.children, kids)):
            oth = _plus(pre[n], suf[len(kids) - 1 - n])
            r = np.array([np.min(oth + above[k : k + len(oth)]) for k in range(len(kid))])
            down(c, r)

    down(root, np.zeros(len(root.allowed)))
    return out
