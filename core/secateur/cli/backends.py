"""``secateur backends``: which there are, whether they work here, and how to cite them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secateur.cli.common import print_json, say
from secateur.cli.completing import of_stages
from secateur.cli.shared import charge_option, json_option, output_option
from secateur.cli.showing import Found, StageGroup, show_command
from secateur.stages import BACKENDS, find_stage

if TYPE_CHECKING:
    from secateur.backends.listing import BackendDescription


def _found(name: str) -> Found:
    """Also behind what stands before a name, ``decompose:`` and ``blocks:``."""
    from dataclasses import replace

    from secateur.solving import load_solver
    from secateur.solving.solvers import inner_name

    found = load_solver(name)
    entry = replace(find_stage(BACKENDS, inner_name(name)), name=name)
    return entry, found, found.describe_options()


@click.group(
    cls=StageGroup,
    find=_found,
    invoke_without_command=True,
    examples=[
        "secateur backends",
        "secateur backends show annealing",
        "secateur backends check annealing",
        "secateur backends new my-solver",
    ],
    page="how-to/add-a-backend",
)
@json_option
@click.pass_context
def backends(context: click.Context, as_json: bool) -> None:
    """List the installed backends; takes no licence and opens no connection."""
    if context.invoked_subcommand is not None:
        return
    from secateur.backends.listing import describe_backends

    found = describe_backends()
    if as_json:
        print_json({"backends": [_flat(one) for one in found]})
        return
    say(_table(found))


backends.add_command(
    show_command(BACKENDS, _found, example="annealing", page="how-to/add-a-backend")
)


@backends.command(examples=["secateur backends check tabu"], page="how-to/add-a-backend")
@click.argument("name", shell_complete=of_stages("backend"))
@charge_option
@json_option
def check(name: str, charge: bool, as_json: bool) -> None:
    """Solve a problem of six variables with backend NAME, and verify the answer."""
    import dimod

    from secateur.backends.call import run
    from secateur.backends.metered import is_metered
    from secateur.errors import OptionError
    from secateur.problem import Problem
    from secateur.solving import load_solver, solve

    solver = load_solver(name)
    does, metered = solver.capabilities, is_metered(solver)
    if metered and not charge:
        raise OptionError(
            f"backend {name!r} is metered: its service charges for the call",
            remedy=f"`secateur backends check {name} --charge` makes one small call",
        )
    linear = {f"v{k}": float(k % 3) - 0.5 for k in range(6)}
    couplings = {(f"v{k}", f"v{(k + 1) % 6}"): 0.25 * (k + 1) for k in range(6)}
    bqm = dimod.BinaryQuadraticModel(linear, couplings, "BINARY")
    optimum = -1.0  # v0 and v3 alone, with a count of two or without one
    if metered and "count" not in does.native:  # the search would make several calls
        solution = run(solver, Problem(bqm), charge=charge)
        energy, seconds = float(solution.samples.first.energy), solution.timings.total
    else:
        found = solve(bqm, count=2, backend=name, proof=False, charge=charge)
        energy, seconds = found.energy, found.seconds
    outcome = {
        "backend": name,
        "energy": energy,
        "optimum": optimum,
        "optimal": abs(energy - optimum) < 1e-9,
        "seconds": seconds,
    }
    if as_json:
        print_json(outcome)
        return
    said = "the optimum" if outcome["optimal"] else f"not the optimum, {optimum}"
    say(f"{name} works: energy {energy:g} ({said}) in {seconds:.2f} s")


@backends.command(examples=["secateur backends cite annealing"], page="how-to/add-a-backend")
@click.argument("name", shell_complete=of_stages("backend"))
def cite(name: str) -> None:
    """Print the BibTeX of what to cite for backend NAME."""
    from secateur.backends.guard import guarded
    from secateur.backends.registry import load_backend

    backend = load_backend(name)
    with guarded(backend, "cite"):
        text = backend.cite()
    say(text or f"% {name} names nothing to cite")


@backends.command(
    examples=[
        "secateur backends new my-solver",
        'pip install -e "secateur-my-solver[test]"',
        "pytest --pyargs secateur_my_solver",
    ],
    page="how-to/add-a-backend",
)
@click.argument("name")
@output_option("A new folder; secateur-NAME unless given.")
@json_option
def new(name: str, output: Path | None, as_json: bool) -> None:
    """Write a plugin project for a backend NAME; it installs and passes the conformance kit."""
    from secateur.cli.new_backend import write_plugin

    folder = output or Path(f"secateur-{name}")
    written = write_plugin(name, folder)
    if as_json:
        print_json({"folder": str(folder), "files": [str(path) for path in written]})
        return
    module = written[2].parent.name
    say(f"Written: {folder}. Your solver goes into {written[2]}.\n")
    say(f'  pip install -e "{folder}[test]"\n  pytest --pyargs {module}')


def _flat(one: BackendDescription) -> dict[str, Any]:
    row = asdict(one)
    return row | (row.pop("capabilities") or {})


def _table(found: list[BackendDescription]) -> str:
    """Aligned columns; below them, which cannot be used, why not and what to do."""
    from secateur.report.columns import Column
    from secateur.report.table import text
    from secateur.shown import escaped

    def says(name: str) -> Callable[[BackendDescription], Any]:
        return lambda one: (one.capabilities or {}).get(name)

    def yes(value: Any) -> str:
        return "yes" if value else ""

    columns = [
        Column("name", lambda one: one.name, left=True),
        Column("distribution", lambda one: f"{one.distribution} {one.version}", left=True),
        Column("installed", lambda one: "yes" if one.installed else "no", left=True),
        Column(
            "licensed", lambda one: {None: "", True: "yes", False: "no"}[one.licensed], left=True
        ),
        Column("exact", says("exact"), format=yes, left=True),
        Column(
            "exact count", lambda one: "count" in (says("native")(one) or ()), format=yes, left=True
        ),
        Column("metered", says("metered"), format=yes, left=True),
        Column("most variables", says("max_variables"), left=True),
    ]
    missing: dict[str, list[str]] = {}
    for one in found:
        if not one.usable:
            why = f"{one.detail}; {one.remedy or ''}".strip("; ")
            missing.setdefault(escaped(why), []).append(escaped(one.name))
    below = [f"{', '.join(names)}: {why}" for why, names in missing.items()]
    table = text(columns, found, [one.detail if one.usable else "" for one in found])
    return "\n".join([table, *(["", "cannot be used here:", *below] if below else [])])
