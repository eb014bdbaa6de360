"""Memory and time of the readers grow as the file does."""

from __future__ import annotations

import time
import tracemalloc
from itertools import pairwise

import pytest

from secateur.files import read_file

START = 1500
"""Entries of the smallest file; the others have twice, four times and eight times as many."""


def rows(m, first, value="1.5"):
    """Entries of a chain, so that there are as many variables as entries."""
    return "".join(f"{k + first} {k + first + 1} {value}\n" for k in range(m))


def lp(m):
    names = [f"x{k}" for k in range(m + 1)]
    products = "\n + ".join(f"3 {a} * {b}" for a, b in pairwise(names))
    limits = "\n".join(f" {a} + {b} <= 1" for a, b in pairwise(names[:201]))
    return f"min\n [ {products} ] / 2\nst\n{limits}\nbinary\n " + "\n ".join(names) + "\nend\n"


def mps(m):
    names = [f"x{k}" for k in range(m + 1)]
    columns = "".join(f" {name} c 1\n" for name in names)
    bounds = "".join(f" BV B {name}\n" for name in names)
    pairs = "".join(f" {a} {b} 2\n" for a, b in pairwise(names))
    return f"NAME\nROWS\n N c\nCOLUMNS\n{columns}BOUNDS\n{bounds}QUADOBJ\n{pairs}ENDATA\n"


def qplib(m):
    return (
        f"M\nQBN\nminimize\n{m + 1}\n{m}\n" + "".join(f"{k + 2} {k + 1} 1.5\n" for k in range(m))
        + "0\n0\n0\n1e30\n0\n0\n0\n0\n0\n"
    )  # fmt: skip


def bqpjson(m):
    import json

    return json.dumps(
        {
            "version": "1.0.0", "id": 0, "metadata": {}, "variable_domain": "spin", "scale": 1,
            "offset": 0, "linear_terms": [], "variable_ids": list(range(m + 1)),
            "quadratic_terms": [
                {"id_tail": k, "id_head": k + 1, "coeff": 1.5} for k in range(m)
            ],
        }
    )  # fmt: skip


MADE = {
    "a.coo": lambda m: rows(m, 0),
    "a.qubo": lambda m: f"p qubo 0 {m + 1} 0 {m}\n{rows(m, 0)}",
    "a.sparse": lambda m: f"{m + 1} {m}\n{rows(m, 1)}",
    "a.mc": lambda m: f"{m + 1} {m}\n{rows(m, 1)}",
    "a.mtx": lambda m: (
        f"%%MatrixMarket matrix coordinate real general\n{m + 1} {m + 1} {m}\n{rows(m, 1)}"
    ),
    "a.lp": lp,
    "a.mps": mps,
    "a.qplib": qplib,
    "a.json": bqpjson,
}


def cost(path):
    """Seconds of this process and bytes at the peak."""
    read_file(path)  # imports and caches
    best = 1e9
    for _ in range(2):
        start = time.process_time()
        read_file(path)
        best = min(best, time.process_time() - start)
    tracemalloc.start()
    read_file(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return best, peak


@pytest.mark.parametrize("name", MADE)
def test_twice_the_file_takes_twice_the_time_and_memory(tmp_path, name):
    found = []
    for times in (2, 8):
        path = tmp_path / f"{times}-{name}"
        path.write_text(MADE[name](START * times))
        found.append((*cost(path), path.stat().st_size))
    (t1, m1, b1), (t2, m2, b2) = found
    assert 3.5 < b2 / b1 < 4.7
    assert m2 / m1 < 1.3 * b2 / b1
    assert t2 / t1 < 2.25 * b2 / b1  # less than three times for each doubling; squares take 16
