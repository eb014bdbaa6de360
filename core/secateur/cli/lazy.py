"""Groups of commands, each in a file of its own, imported when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from secateur.cli.help import TaughtGroup
from secateur.cli.streams import only_json
from secateur.extras import needed_by

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyGroup(TaughtGroup):
    """A group whose ``--help`` imports none of its commands.

    Arguments:
        home: the package of the commands' modules.
        helps: names and one-line helps, in order.
        homes: modules of commands that are not in one of their name.
        extras: of commands that need more than PyTorch, so that one line installs it all.
    """

    def __init__(
        self,
        *arguments: Any,
        home: str,
        helps: Mapping[str, str],
        homes: Mapping[str, str] | None = None,
        extras: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        self._home, self._helps = home, helps
        self._homes, self._extras = homes or {}, extras or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the helps."""
        return list(self._helps)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None where there is none of that name."""
        if cmd_name not in self._helps:
            return None
        module = importlib.import_module(f"{self._home}.{self._homes.get(cmd_name, cmd_name)}")
        command: click.Command = getattr(module, cmd_name)
        _only_json_where_asked(command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; the want of a package names the extra that brings it."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError:
            name = ctx.invoked_subcommand or ""
            with needed_by(f"`{ctx.command_path} {name}`", self._extras.get(name)):
                raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The helps, from the table: no command is imported."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._helps.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names of commands, from the table, and options: no command is imported."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=text)
            for name, text in self._helps.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


def _only_json_where_asked(command: click.Command) -> None:
    """With ``--json`` standard output belongs to the document, whatever the command."""

    def asked(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
        if value:
            only_json()
        return value

    for parameter in command.params:
        if "--json" in parameter.opts:
            parameter.callback, parameter.is_eager = asked, True
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _only_json_where_asked(inner)
