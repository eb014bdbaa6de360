"""Every command of the command line, for tests that hold for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click

from secateur.cli import cli


@dataclass(frozen=True)
class Typed:
    """A command by the words that are typed for it, behind ``secateur``."""

    words: tuple[str, ...]
    command: click.Command

    @property
    def path(self) -> str:
        return " ".join(("secateur", *self.words))

    @property
    def options(self) -> list[click.Option]:
        return [one for one in self.command.params if isinstance(one, click.Option)]


def _below(words: tuple[str, ...], command: click.Command) -> Iterator[Typed]:
    yield Typed(words, command)
    if isinstance(command, click.Group):
        context = click.Context(command, info_name="secateur")
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _below((*words, name), found)


TREE = tuple(_below((), cli))
GROUPS = tuple(one for one in TREE if isinstance(one.command, click.Group))
LEAVES = tuple(one for one in TREE if not isinstance(one.command, click.Group))


def called(one: Typed) -> str:
    """For the name of a test."""
    return " ".join(one.words) or "secateur"
