"""Rows as a study leaves them, made up from a seed: nothing is solved."""

from __future__ import annotations

import numpy as np

from secateur.study import Row, State

METHODS = ("annealing", "tabu", "scip", "greedy")


def made_rows(
    instances: int = 6, seeds: int = 5, *, network: bool = False, seed: int = 0
) -> list[Row]:
    """Rows of four methods: each worse than the one before it; scip cannot take the largest
    instance, and tabu failed once. ``network``: with the metric of a network beside the energy."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(instances):
        n, best = 20 + 10 * i, -100.0 - 10 * i
        for m, method in enumerate(METHODS):
            for s in range(seeds):
                about = {
                    "key": f"{i:02}{m}{s}".ljust(64, "0"),
                    "study": "Made up",
                    "instance": f"made-{n}",
                    "family": "made",
                    "instance_sha256": f"{i:064}",
                    "variables": n,
                    "couplings": n * (n - 1) // 2,
                    "count": n // 3,
                    "method": method,
                    "backend": method,
                    "options": {"reads": 20} if method == "annealing" else {},
                    "seed": s,
                    "time_limit": 2.0,
                    "versions": {"python": "3.11.7", "secateur": "0.1.0"},
                    "machine": {"system": "Linux", "processors": 2},
                    "started": f"2026-01-01T00:{i:02}:{10 * m + s:02}+00:00",
                }
                if method == "scip" and i == instances - 1:
                    cannot = f"takes at most {n - 1} variables, and there are {n}"
                    rows.append(Row(**about, state=State.CANNOT, reason=cannot))
                    continue
                if method == "tabu" and (i, s) == (0, 0):
                    rows.append(Row(**about, state=State.FAILED, reason="ValueError: made up"))
                    continue
                loss = 0.0 if rng.random() < 0.9 - 0.25 * m else rng.exponential(0.01 * (m + 1))
                energy = best * (1 - loss)
                wall = float(rng.uniform(0.5, 1.5) * (m + 1))
                steps = ((0.1 * wall, best * 0.8), (0.3 * wall, (energy + best * 0.8) / 2))
                metric = 30 - 0.05 * (energy - best) + 0.01 * rng.normal() if network else None
                rows.append(
                    Row(
                        **about,
                        state=State.DONE,
                        energy=energy,
                        bound=best if method == "scip" else best * 1.02,
                        gap=(energy - best) / -energy if method == "scip" else 0.02,
                        backend_energy=energy + 0.1,
                        status="feasible",
                        stopped="time limit",
                        calls=1 + m,
                        wall=wall,
                        queue=0.0,
                        access=None,
                        cpu=0.9 * wall,
                        incumbents=(*steps, (0.9 * wall, energy)),
                        ones=tuple(sorted(rng.permutation(n)[: n // 3].tolist())),
                        dense=32.0 if network else None,
                        masked=None if metric is None else metric - 2,
                        compensated=metric,
                        higher_is_better=True if network else None,
                        reads=20,
                        reads_kept=18,
                        reads_best=1 + int(rng.integers(10)),
                    )
                )
    return rows
