"""``secateur solve``: any QUBO file, any backend."""

from __future__ import annotations

import math
from pathlib import Path

import click

from secateur.cli.common import key_values, print_json

_SHOWN = 12
"""Labels of ones that the text names."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--backend", default="annealing", show_default=True, help="A solver; see `secateur backends`."
)
@click.option(
    "--count",
    type=int,
    help="How many variables must be 1, exactly; that of the file unless given.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the backend: reads=50",
)
@click.option("--seed", type=int, help="Of the backend; an error if it takes none.")
@click.option("--time-limit", type=float, metavar="S", help="Seconds for a call of the backend.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def solve(
    file: Path,
    backend: str,
    count: int | None,
    options: tuple[str, ...],
    seed: int | None,
    time_limit: float | None,
    as_json: bool,
) -> None:
    """Minimise a QUBO file: .bqm .coo .qubo .sparse .qs .json .lp.

    \b
    Examples:
      secateur solve halfunet.bqm --backend tabu --count 173
      secateur solve gka1a.sparse --backend annealing --option reads=100 --seed 1 --json
    """
    from secateur.backends import Problem, Stopped
    from secateur.backends.registry import load_backend
    from secateur.backends.verify import resolve_options, run
    from secateur.capacity import CONTROL, solve_exactly
    from secateur.errors import BackendFailed, OptionError
    from secateur.files import read_file
    from secateur.progress import track

    content = read_file(file)
    if None not in (count, content.ones) and count != content.ones:
        raise OptionError(
            f"--count is {count}, and {file} states {content.ones}",
            remedy="leave --count out, or remove the constraint from the file",
        )
    problem = Problem(content.bqm, content.ones if count is None else count)
    given = key_values(options, "--option")
    if backend == CONTROL:
        if problem.ones is None:
            raise OptionError(f"{CONTROL} needs a count", remedy="give --count")
        if given or (seed, time_limit) != (None, None):
            raise OptionError(f"{CONTROL} takes no options", remedy="leave them out")
    else:  # the capacity search leaves a seed out where there is none; here it was asked for
        resolve_options(load_backend(backend)(), given, seed=seed, time_limit=time_limit)
    if problem.ones is not None:
        found = solve_exactly(problem, backend, options=given, seed=seed, time_limit=time_limit)
        bits, energy, bound = found.bits, found.energy, found.bound
        status, stopped, seconds = found.status, found.stopped, found.seconds
    else:
        with track(f"solving with {backend}"):
            solution = run(load_backend(backend), problem, given, seed=seed, time_limit=time_limit)
        if solution.stopped is Stopped.INTERRUPTED:
            raise KeyboardInterrupt
        status, stopped, seconds = solution.status, solution.stopped, solution.timings.total
        if len(solution.samples) == 0:
            raise BackendFailed(
                f"backend {backend!r} found no solution ({status}, stopped: {stopped})",
                backend=backend,
                remedy="give it more time, or choose another backend",
            )
        best = solution.samples.record[solution.samples.record.energy.argmin()]
        bits, energy, bound = best.sample, float(best.energy), solution.bound
    if bound is not None and not math.isfinite(bound):
        bound = None  # it says nothing, and JSON has no infinity
    labels = [str(v) for v in problem.variables]
    if len(set(labels)) < len(labels):  # 1 and "1"
        labels = [repr(v) for v in problem.variables]
    answer = {
        "backend": backend,
        "energy": energy,
        "ones": int(bits.sum(dtype="int64")),
        "bound": bound,
        "status": str(status),
        "stopped": str(stopped),
        "seconds": seconds,
        "sample": {v: int(b) for v, b in zip(labels, bits, strict=True)},
    }
    if as_json:
        print_json(answer)
        return
    answer["energy"], answer["seconds"] = f"{energy:.9g}", f"{seconds:.2f}"
    answer["bound"] = "none" if bound is None else f"{bound:.9g}"
    for name in ("backend", "energy", "ones", "bound", "status", "stopped", "seconds"):
        click.echo(f"{name:8} {answer[name]}")
    which = [v for v, bit in zip(labels, bits, strict=True) if bit]
    more = f", and {len(which) - _SHOWN} more (--json has all)" if len(which) > _SHOWN else ""
    shown = ", ".join(which[:_SHOWN]) + more
    click.echo(f"{'sample':8} 1 for {shown}" if which else f"{'sample':8} all 0")
    if "sense" in content.provenance:
        click.echo(f"{'note':8} {content.provenance['sense']}")
