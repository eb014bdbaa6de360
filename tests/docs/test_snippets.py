"""What README and docs show is run: Python blocks whole, commands against the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from secateur.cli import cli, run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = re.compile(r"^(?:\S*/)?(secateur .+)$", re.MULTILINE)
# Leap's pages have tests of their own beside its loopback server
OWN_TESTS = ("use-leap.md", "leap.md")


def test_the_tutorial_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "tutorial" / "first.md").read_text()
    program = "\n".join(re.findall(r"```python\n(.+?)```", text, re.DOTALL))
    names: dict[str, object] = {}
    exec(compile(program, "first.md", "exec"), names)
    result = names["result"]
    assert result.selection.count == 16
    assert result.rows[-1].metric_compensated > 0.9
    assert names["refined"].selection.count == 16
    assert (tmp_path / "smaller" / "result.json").exists()
    assert "16 (-16)" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists_with_its_options(page):
    """Each ``secateur …`` line is parsed by the real command; its options must exist."""
    if page.name in OWN_TESTS:
        return
    blocks = re.findall(r"```(?:bash|text)\n(.+?)```", page.read_text(), re.DOTALL)
    for line in COMMAND.findall("\n".join(blocks).replace("\\\n", " ")):
        words = shlex.split(line.split("&&")[-1])[1:]
        if words in (["--version"], ["--help"]) or words[-1] == "--help":
            assert run(words) == 0
            continue
        command: click.Command = cli
        context = click.Context(cli, info_name="secateur")
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(context, words[0])
            assert found is not None, line
            command, words = found, words[1:]
        command.make_context(command.name, words, parent=context)


def test_the_readme_snippet_is_the_package_docstring_in_kind():
    readme = (ROOT / "README.md").read_text()
    assert "secateur.prune(network, task, amount=0.36)" in readme


def test_the_readme_commands_are_one_line_each():
    text = (ROOT / "README.md").read_text()
    for which in ("demo", "tests"):
        found = re.search(rf"<!-- command: {which} -->\n```bash\n(.+)\n```", text)
        assert found, which
        assert "-c constraints.txt" in found[1]
