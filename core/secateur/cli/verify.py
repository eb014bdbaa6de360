"""``secateur verify``: does a certificate prove what it claims about a problem?"""

from __future__ import annotations

from pathlib import Path

import click

from secateur.cli.common import print_json, say
from secateur.cli.demanded import demands_of
from secateur.cli.help import Taught
from secateur.cli.shared import json_option, problem_options


@click.command(
    cls=Taught,
    examples=[
        "secateur verify proof.json.gz halfunet.bqm --count 173",
        "secateur verify proof.json.gz gka1a.sparse --json",
    ],
    page="reference/certificate",
)
@click.argument("certificate", type=click.Path(path_type=Path))
@click.argument("problem", type=click.Path(path_type=Path))
@problem_options
@json_option
def verify(
    certificate: Path,
    problem: Path,
    count: str | None,
    demands: Path | None,
    file_format: str | None,
    maximise: bool,
    as_json: bool,
) -> int:
    """Recompute a proof in exact arithmetic; it exits with 0 only if all of it holds.

    Demands that are given (here, or a count in the problem's file) must be those of the
    certificate. Where none are given, those of the certificate are taken, and shown.
    """
    from secateur.certify import check
    from secateur.errors import CertificateError
    from secateur.files import read_file
    from secateur.problem import Problem

    content = read_file(problem, format=file_format, maximise=maximise)
    stated_demands = demands_of(content, problem, count, demands)
    wanted = [demand.data() for demand in Problem(content.bqm, stated_demands).demands]
    stated = bool(stated_demands) or demands is not None
    try:
        verdict = check(certificate, content.bqm, wanted if stated else None)
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
        say(verdict)
        if not stated:
            note = "the demands are the certificate's own; say yours by --count, --constraints"
            say(f"{'note':8} {note}")
        if "sense" in content.provenance:
            say(f"{'note':8} {content.provenance['sense']}")
    return 0 if verdict.verified else 1
