"""What ``objectives``, ``refiners`` and ``backends show`` print, from the declarations."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import click

from secateur.cli.common import print_json, say
from secateur.options import Declared
from secateur.stages import Entry, Kind, list_stages

Found = tuple[Entry, Any, list[Declared]]
"""The entry of a name, the class that it stands for, and the options of that."""


@dataclass(frozen=True)
class Shown:
    """One stage as it is told.

    Arguments:
        entry: its name, and who registers it.
        kind: what it is one of.
        about: its docstring.
        options: as they were declared.
        citation: BibTeX, or "".
    """

    entry: Entry
    kind: Kind
    about: str
    options: list[Declared]
    citation: str

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {
            "kind": self.kind.noun,
            **asdict(self.entry),
            "about": self.about,
            "options": [one.to_json() for one in self.options],
            "citation": self.citation,
        }


def describe(
    kind: Kind, entry: Entry, found: type, options: list[Declared], citation: str
) -> Shown:
    """What is told of a stage that was found by an entry."""
    about = inspect.cleandoc(found.__doc__ or "")
    if about.startswith(f"{found.__name__}("):  # a dataclass without a docstring makes this one
        about = ""
    return Shown(entry, kind, about, options, citation)


def show_stage(shown: Shown, as_json: bool) -> None:
    """Print one stage."""
    if as_json:
        print_json(shown.to_json())
        return
    entry = shown.entry
    lines = [f"{entry.told(shown.kind)} ({entry.target})"]
    if shown.about:
        lines += ["", shown.about]
    lines += ["", "options:" if shown.options else "no options", *_table(shown.options)]
    if shown.citation:
        lines += ["", shown.citation]
    say("\n".join(lines))


def _table(options: list[Declared]) -> list[str]:
    cells = [(one.name, one.type, one.values, one.text) for one in options]
    widths = [max((len(row[k]) for row in cells), default=0) for k in range(3)]
    return [
        "  "
        + "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in cells
    ]


def show_list(kind: Kind, as_json: bool) -> None:
    """Print every registered stage of a kind; imports none of them."""
    entries = list_stages(kind)
    if as_json:
        print_json({kind.plural: [asdict(entry) for entry in entries]})
        return
    cells = [(entry.name, f"{entry.distribution} {entry.version}") for entry in entries]
    width = max((len(name) for name, _ in cells), default=0)
    say("\n".join(f"{name.ljust(width)}  {owner}".rstrip() for name, owner in cells))


def show_command(kind: Kind, find: Callable[[str], Found], *, example: str) -> click.Command:
    """``show NAME`` of a kind of stage.

    Arguments:
        kind: of stage.
        find: by the name that was typed.
        example: a name, for the help.
    """

    @click.command(
        "show",
        help=f"Tell what {kind.noun} NAME is, its options, what to cite, and who registers it.\n\n"
        "NAME may be module:attribute of your own.\n\n"
        f"\b\nExample:\n  secateur {kind.noun}s show {example}",
    )
    @click.argument("name")
    @click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
    def show(name: str, as_json: bool) -> None:
        entry, found, options = find(name)
        show_stage(describe(kind, entry, found, options, found.cite()), as_json)

    return show


def stage_group(kind: Kind, find: Callable[[str], Found], *, example: str) -> click.Group:
    """The command that lists the stages of a kind, and shows one.

    Arguments:
        kind: of stage.
        find: by the name that was typed.
        example: a name, for the help.
    """

    @click.group(
        f"{kind.noun}s",
        invoke_without_command=True,
        help=f"List the registered {kind.noun}s; imports none of them.\n\n"
        f"\b\nExample:\n  secateur {kind.noun}s\n  secateur {kind.noun}s show {example}",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
    @click.pass_context
    def listing(context: click.Context, as_json: bool) -> None:
        if context.invoked_subcommand is None:
            show_list(kind, as_json)

    listing.add_command(show_command(kind, find, example=example))
    return listing
