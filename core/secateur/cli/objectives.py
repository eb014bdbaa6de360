"""``secateur objectives``: which there are, what each is, and its options."""

from __future__ import annotations

import click

from secateur.cli.showing import describe, show_list, show_stage
from secateur.stages import OBJECTIVES, find_stage


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@click.pass_context
def objectives(context: click.Context, as_json: bool) -> None:
    """List the registered objectives; imports none of them.

    \b
    Example:
      secateur objectives
      secateur objectives show residual
    """
    if context.invoked_subcommand is None:
        show_list(OBJECTIVES, as_json)


@objectives.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(name: str, as_json: bool) -> None:
    """Tell what objective NAME is, its options, what to cite, and who registers it.

    NAME may be module:attribute of your own.

    \b
    Example:
      secateur objectives show residual
    """
    from secateur.objectives import objective_class
    from secateur.options import declared

    found, entry = objective_class(name), find_stage(OBJECTIVES, name)
    show_stage(describe(OBJECTIVES, entry, found, declared(found), found.cite()), as_json)
