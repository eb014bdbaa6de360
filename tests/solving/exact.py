"""A recorded tree, recomputed in rational numbers: an independent reading of the certificate."""

from fractions import Fraction
from math import inf

INFINITE = Fraction(10) ** 400


def fractions(array):
    return [fractions(x) if getattr(x, "ndim", 0) else Fraction(float(x)) for x in array]


class Tree:
    def __init__(self, block, record, lower, factor=1):
        self.w, self.block, self.record, self.lower = block.size, block, record, lower
        w = range(self.w)
        self.h = fractions(block.linear)
        zero = [[Fraction(0)] * self.w for _ in w]
        self.J = zero if block.couplings is None else fractions(block.couplings)
        d = [Fraction(0)] * self.w if record.diagonal is None else fractions(record.diagonal)
        self.Q = [[self.J[i][j] + (d[i] if i == j else 0) for j in w] for i in w]
        self.q = [self.h[i] - d[i] / 2 for i in w]
        points = [[0] * self.w] if record.points is None else fractions(record.points)
        self.cuts = []
        for y in points:
            g = [sum(self.Q[i][j] * y[j] for j in w if y[j]) + self.q[i] for i in w]
            self.cuts.append((sum((self.q[i] - g[i]) * y[i] for i in w) / 2, g))

    def semidefinite(self):
        a = [row[:] for row in self.Q]
        for i in range(self.w):
            if a[i][i] < 0 or (a[i][i] == 0 and any(a[i][i:])):
                return False
            for j in range(i + 1, self.w):
                factor = a[j][i] / a[i][i] if a[i][i] else 0
                a[j] = [x - factor * y for x, y in zip(a[j], a[i], strict=True)]
        return True

    def energy(self, ones):
        return sum(self.h[i] + sum(self.J[i][j] for j in ones) / 2 for i in ones)

    def curve(self, fixed, values):
        """base + the m smallest of values(m) over the free variables, for every k."""
        ones = sum(fixed.values())
        free = [i for i in range(self.w) if i not in fixed]
        out = [INFINITE] * (self.w + 1)
        for m in range(len(free) + 1):
            base, value = values(m)
            out[ones + m] = base + sum(sorted(value[i] for i in free)[:m])
        return out

    def cut(self, number, fixed):
        base, g = self.cuts[number]
        base += sum(g[i] for i, v in fixed.items() if v)
        return self.curve(fixed, lambda m: (base, g))

    def lawler(self, fixed):
        ones = [i for i, v in fixed.items() if v]
        rows = [sorted(self.J[i][:i] + self.J[i][i + 1 :]) for i in range(self.w)]
        field = [self.h[i] + sum(self.J[i][j] for j in ones) for i in range(self.w)]
        half = lambda m: [f + sum(r[: max(0, m - 1)]) / 2 for f, r in zip(field, rows, strict=True)]  # noqa: E731
        return self.curve(fixed, lambda m: (self.energy(ones), half(m)))

    def broken(self, fixed):
        """The names of the demands that no completion keeps."""
        names = set()
        for demand in self.block.counts:
            ones = sum(fixed.get(int(i), 0) for i in demand.members)
            free = sum(int(i) not in fixed for i in demand.members)
            if not any(demand.allowed[ones : ones + free + 1]):
                names.add(demand.name)
        for s in self.block.sums:
            low = high = Fraction(s.constant)
            terms = [((i,), x) for i, x in enumerate(s.linear)]
            if s.couplings is not None:
                pairs = [(i, j) for i in range(self.w) for j in range(i)]
                terms += [(p, s.couplings[p]) for p in pairs]
            for places, x in terms:
                values = [fixed.get(i) for i in places]
                x = Fraction(float(x)) if 0 not in values else Fraction(0)
                low += x if None not in values else min(x, Fraction(0))
                high += x if None not in values else max(x, Fraction(0))
            if (s.upper < inf and low > Fraction(s.upper)) or (
                s.lower > -inf and high < Fraction(s.lower)
            ):
                names.add(s.name)
        return names

    def enough(self, fixed, points, carried, gl):
        """A leaf's bound is above the lower curve at every k."""
        curves = [carried, *(self.cut(p, fixed) for p in points)]
        if gl:
            curves.append(self.lawler(fixed))
        bound = [max(column) for column in zip(*curves, strict=True)]
        ones = [i for i, v in fixed.items() if v]
        free = [i for i in range(self.w) if i not in fixed]
        for k in range(self.w + 1):
            if not len(ones) <= k <= len(ones) + len(free):
                bound[k] = INFINITE
        bound[len(ones)] = self.energy(ones)
        bound[len(ones) + len(free)] = self.energy(ones + free)
        return all(
            bound[k] >= (INFINITE if self.lower[k] == inf else Fraction(float(self.lower[k])))
            for k in range(self.w + 1)
            if self.block.allowed[k]
        )

    def check(self):
        """Every leaf and side leaf is justified; returns the number of both."""
        assert self.semidefinite()
        seen, leaves = set(), 0
        stack = [(0, {}, (), [-INFINITE] * (self.w + 1), False)]
        while stack:
            number, entry, points, carried, gl = stack.pop()
            assert number not in seen
            seen.add(number)
            node = self.record.nodes[number]
            points, gl = (*points, *node.points), gl or node.gl
            if node.gl:
                carried = [max(x) for x in zip(carried, self.lawler(entry), strict=True)]
            for i, v in node.fixed:
                assert i not in entry
                side = {**entry, i: 1 - v}
                assert self.broken(side) or self.enough(side, points, carried, gl)
                leaves += 1
            fixed = {**entry, **dict(node.fixed)}
            assert len(fixed) == len(entry) + len(node.fixed)
            if node.children is None:
                leaves += 1
                if node.infeasible is not None:
                    assert node.infeasible in self.broken(fixed)
                else:
                    assert self.enough(fixed, points, carried, gl)
            else:
                assert node.infeasible is None
                assert node.branch not in fixed
                for value, child in enumerate(node.children):
                    stack.append((child, {**fixed, node.branch: value}, points, carried, gl))
        assert len(seen) == len(self.record.nodes)
        return leaves
