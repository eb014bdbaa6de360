"""A client in a process of its own, to be killed: ``python client.py '{"endpoint": …}'``.

Prints one line of JSON: the solution, or the error.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import dimod
import numpy as np

from secateur.errors import SecateurError
from secateur.problem import Problem, count
from secateur_backends.leap import Leap


def make_problem(n: int = 6, ones: int | None = None, seed: int = 0, limits: Any = ()) -> Problem:
    rng = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel(np.triu(rng.normal(size=(n, n))), "BINARY")
    bqm.offset = 1.5
    bqm.relabel_variables({i: f"conv.{i % 2}:{i}" for i in range(n)})
    return Problem(bqm, [*([] if ones is None else [count(ones)]), *limits])


def main(text: str) -> None:
    backend = Leap()
    try:
        found = backend.solve(make_problem(ones=3), Leap.make_options(json.loads(text)))
    except SecateurError as error:
        print(json.dumps({"error": str(error)}))
    except KeyboardInterrupt as interrupt:
        print(json.dumps({"interrupted": interrupt.__notes__}))
    else:
        print(
            json.dumps(
                {
                    "energy": float(found.samples.first.energy),
                    "job": found.job_id,
                    "resumed": found.raw["resumed"],
                    "access": found.timings.access,
                }
            )
        )


if __name__ == "__main__":
    main(sys.argv[1])
