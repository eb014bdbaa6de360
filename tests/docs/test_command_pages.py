"""The reference of the command line, exit codes and environment: nothing of the code is missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import click
import pytest

import secateur.cli
import secateur_backends
from secateur_backends.gurobi_licence import PARAMETERS
from tests.docs.named import DOCS, of_docs

command_pages = of_docs("command_pages")
COMMANDS = {path: (command, context) for path, command, context in command_pages.commands()}
REFERENCE = DOCS / "reference"
ROOTS = (Path(secateur.cli.__file__).parents[1], Path(secateur_backends.__file__).parent)
VARIABLE = re.compile(r"_?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+_?")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_says_what_it_does_and_shows_an_example(path):
    said, shown = command_pages.paragraphs(COMMANDS[path][0])
    assert said
    assert said[0].endswith(".")
    assert any(line.strip().startswith("secateur ") for line in shown), path
    assert not any("\b" in one for one in (*said, *shown))


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_is_told_with_its_values(path):
    command, context = COMMANDS[path]
    rows = command_pages.options(command, context)
    written = " ".join(row[0] for row in rows).split()
    for one in command.get_params(context):
        if isinstance(one, click.Option):
            assert set(one.opts) | set(one.secondary_opts) <= set(written)
    for name, meaning, values in rows:
        assert values
        assert meaning or not name.startswith("-"), name


def test_the_tree_is_walked_wholly():
    groups = [path for path, (command, _) in COMMANDS.items() if isinstance(command, click.Group)]
    for path in groups:
        command, context = COMMANDS[path]
        for name in command.list_commands(context):
            assert f"{path} {name}" in COMMANDS
    assert len(COMMANDS) > 25


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        (click.Choice(["a", "b"]), {}, "a or b"),
        (click.IntRange(1, 5), {"default": 2}, "1<=x<=5, default 2"),
        (float, {"required": True}, "number, required"),
        (str, {"multiple": True, "metavar": "KEY=VALUE"}, "KEY=VALUE, several times"),
    ],
)
def test_values_are_told_in_words(kind, more, said):
    assert command_pages.values(click.Option(["--it"], type=kind, **more)) == said


def sources() -> list[tuple[Path, str]]:
    found = [path for root in ROOTS for path in sorted(root.rglob("*.py"))]
    return [(path, path.read_text(encoding="utf-8")) for path in found]


def strings(node: ast.AST) -> set[str]:
    return {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def test_every_variable_of_the_environment_is_told():
    page = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    found = {f"GRB_{parameter.upper()}" for parameter in PARAMETERS.values()}
    readers = set()
    for path, text in sources():
        if re.search(r"\benviron\b", text):
            readers.add(path.name)
            found |= {one for one in strings(ast.parse(text)) if VARIABLE.fullmatch(one)}
    found -= {"GRB_", "O_DIRECTORY"}  # the beginning of others; a flag of the system
    assert {"DWAVE_API_TOKEN", "GRB_LICENSE_FILE", "OMP_NUM_THREADS", "XDG_STATE_HOME"} <= found
    missing = sorted(name for name in found if f"`{name}`" not in page)
    assert missing == []
    # a new place that reads variables is looked at by whoever adds it
    assert readers - {"__init__.py"} == {
        "engine.py",
        "gurobi_licence.py",
        "leap_config.py",
        "leap_jobs.py",
        "leap_route.py",
        "listing.py",
        "naming.py",
        "qaoa_journal.py",
        "qaoa_service.py",
        "speed.py",
        "worker.py",
    }


def test_no_variable_is_told_that_nobody_reads():
    page = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`(_?[A-Z][A-Z0-9_]+)`", page))
    code = "\n".join(text for _, text in sources())
    ours = {name for name in told if f'"{name}"' in code}
    ours |= {f"GRB_{parameter.upper()}" for parameter in PARAMETERS.values()}
    of_others = {  # Python's, the shell's, click's, Rich's and libpq's
        *("HOME", "TMPDIR", "COLUMNS", "NO_COLOR", "TERM", "PYTHONPATH"),
        *("_SECATEUR_COMPLETE", "PGPASSWORD", "PGPASSFILE", "MY_TOKEN"),
    }
    assert sorted(told - ours - of_others) == []


def test_every_exit_code_is_told():
    page = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    found = {0, click.UsageError("wrong").exit_code}
    cli = Path(secateur.cli.__file__).parent
    for path in sorted(cli.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                command = any("command" in ast.unparse(one) for one in node.decorator_list)
                code = node.returns is not None and ast.unparse(node.returns) == "int"
                if code and (command or path == cli / "__init__.py"):
                    found |= {
                        one.value
                        for back in ast.walk(node)
                        if isinstance(back, ast.Return) and back.value is not None
                        for one in ast.walk(back.value)
                        if isinstance(one, ast.Constant) and type(one.value) is int
                    }
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".exit", "Exit")):
                found |= {
                    one.value
                    for one in node.args
                    if isinstance(one, ast.Constant) and isinstance(one.value, int)
                }
    assert found == told == {0, 1, 2, 130}
