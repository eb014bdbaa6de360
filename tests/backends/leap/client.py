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
from secateur.solving import solve
from secateur_backends.leap import Leap, LeapBQM


def make_problem(n: int = 6, ones: int | None = None, seed: int = 0, limits: Any = ()) -> Problem:
    rng = np.random.default_rng(seed)
    bqm = dimod.BinaryQuadraticModel(np.triu(rng.normal(size=(n, n))), "BINARY")
    bqm.offset = 1.5
    bqm.relabel_variables({i: f"conv.{i % 2}:{i}" for i in range(n)})
    return Problem(bqm, [*([] if ones is None else [count(ones)]), *limits])


def attracting_problem() -> Problem:
    """All or none: an offset reaches no count between, and the search goes on and on."""
    bqm = dimod.BinaryQuadraticModel(-np.triu(np.ones((10, 10)), 1), "BINARY")
    bqm.add_linear_from({k: 4.5 + 0.1 * k for k in range(10)})
    return Problem(bqm, 5)


def search(options: dict[str, Any], time_limit: float | None) -> None:
    """By the service alone: a proof of ours would hide how the search ended."""
    problem = attracting_problem()
    found = solve(
        problem,
        backend=LeapBQM(),
        options=options,
        seed=None,
        proof=False,
        time_limit=time_limit,
        charge=options.pop("charge", False),
    )
    print(
        json.dumps(
            {
                "energy": found.energy,
                "ones": found.count,
                "calls": found.calls,
                "stopped": str(found.stopped),
                "charged": found.provenance["charged"],
                "notes": found.provenance["notes"],
            }
        )
    )


def main(text: str) -> None:
    backend = Leap()
    given = json.loads(text)
    try:
        if given.pop("search", False):
            search(given, given.pop("seconds", None))
            return
        found = backend.solve(make_problem(ones=3), Leap.make_options(given))
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
