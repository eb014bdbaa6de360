"""A prover for tests, independent of the library: random trees, brute force, fractions."""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
import random
from fractions import Fraction

import dimod
import numpy as np

F = Fraction
INFINITE = None


def below(x: Fraction) -> float:
    """The largest float that is not above."""
    near = float(x)
    return near if F(near) <= x else math.nextafter(near, -math.inf)


def least(values):
    """The minimum, where None is infinity."""
    finite = [x for x in values if x is not None]
    return min(finite) if finite else None


def packed(values, kind):
    return base64.b64encode(np.asarray(values, dtype=kind).tobytes()).decode()


def problem_hash(bqm):
    names = list(bqm.variables)
    at = {v: i for i, v in enumerate(names)}
    text = b"secateur problem 1\n" + f"{len(names)}\n".encode()
    text += b"".join(repr(v).encode() + b"\n" for v in names)
    pairs = sorted((*sorted((at[u], at[v])), b) for (u, v), b in bqm.quadratic.items() if b)
    text += np.array([bqm.linear[v] or 0.0 for v in names], "<f8").tobytes()
    for column, kind in ((0, "<i8"), (1, "<i8"), (2, "<f8")):
        text += np.array([pair[column] for pair in pairs], kind).tobytes()
    text += np.array([bqm.offset], "<f8").tobytes()
    return {
        "sha256": hashlib.sha256(text).hexdigest(),
        "variables": len(names),
        "couplings": len(pairs),
    }


def cardinality(name, variables, lower, upper=None, step=1):
    about = {"type": "cardinality", "name": name, "variables": variables}
    return {**about, "lower": lower, "upper": upper, "step": step}


def form_of(demand, z):
    """The value of a demand's form at a choice."""
    if demand["type"] == "cardinality":
        members = range(len(z)) if demand["variables"] is None else demand["variables"]
        return F(sum(z[i] for i in members))
    if demand["type"] == "linear":
        return sum((F(c) * z[i] for i, c in demand["coefficients"]), F(0))
    total = F(demand["offset"]) + sum(F(c) * z[i] for i, c in demand["linear"])
    return total + sum(F(c) * z[i] * z[j] for i, j, c in demand["quadratic"])


def keeps(demand, z):
    value = form_of(demand, z)
    if demand["lower"] is not None and value < F(demand["lower"]):
        return False
    if demand["upper"] is not None and value > F(demand["upper"]):
        return False
    return demand["type"] != "cardinality" or (value - demand["lower"]) % demand["step"] == 0


class Instance:
    """A problem with its blocks and demands, all by brute force."""

    def __init__(self, bqm, demands):
        self.bqm, self.demands = bqm, demands
        self.names = list(bqm.variables)
        at = {v: i for i, v in enumerate(self.names)}
        self.n = len(self.names)
        self.h = [F(bqm.linear[v]) for v in self.names]
        self.J = {tuple(sorted((at[u], at[v]))): F(b) for (u, v), b in bqm.quadratic.items() if b}

    def energy(self, z):
        total = F(self.bqm.offset) + sum(h for h, x in zip(self.h, z, strict=True) if x)
        return total + sum(b for (i, j), b in self.J.items() if z[i] and z[j])

    def best(self):
        """The least energy and its choice; None where no choice keeps the demands."""
        found = [
            (self.energy(z), z)
            for z in itertools.product((0, 1), repeat=self.n)
            if all(keeps(d, z) for d in self.demands)
        ]
        return min(found) if found else None


