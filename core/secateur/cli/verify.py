"""``secateur verify``: does a certificate prove what it claims about a problem?"""

from __future__ import annotations

import importlib
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secateur.cli.common import print_json

if TYPE_CHECKING:
    from secateur.problem.constraints import Constraint


@click.command()
@click.argument("certificate", type=click.Path(path_type=Path))
@click.argument("problem", type=click.Path(path_type=Path))
@click.option("--count", type=int, help="How many variables the problem wants to be 1.")
@click.option(
    "--constraints",
    "constraints_file",
    type=click.Path(path_type=Path),
    help="The demands of the problem, as for `secateur solve` (TOML).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def verify(
    certificate: Path,
    problem: Path,
    count: int | None,
    constraints_file: Path | None,
    as_json: bool,
) -> int:
    """Recompute a proof in exact arithmetic; it exits with 0 only if all of it holds.

    Demands that are given (here, or a count in the problem's file) must be those of the
    certificate. Where none are given, those of the certificate are taken, and shown.

    \b
    Examples:
      secateur verify proof.json halfunet.bqm --count 173
      secateur verify proof.json.gz gka1a.sparse --json
    """
    from secateur.certify import check
    from secateur.errors import CertificateError, OptionError
    from secateur.qubo.files import read_file

    content = read_file(problem)
    if None not in (count, content.ones) and count != content.ones:
        raise OptionError(
            f"--count is {count}, and {problem} states {content.ones}",
            remedy="leave --count out, or remove the constraint from the file",
        )
    count = content.ones if count is None else count
    labels = list(content.bqm.variables)
    demands: list[Mapping[str, Any]] = []
    if count is not None:
        demands.append(_cardinality("count", None, count, count, 1))
    if constraints_file is not None:
        read_constraints = importlib.import_module("secateur.problem.toml").read_constraints
        demands += as_data(read_constraints(constraints_file, labels), labels)
    stated = count is not None or constraints_file is not None
    try:
        verdict = check(certificate, content.bqm, demands if stated else None)
    except CertificateError as error:
        if not as_json:
            raise
        print_json(
            {"verified": False, "checked": "wrong", "error": str(error), "where": error.where}
        )
        return 1
    if as_json:
        print_json({**verdict.as_data(), "demands_given": stated})
    else:
        click.echo(verdict)
        if not stated:
            note = "the demands are the certificate's own; say yours by --count, --constraints"
            click.echo(f"{'note':8} {note}")
        if "sense" in content.provenance:
            click.echo(f"{'note':8} {content.provenance['sense']}")
    return 0 if verdict.verified else 1


def as_data(
    constraints: Sequence[Constraint], labels: Sequence[Hashable]
) -> list[Mapping[str, Any]]:
    """Constraints as a certificate writes them, with positions for labels."""
    from secateur.problem.constraints import Cardinality, Linear, Quadratic

    at = {label: i for i, label in enumerate(labels)}
    found: list[Mapping[str, Any]] = []
    for one in constraints:
        if isinstance(one, Cardinality):
            members = None if one.variables is None else [at[x] for x in one.variables]
            found.append(_cardinality(one.name, members, one.lower, one.upper, one.step))
        elif isinstance(one, Linear):
            terms = [[at[x], value] for x, value in one.coefficients.items()]
            found.append({"type": "linear", "coefficients": terms, **_about(one)})
        elif isinstance(one, Quadratic):
            linear = [[at[x], value] for x, value in one.linear.items()]
            pairs = [[at[x], at[y], value] for (x, y), value in one.quadratic.items()]
            terms_of = {"linear": linear, "quadratic": pairs, "offset": one.offset}
            found.append({"type": "quadratic", **terms_of, **_about(one)})
    return found


def _about(one: Any) -> dict[str, Any]:
    lower = None if one.lower == float("-inf") else one.lower
    return {
        "name": one.name,
        "lower": lower,
        "upper": None if one.upper == float("inf") else one.upper,
    }


def _cardinality(
    name: str, variables: list[int] | None, lower: int, upper: int | None, step: int
) -> dict[str, Any]:
    about = {"type": "cardinality", "name": name, "variables": variables}
    return {**about, "lower": lower, "upper": upper, "step": step}
