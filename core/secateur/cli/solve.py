"""``secateur solve``: any QUBO file, any backend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secateur.cli.common import key_values, print_json, say, show_quote
from secateur.cli.demanded import demands_of
from secateur.cli.help import Taught
from secateur.cli.shared import (
    backend_option,
    charge_option,
    dry_run_option,
    json_option,
    pairs_option,
    problem_options,
    seed_option,
)

if TYPE_CHECKING:
    from secateur.report.output import Saved
    from secateur.solving import Selection
    from secateur.solving.chosen import Chosen


@click.command(
    cls=Taught,
    examples=[
        "secateur solve halfunet.bqm --count 173",
        "secateur solve gka1a.sparse --backend annealing --option reads=100 --seed 1 --json",
        "secateur solve halfunet.bqm --count 173 --certificate proof.json.gz",
        "secateur solve halfunet.bqm --count 173 --backend leap --dry-run",
    ],
    page="how-to/state-demands",
)
@click.argument("file", type=click.Path(path_type=Path))
@problem_options
@backend_option("auto")
@pairs_option("--option", "options", "An option of the backend, reads=50.")
@click.option(
    "--proof/--no-proof",
    default=None,
    help="Prove or bound the answer besides; small problems are, unless told otherwise.",
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path),
    help="A new file for what the bound rests on; check it with `secateur verify`.",
)
@click.option(
    "--time-limit",
    type=float,
    metavar="S",
    help="Of the whole search; more than 0, at most 2000000.0, in s.",
)
@click.option(
    "--max-calls",
    type=int,
    help="Most calls of the backend; one of a metered backend that keeps no budget.",
)
@dry_run_option
@charge_option
@seed_option(None)
@json_option
def solve(
    file: Path,
    backend: str,
    count: str | None,
    demands: Path | None,
    options: tuple[str, ...],
    seed: int | None,
    time_limit: float | None,
    proof: bool | None,
    certificate: Path | None,
    file_format: str | None,
    maximise: bool,
    dry_run: bool,
    charge: bool,
    max_calls: int | None,
    as_json: bool,
) -> None:
    """Minimise a file: a QUBO, a maximum cut, or a binary program with its constraints.

    FILE may be .bqm .cqm .coo .qubo .sparse .qs .mc .rud .qh .json .lp .mps .qplib .mtx .npz, also
    packed (.gz .xz .bz2): docs/reference/file-formats.md. A seed is an error where the backend
    takes none.
    """
    from secateur.errors import OptionError
    from secateur.files import read_file
    from secateur.limits import check_seed, check_time_limit
    from secateur.problem import Problem
    from secateur.report.output import try_output
    from secateur.solving import quote
    from secateur.solving import solve as minimise
    from secateur.solving.selection import table

    try_output(certificate)
    content = read_file(file, format=file_format, maximise=maximise)
    wanted = demands_of(content, file, count, demands)
    problem = Problem(content.bqm)
    given = key_values(options, "--option")
    check_time_limit(time_limit)
    for name, value in (("seed", check_seed(seed)), ("time_limit", time_limit)):
        if value is not None and name in given:
            raise OptionError(
                f"--{name.replace('_', '-')} is {value}, and --option says {name}={given[name]}",
                remedy="give one of them",
            )
    asked: dict[str, Any] = {
        "backend": _chosen(backend, given, seed),
        "seed": 0 if seed is None else seed,
        "time_limit": time_limit,
        "proof": True if certificate is not None and proof is None else proof,
        "charge": charge,
        "max_calls": max_calls,
    }
    if dry_run:
        show_quote(quote(problem.with_constraints(wanted), **asked), as_json)
        return
    answer = minimise(problem.with_constraints(wanted), **asked)
    if not as_json:
        say(table(answer, "--json has all"))
        if content.maximised:
            say(f"{'value':8} {0.0 - answer.energy:.9g} of the file's own objective, maximised")
        if "sense" in content.provenance:
            say(f"{'note':8} {content.provenance['sense']}")
    saved: Saved[None] | None = None
    try:
        if certificate is not None:
            saved = _certify(answer, certificate)
    finally:  # the answer is not lost, whatever becomes of its certificate
        if as_json:
            written = None if saved is None else str(saved.path)
            own = {"objective": _objective(answer)} if content.maximised else {}
            rest = {"samples": _reads(answer), "certificate": written}
            print_json({**answer.to_json(), **rest, **own})
    if saved is not None:
        if not as_json:
            say(f"{'written':8} {saved.path}")
        if saved.error is not None:
            raise saved.error


def _objective(answer: Selection) -> dict[str, Any]:
    """In the file's own sign, where that is maximised."""
    bound = None if answer.bound is None else 0.0 - answer.bound
    return {"sense": "maximise", "value": 0.0 - answer.energy, "bound": bound}


def _chosen(backend: str, given: dict[str, Any], seed: int | None) -> Chosen:
    """A seed that was asked for and is not taken is an error; in Python it is a default."""
    from secateur.errors import OptionError
    from secateur.solving import CONTROL
    from secateur.solving.chosen import choose

    if backend == CONTROL and seed is not None:
        raise OptionError(f"{CONTROL} takes no seed", remedy="leave it out")
    return choose(backend, given, seed=seed)


def _certify(answer: Selection, path: Path) -> Saved[None]:
    from secateur.errors import OptionError
    from secateur.report.output import save_somewhere

    certificate = answer.certificate
    if certificate is None:
        raise OptionError(
            "there is no bound, so there is nothing to certify",
            remedy="give more time, or --proof",
        )
    return save_somewhere(certificate.save, path)


def _reads(answer: Selection) -> list[dict[str, Any]]:
    """All reads: energy, occurrences, feasibility, and the bits in the order of the sample."""
    record = answer.samples.record
    kept = record.is_feasible if "is_feasible" in (record.dtype.names or ()) else [True]
    return [
        {
            "energy": float(energy),
            "occurrences": int(often),
            "feasible": bool(good),
            "bits": "".join("1" if bit else "0" for bit in row),
        }
        for row, energy, often, good in zip(
            record.sample, record.energy, record.num_occurrences, kept, strict=True
        )
    ]
