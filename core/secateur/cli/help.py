"""Commands whose help starts with what they do, examples, and where their documentation is."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

import click

from secateur.cli.common import wrapped
from secateur.cli.order import heading_of, in_order

SITE = ""
"""Where the documentation is published, as pyproject.toml's URL called Documentation says; reading
it from the installed metadata takes as long as all of ``--help``."""
LONG = 12
"""So many options are shown without headings."""
_LETTERS = {"integer": "N", "integer range": "N", "float": "X", "float range": "X"}
"""What stands for a number where nothing else is said."""


class Taught(click.Command):
    """A command that teaches: by its help, and where it is called wrongly.

    Its docstring's first paragraph is what it does; what follows is told after the examples.

    Arguments:
        examples: whole commands as they are typed, this one first; a line that is not ours (pip,
            pytest) may follow one.
        page: of the documentation, as "how-to/export".
    """

    def __init__(
        self, *arguments: Any, examples: Sequence[str] = (), page: str = "", **more: Any
    ) -> None:
        super().__init__(*arguments, **more)
        if not examples or not page:
            raise TypeError(f"the command {self.name} has no examples, or no page of the docs")
        self.examples, self.page = tuple(examples), page
        self.params = in_order(self.params)
        for one in self.params:
            one.metavar = one.metavar or _LETTERS.get(one.type.name)

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return " ".join(_paragraphs(self.help)[0].split())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments read; a wrong call says what is right."""
        typed = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            from secateur.cli.wrong import explained

            raise explained(error, ctx, typed) from None

    def get_help(self, ctx: click.Context) -> str:
        """The whole help, which starts with what it does."""
        return super().get_help(ctx).lstrip("\n")

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What it does, examples, the page; then how it is called, and all its options."""
        formatter.write_text(self.summary)
        several = len(self.examples) > 1
        with formatter.section("Examples" if several else "Example"):
            for example in self.examples:
                for line in wrapped(example, formatter.width - formatter.current_indent):
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")
        formatter.write_paragraph()
        formatter.write_text(f"Documentation: {place(self.page)}")
        formatter.write_paragraph()
        self.format_usage(ctx, formatter)
        for paragraph in _paragraphs(self.help)[1:]:
            formatter.write_paragraph()
            formatter.write_text(paragraph)
        self.format_options(ctx, formatter)
        self.format_epilog(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Every option in the order of use; under headings where they are many."""
        rows: dict[str, list[tuple[str, str]]] = {}
        shown = [one for one in self.get_params(ctx) if isinstance(one, click.Option)]
        for one in shown:
            heading = heading_of(one) if len(shown) > LONG else "Options"
            record = one.get_help_record(ctx)
            if record is not None:
                rows.setdefault(heading, []).append(record)
        width = max((len(first) for some in rows.values() for first, _ in some), default=0)
        for heading, some in rows.items():
            with formatter.section(heading):
                formatter.write_dl([(first.ljust(min(width, 30)), text) for first, text in some])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What is worth knowing at the end; the page again where its first mention is far away."""
        if self.epilog:
            formatter.write_paragraph()
            formatter.write_text(inspect.cleandoc(self.epilog))
        if len(self.get_params(ctx)) > LONG:
            formatter.write_paragraph()
            formatter.write_text(f"Documentation: {place(self.page)}")


class TaughtGroup(Taught, click.Group):
    """A group of commands that teach."""

    command_class = Taught

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Its commands first: they are what it is for."""
        self.format_commands(ctx, formatter)
        Taught.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Every command with the whole line of what it does."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, found.summary if isinstance(found, Taught) else "")
                    for name in self.list_commands(ctx)
                    if (found := self.get_command(ctx, name)) is not None
                ]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was named; where there is none, the error says which may be meant."""
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            from secateur.cli.wrong import unknown_command

            raise unknown_command(self, ctx, args[0])
        return super().resolve_command(ctx, args)


def place(page: str) -> str:
    """Where a page of the documentation is: in the folder ``docs``, and at a site if there is one.

    Arguments:
        page: as "how-to/export".
    """
    return f"docs/{page}.md of {SITE or 'the project'}"


def _paragraphs(text: str | None) -> list[str]:
    return re.split(r"\n\s*\n", inspect.cleandoc(text or ""))
