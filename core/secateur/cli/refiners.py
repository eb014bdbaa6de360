"""``secateur refiners``: which there are, what each is, and its options."""

from __future__ import annotations

import click

from secateur.cli.showing import describe, show_list, show_stage
from secateur.stages import REFINERS, find_stage


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_context
def refiners(context: click.Context, as_json: bool) -> None:
    """List the registered refiners; imports none of them.

    \b
    Example:
      secateur refiners
      secateur refiners show tt
    """
    if context.invoked_subcommand is None:
        show_list(REFINERS, as_json)


@refiners.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(name: str, as_json: bool) -> None:
    """Tell what refiner NAME is, its options, what to cite, and who registers it.

    NAME may be module:attribute of your own.

    \b
    Example:
      secateur refiners show tt
    """
    from secateur.options import declared
    from secateur.refine import refiner_class

    found, entry = refiner_class(name), find_stage(REFINERS, name)
    show_stage(describe(REFINERS, entry, found, declared(found), found.cite()), as_json)
