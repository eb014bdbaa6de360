"""Every help starts with what the command does, examples that are calls, and a page that exists."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from secateur.cli import cli, help, run
from secateur.cli.help import LONG, Taught, TaughtGroup
from secateur.cli.order import HEADINGS
from secateur.stages import BACKENDS, OBJECTIVES, REFINERS, list_stages
from tests.cli.tree import TREE, called
from tests.test_public_names import HEAVY, modules_after

ROOT = Path(__file__).parents[2]
every_command = pytest.mark.parametrize("one", TREE, ids=called)
OTHERWISE = {
    ("demo", "--network"): "chooses one of the networks that come with secateur",
    ("demo", "--steps"): "of the recovery, not of the training",
    ("study run", "--charge"): "within the study's budget, not without one",
    ("study tune", "--charge"): "within the study's budget, not without one",
}
"""Options that mean something else than those of their name in other commands, and why so."""


def helped(capsys, one) -> str:
    assert run([*one.words, "--help"]) == 0
    return capsys.readouterr().out


@every_command
def test_it_starts_with_what_it_does_examples_and_the_page(capsys, one):
    assert isinstance(one.command, Taught)
    text = helped(capsys, one)
    assert (ROOT / "docs" / f"{one.command.page}.md").is_file()
    parts = [
        " ".join(one.command.summary.split()[:4]),
        "Example",
        f"  {one.path}",
        f"Documentation: docs/{one.command.page}.md",
        f"Usage: {one.path}",
        "--help",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert places[0] == 0
    assert all(len(line) <= 80 for line in text.splitlines())


@every_command
def test_its_examples_are_shown_as_a_shell_takes_them(capsys, one):
    text = helped(capsys, one).replace(" \\\n", " ")
    shown = [shlex.split(line) for line in text.splitlines() if re.match("  (sec|pip|pyt)", line)]
    for example in one.command.examples:
        assert shlex.split(example) in shown


@every_command
def test_its_examples_are_whole_calls(one):
    """Parsed by the real commands, down to one that does something; the first is its own."""
    reached = [leaf_of(example) for example in one.command.examples if ours(example)]
    assert reached
    assert reached[0][: len(one.words)] == one.words
    for example in one.command.examples:
        assert ours(example) or example.split()[0] in ("pip", "pytest")


def ours(example: str) -> bool:
    return example.split()[0] == "secateur"


def leaf_of(example: str) -> tuple[str, ...]:
    """The words of the command that an example calls; its arguments are all taken."""
    words = shlex.split(example)[1:]
    command: click.Command = cli
    context = click.Context(cli, info_name="secateur")
    path: list[str] = []
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, example
        path.append(words.pop(0))
        command = found
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=path[-1], parent=context)
    if isinstance(command, click.Group):
        assert command.invoke_without_command, f"{example} calls nothing"
    made = command.make_context(command.name, list(words), parent=context)
    assert made.args == []
    check_values(example, made.params)
    return tuple(path)


def check_values(example: str, values: dict[str, object]) -> None:
    """What it names is there."""
    for kind, name in ((BACKENDS, "backend"), (OBJECTIVES, "objective"), (REFINERS, "refine")):
        known = [entry.name for entry in list_stages(kind)]
        given = values.get(name)
        assert given in (None, "auto", "greedy", "none", *known), example
    network = values.get("network_name")
    if isinstance(network, str) and network.startswith("secateur"):
        import secateur.zoo

        assert callable(getattr(secateur.zoo, network.partition(":")[2]))


def test_a_command_without_examples_or_page_cannot_be_made():
    for given in ({}, {"examples": ["secateur x"]}, {"page": "index"}):
        with pytest.raises(TypeError, match="has no examples, or no page"):
            Taught("x", help="Do it.", **given)


def test_an_option_without_a_place_cannot_be_made():
    with pytest.raises(ValueError, match="--new-one has no place"):
        Taught(
            "x",
            help="Do it.",
            examples=["secateur x"],
            page="index",
            params=[click.Option(["--new-one"])],
        )


@every_command
def test_options_are_in_the_order_of_use(capsys, one):
    order = [flag for flags in HEADINGS.values() for flag in flags]
    own = [next(flag for flag in option.opts if flag in order) for option in one.options]
    assert own == sorted(own, key=order.index)
    text = helped(capsys, one)
    shown = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.MULTILINE)
    assert shown == [*own, "--help"]


@every_command
def test_headings_stand_where_options_are_many(capsys, one):
    lines = helped(capsys, one).splitlines()
    shown = [line[:-1] for line in lines if line[:-1] in (*HEADINGS, "Options")]
    if len(one.options) + 1 <= LONG:
        assert shown == ["Options"]
        return
    assert shown == [heading for heading in HEADINGS if heading in shown]
    assert shown[-1] == "Other"
    assert lines[-1] == f"Documentation: docs/{one.command.page}.md of {help.SITE or 'the project'}"


def test_every_option_that_has_a_place_exists():
    used = {flag for one in TREE for option in one.options for flag in option.opts} | {"--help"}
    assert {flag for flags in HEADINGS.values() for flag in flags} - used == set()


def test_one_option_has_one_text_in_all_commands():
    """Up to the first semicolon; what is behind it, limits, may be of the command."""
    texts: dict[str, dict[str, list[str]]] = {}
    for one in TREE:
        for option in one.options:
            if (called(one), option.opts[-1]) in OTHERWISE or option.opts[-1] == "--output":
                continue  # every command writes something else
            first = re.split(r"; |\.$|\.  ", option.help or "")[0]
            texts.setdefault(option.opts[-1], {}).setdefault(first, []).append(one.path)
    assert {flag: found for flag, found in texts.items() if len(found) > 1} == {}


def test_one_option_takes_one_kind_of_value_in_all_commands():
    kinds: dict[str, set[str | None]] = {}
    for one in TREE:
        for option in one.options:
            if (called(one), option.opts[-1]) not in OTHERWISE:
                shown = option.metavar or option.type.name
                kinds.setdefault(option.opts[-1], set()).add(shown)
    assert {flag: found for flag, found in kinds.items() if len(found) > 1} == {}


def test_the_site_of_the_documentation_is_that_of_the_project(monkeypatch):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project.get("urls", {}).get("Documentation", "") == help.SITE
    monkeypatch.setattr(help, "SITE", "https://example.org/d")
    assert help.place("index") == "docs/index.md of https://example.org/d"


def test_the_list_of_a_group_tells_the_whole_line():
    """click cuts it after 45 letters."""
    for one in TREE:
        if type(one.command) is TaughtGroup or not isinstance(one.command, TaughtGroup):
            continue
        told = one.command.get_help(click.Context(one.command, info_name="x"))
        assert "..." not in told.partition("Commands:")[2]


DOORS = [
    ("Prune a network", "docs/tutorial/first.md"),
    ("Compare solvers", "docs/tutorial/first-study.md"),
    ("Add a solver", "docs/tutorial/first-solver.md"),
]


@pytest.mark.parametrize("words", [[], ["--quiet"]])
def test_secateur_alone_shows_the_three_doors(capsys, words):
    assert run(words) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    doors = [block for block in out.split("\n\n") if "Documentation:" in block]
    assert len(doors) == len(DOORS)
    for (what, page), block in zip(DOORS, doors, strict=True):
        assert block.startswith(what)
        assert f"Documentation: {page}" in block
        assert (ROOT / page).is_file()
        commands = [line.strip() for line in block.splitlines() if line.startswith("  secateur")]
        assert commands
        for command in " && ".join(commands).split(" && "):
            assert leaf_of(command)
    assert (ROOT / re.findall(r"docs/\S+\.md", out)[-1]).is_file()


def test_doors_and_help_import_nothing_heavy():
    for words in ([], ["--help"], ["study", "--help"]):
        loaded = modules_after(f"from secateur.cli import run\nassert run({words!r}) == 0")
        assert not [name for name in HEAVY if name in loaded], words
