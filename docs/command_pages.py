"""The directive that writes the commands down: ``{commands}``.

It walks the tree of commands, and makes a section of each: what it does, its example, its options
with their defaults and values, and how it ends.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

import click
from docutils import nodes
from docutils.parsers.rst import Directive
from error_pages import paragraph

from secateur.cli import cli

EXAMPLE = re.compile(r"^(?:\x08\n)?Examples?\b[^\n]*:\n", re.MULTILINE)
ENDS = {
    "secateur verify": "0 only where all of the proof holds; 1 where it does not, or is claimed"
}
"""Commands whose exit codes mean more than that they ended."""


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command with its path, ``secateur`` first."""
    yield from _below(cli, click.Context(cli, info_name="secateur"))


def _below(
    command: click.Command, context: click.Context
) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, name
            yield from _below(inner, click.Context(inner, info_name=name, parent=context))


def paragraphs(command: click.Command) -> tuple[list[str], list[str]]:
    """What the help says, and the examples: those in it, or those that the command has."""
    told: list[str] = []
    shown: list[str] = [*getattr(command, "examples", ())]
    for one in inspect.cleandoc(command.help or "").split("\n\n"):
        lines = one.removeprefix("\b\n").splitlines()
        if EXAMPLE.match(one) or one.startswith("\b"):
            shown += [line for line in lines if not re.match(r"Examples?\b.*:$", line)]
        elif one.strip():
            told.append(" ".join(lines))
    if command.epilog:
        told.append(" ".join(inspect.cleandoc(command.epilog).replace("\b", "").split()))
    return told, textwrap.dedent("\n".join(shown)).splitlines()


def values(parameter: click.Parameter) -> str:
    """What may be given, and what is taken where nothing is."""
    kind = parameter.type
    if isinstance(kind, click.Choice):
        said = " or ".join(map(str, kind.choices))
    elif isinstance(kind, click.IntRange | click.FloatRange):
        said = kind._describe_range()
    elif isinstance(parameter, click.Option) and parameter.is_flag:
        said = "flag"
    elif parameter.metavar:
        said = parameter.metavar
    else:
        said = {"path": "path", "integer": "whole number", "float": "number", "text": "text"}.get(
            kind.name, kind.name
        )
    parts = [said]
    if parameter.multiple if isinstance(parameter, click.Option) else parameter.nargs != 1:
        parts.append("several times")
    default = parameter.default
    if isinstance(default, str | int | float) and not isinstance(default, bool):
        parts.append(f"default {default}")
    if parameter.required:
        parts.append("required")
    return ", ".join(parts)


def options(command: click.Command, context: click.Context) -> list[tuple[str, str, str]]:
    """Arguments and options: how they are written, what they mean, their values."""
    rows = []
    for one in command.get_params(context):
        if isinstance(one, click.Argument):
            rows.append((one.make_metavar(context), "", values(one)))
        elif isinstance(one, click.Option) and not one.hidden:
            written = " ".join([*sorted(one.opts, key=len), *one.secondary_opts])
            rows.append((written, one.help or "", values(one)))
    return rows


class Commands(Directive):
    """``{commands}``."""

    def run(self) -> list[nodes.Node]:
        return [self._section(*one) for one in commands()]

    def _section(self, path: str, command: click.Command, context: click.Context) -> nodes.section:
        name = path.replace(" ", "-")
        section = nodes.section(ids=[name], names=[name])
        section += nodes.title("", "", nodes.literal(text=path))
        said, shown = paragraphs(command)
        for one in said:
            section += paragraph(one)
        page = getattr(command, "page", "")
        if page:
            section += paragraph(f"More: `docs/{page}.md`.")
        if shown:
            section += nodes.literal_block("\n".join(shown), "\n".join(shown), language="text")
        section += self._table(options(command, context))
        if not isinstance(command, click.Group):
            ends = ENDS.get(path, "0 done; 1 an error; 2 wrong usage; 130 interrupted")
            section += paragraph(f"Exit code: {ends}.")
        return section

    def _table(self, rows: list[tuple[str, str, str]]) -> nodes.table:
        table, body = nodes.table(), nodes.tbody()
        group = nodes.tgroup(cols=3)
        for width in (26, 50, 24):
            group += nodes.colspec(colwidth=width)
        head = nodes.thead()
        head += self._row([nodes.Text(one) for one in ("option", "meaning", "values")])
        for written, meaning, given in rows:
            body += self._row([nodes.literal(text=written), meaning, given])
        group += [head, body]
        table += group
        return table

    @staticmethod
    def _row(cells: list[nodes.Node | str]) -> nodes.row:
        row = nodes.row()
        for cell in cells:
            row += nodes.entry("", paragraph(cell))
        return row


def setup(app):
    """Called by Sphinx."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
