"""Small studies, as they come out of a study's file, and what of their rows must not differ."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from secateur.study.cell import Cell, Instance, Study, StudyMethod, digest
from secateur.study.instances.asked import problem_sha256

HERE = "tests.study.engine.solvers"
TIMES = ("wall", "queue", "access", "cpu", "incumbents", "machine", "started")
"""Fields of a row that may differ between two runs."""


def told(rows):
    """Rows without what depends on the clock and the machine, by key."""
    names = [f.name for f in fields(rows[0]) if f.name not in TIMES] if rows else []
    return {row.key: {name: getattr(row, name) for name in names} for row in rows}


def told_reads(store, rows):
    """All reads of rows, as plain data."""
    found = {}
    for row in rows:
        reads = store.reads(row.key)
        found[row.key] = (
            reads.energies.tolist(),
            reads.occurrences.tolist(),
            reads.kept.tolist(),
            reads.bits.tolist(),
        )
    return found


def instance(folder: Path, n: int, *, seed: int = 0, ones: int | None = None) -> Instance:
    """A random problem with whole biases, in a file."""
    rng = np.random.default_rng(seed)
    matrix = np.triu(rng.integers(-20, 21, (n, n)))
    path = folder / f"random-{n}-{seed}.coo"
    lines = [f"{i} {j} {matrix[i, j]}" for i in range(n) for j in range(i, n)]
    path.write_text("# vartype=BINARY\n" + "\n".join(lines) + "\n")
    source = {"file": str(path), **({} if ones is None else {"count": ones})}
    from secateur.study.instances.problems import make_problem

    problem = make_problem(source)
    return Instance(
        name=f"random-{n}-{seed}",
        sha256=problem_sha256(problem),
        source=source,
        variables=problem.n,
        couplings=len(problem.quadratic[2]),
        count=ones,
        family="random",
    )


def method(backend: str, name: str | None = None, **options) -> StudyMethod:
    return StudyMethod(name or backend, backend, options, public=options, versions={"made": "1"})


def study(instances, methods, *, seeds=(0, 1), time_limit=20.0, title="Small", **more) -> Study:
    cells = tuple(
        Cell(one, how, seed, 0, time_limit)
        for seed in seeds
        for one in instances
        for how in methods
    )
    return Study(
        title=title,
        path=Path("study.toml"),
        text="[study]",
        sha256=digest("[study]"),
        store="study.db",
        instances=tuple(instances),
        methods=tuple(methods),
        cells=cells,
        **more,
    )


def plain(folder: Path) -> Study:
    """A study of solvers that answer the same whatever the clock says."""
    instances = [instance(folder, 6), instance(folder, 12, seed=1, ones=4)]
    methods = [
        method("annealing", reads=4, sweeps=30),
        method("steepest-descent", reads=3),
        method("greedy"),
        method(f"{HERE}:shy", "shy"),
        method(f"{HERE}:liar", "liar"),
        method(f"{HERE}:raises", "raises"),
    ]
    return study(instances, methods)
