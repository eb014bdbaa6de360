"""Reports of made-up rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from secateur.study import Row, State
from secateur.study.report import About
from secateur.study.statistics import analyse

from ..rows import made_rows

NASTY = {
    "annealing": "</script><script>document.title='broken'</script>",
    "tabu": '"><img src=x onerror="document.title=1">',
    "scip": "naïve λ 量子 \\textbf{x} | `a` [b](c) \u202egnirts",
    "greedy": "a-very-long-name-" * 12,
}
"""What methods may be called."""
SCRIPT = "<script>alert(1)</script>"


def nasty_rows() -> list[Row]:
    """Made-up rows whose every text tries something."""
    return [
        replace(
            row,
            study=f"{SCRIPT} & <b>co</b>",
            method=NASTY[row.method],
            instance=f"{SCRIPT}{row.instance}" if row.instance == "made-20" else row.instance,
            family="<i>" if row.instance == "made-20" else "{{ 7 * 7 }}",
            reason=f"{SCRIPT}\n{row.reason}" if row.reason else "",
            options={SCRIPT: "</pre>"},
            machine={"system": SCRIPT},
        )
        for row in made_rows(network=True)
    ]


def many_rows(instances: int, methods: int, seeds: int) -> list[Row]:
    """As many as a large study has."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(instances):
        for m in range(methods):
            for s in range(seeds):
                energy = -100.0 * (1 - rng.exponential(0.002 * (m + 1)) * (rng.random() < 0.5))
                wall = float(rng.uniform(0.5, 2.0))
                rows.append(
                    Row(
                        key=f"{i}-{m}-{s}",
                        study="Large",
                        instance=f"instance-{i:03}",
                        instance_sha256=f"{i:064}",
                        family=f"family {i % 5}",
                        variables=50 + i,
                        couplings=200 + i,
                        method=f"method {m:02}",
                        backend=f"backend-{m}",
                        seed=s,
                        state=State.DONE,
                        time_limit=2.0,
                        energy=energy,
                        wall=wall,
                        queue=0.0,
                        cpu=wall,
                        incumbents=((wall / 2, energy + 1), (wall, energy)),
                        ones=tuple(sorted(rng.permutation(50)[:10].tolist())),
                        started="2026-01-01T00:00:00+00:00",
                    )
                )
    return rows


def about(title: str = "Made up") -> About:
    """What a study's file may say."""
    text = f'[study]\ntitle = "{title}"  # {SCRIPT} </pre></code>\n'
    return About(title, text=text, sha256="ab" * 32, file="made up.toml", submitter="A. Nobody")


def quick(rows):
    """An analysis with few resamples."""
    return analyse(rows, resamples=50)