class BlockTree:
    """A random tree of a block, and the curve that it proves, straight from the definitions."""

    def __init__(self, instance, h, J, members, constraints, rng, *, points, gl, depth, fixing):
        self.instance, self.members, self.rng = instance, members, rng
        w = self.w = len(members)
        self.h = [h[i] for i in members]
        self.J = [[J.get(tuple(sorted((i, j))), F(0)) for j in members] for i in members]
        for i in range(w):
            self.J[i][i] = F(0)
        spread = [sum(abs(x) for x in row) for row in self.J]
        self.d = [0.0 if not x else math.nextafter(float(x), math.inf) for x in spread]
        draw = np.random.default_rng(rng.randrange(2**32))
        self.points = draw.random((points, w)).astype("<f4")
        if points:
            self.points[0, : w // 2] = 0.0
        self.gl, self.depth, self.fixing = gl, depth, fixing
        self.constraints = constraints
        self.allowed = [
            k for k in range(w + 1) if all(keeps({**d, "variables": [0]}, [k]) for d in constraints)
        ]
        self.nodes, self.lower = [], [INFINITE] * (w + 1)
        self.open = {k: [] for k in self.allowed}
        self.build({}, [], 0)
        for k, values in self.open.items():
            value = least(values)
            self.lower[k] = None if value is None else below(value)

    def energy(self, chosen):
        total = sum((self.h[i] for i in chosen), F(0))
        return total + sum(self.J[i][j] for i, j in itertools.combinations(chosen, 2))

    def point_bound(self, index, fixed, k):
        y = [F(float(x)) for x in self.points[index]]
        d = [F(x) for x in self.d]
        q = [h - x / 2 for h, x in zip(self.h, d, strict=True)]
        image = [
            sum(self.J[i][j] * y[j] for j in range(self.w)) + d[i] * y[i] for i in range(self.w)
        ]
        g = [a + b for a, b in zip(image, q, strict=True)]
        value = sum(a * b for a, b in zip(q, y, strict=True))
        value += sum(a * b for a, b in zip(image, y, strict=True)) / 2
        value -= sum(a * b for a, b in zip(g, y, strict=True))
        value += sum(g[i] for i, v in fixed.items() if v)
        rest = sorted(g[i] for i in range(self.w) if i not in fixed)
        return value + sum(rest[: k - sum(fixed.values())])

    def gl_bound(self, fixed, k):
        ones = [i for i, v in fixed.items() if v]
        m = k - len(ones)
        costs = []
        for i in set(range(self.w)) - set(fixed):
            others = sorted(self.J[i][j] for j in range(self.w) if j != i)
            half = sum(others[: m - 1], F(0)) / 2 if m else F(0)
            costs.append(self.h[i] + sum(self.J[i][j] for j in ones) + half)
        return self.energy(ones) + sum(sorted(costs)[:m])

    def possible(self, fixed):
        """The demands that could be kept, each term by itself."""
        for demand in self.instance.demands:
            inner = {self.members[i]: v for i, v in fixed.items()}
            low = high = F(0)
            if demand["type"] == "quadratic":
                low = high = F(demand["offset"])
                for i, j, c in demand["quadratic"]:
                    choices = [F(c) * a * b for a in options(inner, i) for b in options(inner, j)]
                    low, high = low + min(choices), high + max(choices)
            terms = demand.get("linear", demand.get("coefficients"))
            if demand["type"] == "cardinality":
                chosen = demand["variables"]
                chosen = range(self.instance.n) if chosen is None else chosen
                terms = [(i, 1) for i in chosen]
            for i, c in terms:
                choices = [F(c) * a for a in options(inner, i)]
                low, high = low + min(choices), high + max(choices)
            lower, upper = demand["lower"], demand["upper"]
            fits = (lower is None or high >= lower) and (upper is None or low <= upper)
            if demand["type"] == "cardinality":
                top = high if upper is None else min(high, upper)
                fits = any(x >= low for x in range(lower, int(top) + 1, demand["step"]))
            if not fits:
                return demand["name"]
        return None

    def leaf(self, fixed, path):
        """Note what a leaf proves; a reason where it is empty."""
        ones = sum(fixed.values())
        free = self.w - len(fixed)
        chosen = [i for i, v in fixed.items() if v]
        rest = [i for i in range(self.w) if i not in fixed]
        for k in self.allowed:
            if not ones <= k <= ones + free:
                continue
            bounds = [self.point_bound(p, fixed, k) for node, _ in path for p in node["points"]]
            bounds += [self.gl_bound(entry, k) for node, entry in path if node["gl"]]
            if path[-1][0]["gl"]:
                bounds.append(self.gl_bound(fixed, k))
            if k == ones:
                bounds.append(self.energy(chosen))
            if k == ones + free:
                bounds.append(self.energy(chosen + rest))
            self.open[k].append(max(bounds))

    def build(self, entry, path, level):
        number, rng = len(self.nodes), self.rng
        # the root has a point or Gilmore-Lawler, so that every leaf has a bound
        indices = [i for i in range(len(self.points)) if rng.random() < 0.5 or (not path and not i)]
        node = {
            "points": indices,
            "gl": self.gl and (not path or rng.random() < 0.5),
            "fixed": [],
            "branch": None,
            "children": None,
            "infeasible": None,
        }
        self.nodes.append(node)
        path = [*path, (node, entry)]
        fixed = dict(entry)
        for i in range(self.w):
            if i not in entry and rng.random() < self.fixing:
                value = rng.randrange(2)
                if self.possible({**entry, i: 1 - value}) is None:
                    self.leaf({**entry, i: 1 - value}, path)
                node["fixed"].append([i, value])
                fixed[i] = value
        node["infeasible"] = self.possible(fixed)
        free = [i for i in range(self.w) if i not in fixed]
        if node["infeasible"] is not None:
            return number
        if not free or level >= self.depth:
            self.leaf(fixed, path)
            return number
        node["branch"] = rng.choice(free)
        node["children"] = [
            self.build({**fixed, node["branch"]: v}, path, level + 1) for v in (0, 1)
        ]
        return number

    def data(self):
        return {
            "positions": self.members,
            "constraints": [d["name"] for d in self.constraints],
            "diagonal": packed(self.d, "<f8"),
            "points": packed(self.points, "<f4") if len(self.points) else None,
            "nodes": self.nodes,
            "lower": self.lower,
        }


def options(inner, i):
    return (inner[i],) if i in inner else (0, 1)


def together(curves):
    total = [F(0)]
    for curve in curves:
        sums = [INFINITE] * (len(total) + len(curve) - 1)
        for (a, x), (b, y) in itertools.product(enumerate(total), enumerate(curve)):
            if x is not None and y is not None:
                sums[a + b] = least([sums[a + b], x + y])
        total = sums
    return total


def certificate(instance, groups, junction, *, multipliers=(), seed=0, inner=(), **tree):
    """A certificate of an instance.

    groups: the positions of each block; inner: for each block the names of its constraints;
    junction: ``(names, children)``, children numbers of blocks or junctions.
    """
    rng = random.Random(seed)
    named = {d["name"]: d for d in instance.demands}
    h, J, constant = list(instance.h), dict(instance.J), F(instance.bqm.offset)
    for multiplier in multipliers:
        demand = named[multiplier["constraint"]]
        side = multiplier["side"]
        share = F(multiplier["value"]) * (1 if side == "upper" else -1)
        constant += share * (F(demand.get("offset", 0)) - F(demand[side]))
        terms = demand.get("linear", demand.get("coefficients"))
        if terms is None:
            members = demand["variables"]
            terms = [(i, 1) for i in (range(instance.n) if members is None else members)]
        for i, c in terms:
            h[i] += share * F(c)
        for i, j, c in demand.get("quadratic", ()):
            key = tuple(sorted((i, j)))
            J[key] = J.get(key, F(0)) + share * F(c)
    inner = inner or [()] * len(groups)
    tree = {"points": 2, "gl": True, "depth": 99, "fixing": 0.2, **tree}
    blocks = [
        BlockTree(instance, h, J, group, [named[x] for x in names], rng, **tree)
        for group, names in zip(groups, inner, strict=True)
    ]

    def add_up(node):
        if isinstance(node, int):
            return [None if x is None else F(x) for x in blocks[node].lower], blocks[node].members
        names, children = node
        parts = [add_up(child) for child in children]
        total = together([curve for curve, _ in parts])
        for k in range(len(total)):
            if not all(keeps({**named[x], "variables": [0]}, [k]) for x in names):
                total[k] = INFINITE
        return total, [i for _, members in parts for i in members]

    def written(node):
        if isinstance(node, int):
            return node
        return {"constraints": list(node[0]), "children": [written(child) for child in node[1]]}

    lowest, best = least(add_up(junction)[0]), instance.best()
    bound = None if lowest is None else below(lowest + constant)
    energy = None if best is None else float(best[0])
    apart = F(0) if best is None else abs(best[0] - F(instance.bqm.offset))  # a gap is of choices
    proven = best is None or best[0] - F(bound) <= F(1e-6) * apart
    return {
        "about": "secateur certificate",
        "version": 1,
        "problem": problem_hash(instance.bqm),
        "demands": instance.demands,
        "claims": {
            "energy": energy,
            "bound": bound,
            "ones": [] if best is None else [i for i, x in enumerate(best[1]) if x],
            "tolerance": 1e-6,
            "proven": proven and (best is None) == (bound is None),
        },
        "checkable": True,
        "multipliers": list(multipliers),
        "blocks": [block.data() for block in blocks],
        "junction": written(junction),
    }


def random_bqm(sizes, seed, *, kind="signed", scale=1.0, labels=None):
    """Blocks without couplings between them; returns the model and the groups of positions."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    order = rng.permutation(n).tolist()
    groups, start = [], 0
    for size in sizes:
        groups.append(sorted(order[start : start + size]))
        start += size
    labels = labels or [f"x{i}" for i in range(n)]
    bqm = dimod.BinaryQuadraticModel("BINARY")
    draw = {
        "signed": lambda: rng.normal(),
        "positive": lambda: abs(rng.normal()),
        "ties": lambda: float(rng.integers(-2, 3)),
        "range": lambda: rng.normal() * 10.0 ** rng.integers(-9, 9),
    }[kind]
    for i in range(n):
        bqm.add_linear(labels[i], scale * draw())
    for group in groups:
        for i, j in itertools.combinations(group, 2):
            if rng.random() < 0.8:
                bqm.add_quadratic(labels[i], labels[j], scale * draw())
    bqm.offset = scale * draw()
    return bqm, groups
