"""``secateur backends``: which there are, whether they work here, and how to cite them."""

from __future__ import annotations

from typing import Any

import click

from secateur.cli.common import print_json


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_context
def backends(context: click.Context, as_json: bool) -> None:
    """List the installed backends; takes no licence and opens no connection.

    \b
    Example:
      secateur backends
      secateur backends check annealing
    """
    if context.invoked_subcommand is not None:
        return
    rows = [_describe(entry) for entry in _entries()]
    if as_json:
        print_json({"backends": rows})
        return
    header = ["name", "distribution", "usable", "exact", "exact count", "metered", "most n", ""]
    cells = [header] + [
        [
            row["name"],
            f"{row['distribution']} {row['version']}",
            "yes" if row["usable"] else "no",
            "yes" if row.get("exact") else "",
            "yes" if row.get("native_cardinality") else "",
            "yes" if row.get("metered") else "",
            str(row.get("max_variables") or ""),
            row["detail"] if row["usable"] else f"{row['detail']}; {row['remedy'] or ''}",
        ]
        for row in rows
    ]
    widths = [max(len(line[k]) for line in cells) for k in range(len(header))]
    for line in cells:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo(text.rstrip())


@backends.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def check(name: str, as_json: bool) -> None:
    """Solve a problem of six variables with backend NAME, and verify the answer.

    \b
    Example:
      secateur backends check tabu
    """
    import dimod

    from secateur.backends import Problem
    from secateur.capacity import solve_exactly

    linear = {f"v{k}": float(k % 3) - 0.5 for k in range(6)}
    couplings = {(f"v{k}", f"v{(k + 1) % 6}"): 0.25 * (k + 1) for k in range(6)}
    problem = Problem(dimod.BinaryQuadraticModel(linear, couplings, "BINARY"), ones=2)
    found = solve_exactly(problem, name)
    optimum = -1.0  # v0 and v3, the best of all fifteen pairs
    outcome = {
        "backend": name,
        "energy": found.energy,
        "optimum": optimum,
        "optimal": abs(found.energy - optimum) < 1e-9,
        "seconds": found.seconds,
    }
    if as_json:
        print_json(outcome)
        return
    said = "the optimum" if outcome["optimal"] else f"not the optimum, {optimum}"
    click.echo(f"{name} works: energy {found.energy:g} ({said}) in {found.seconds:.2f} s")


@backends.command()
@click.argument("name")
def cite(name: str) -> None:
    """Print the BibTeX of what to cite for backend NAME.

    \b
    Example:
      secateur backends cite annealing
    """
    from secateur.backends.registry import load_backend

    click.echo(load_backend(name).cite() or f"% {name} names nothing to cite")


def _entries() -> Any:
    from secateur.backends.registry import list_backends

    return list_backends()


def _describe(entry: Any) -> dict[str, Any]:
    """One row; a plugin that cannot be loaded is a row with its error."""
    from secateur.backends.registry import load_backend
    from secateur.errors import BackendError

    row: dict[str, Any] = {
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
    }
    try:
        backend = load_backend(entry.name)
    except BackendError as error:
        return {**row, "usable": False, "detail": error.message, "remedy": error.remedy}
    available, does = backend.availability(), backend.capabilities
    return {
        **row,
        "usable": available.usable,
        "installed": available.installed,
        "licensed": available.licensed,
        "detail": available.detail,
        "remedy": available.remedy,
        "max_variables": does.max_variables,
        "native_cardinality": does.native_cardinality,
        "exact": does.exact,
        "metered": does.metered,
        "takes_seed": does.takes_seed,
        "takes_time_limit": does.takes_time_limit,
    }
