"""Shells are told what may be typed next, and nothing is imported for it that takes long."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from secateur.cli import COMMANDS, cli, run
from secateur.stages import BACKENDS, OBJECTIVES, RECOVERIES, REFINERS, list_stages
from tests.cli.tree import TREE, called
from tests.test_public_names import modules_after

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "complete-in-the-shell.md"
SLOW = ("torch", "dwave", "qiskit", "gurobipy", "pyscipopt", "openjij", "matplotlib", "sqlalchemy")
SHELLS = ("bash", "zsh", "fish")


def asked(shell: str, words: list[str], last: str) -> dict[str, str]:
    """The environment that click's script of a shell sets."""
    typed = " ".join(["secateur", *words])
    if shell == "fish":
        both = {"COMP_WORDS": f"{typed} {last}".rstrip(), "COMP_CWORD": last}
    else:
        both = {"COMP_WORDS": f"{typed} {last}", "COMP_CWORD": str(len(words) + 1)}
    return {**both, "_SECATEUR_COMPLETE": f"{shell}_complete"}


def offered(capsys, monkeypatch, words: list[str], last: str, shell: str = "bash") -> list[str]:
    """What a shell offers for the last word of a command."""
    for name, value in asked(shell, words, last).items():
        monkeypatch.setenv(name, value)
    assert run([]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    if shell == "zsh":
        lines = out.splitlines()
        return [lines[k + 1] for k in range(0, len(lines), 3)]
    part = re.compile(r"(?:plain|file|dir),([^\t\n]*)")
    return part.findall(out)


def names(kind) -> list[str]:
    return [entry.name for entry in list_stages(kind)]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "last", "wanted"),
    [
        ([], "", list(COMMANDS)),
        ([], "pr", ["prune"]),
        ([], "--q", ["--quiet"]),
        (["study"], "re", ["report"]),
        (["backends"], "", ["check", "cite", "new", "show"]),
        (["solve", "x.bqm"], "--ba", ["--backend"]),
        (["solve", "x.bqm", "--backend"], "", ["auto", "greedy", *names(BACKENDS)]),
        (["prune", "--objective"], "res", ["residual", "residual+fisher"]),
        (["qubo", "--objective"], "", names(OBJECTIVES)),
        (["prune", "--refine"], "", ["none", *names(REFINERS)]),
        (["prune", "--recover"], "", ["none", *names(RECOVERIES)]),
        (["prune", "--norm-over"], "", ["all", "kept"]),
        (["prune", "--task"], "d", ["denoising"]),
        (["demo", "--network"], "c", ["chain"]),
        (["study", "run", "s.toml", "--again"], "", ["failed", "cannot"]),
        (["backends", "show"], "ann", ["annealing"]),
        (["objectives", "show"], "f", ["fisher"]),
        (["solve", "x", "--format"], "m", ["mqlib", "max-cut"]),
    ],
)
def test_names_are_offered(capsys, monkeypatch, shell, words, last, wanted):
    assert offered(capsys, monkeypatch, words, last, shell) == wanted


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "words", [["solve"], ["solve", "x", "--certificate"], ["study", "run"], ["prune", "--weights"]]
)
def test_files_are_left_to_the_shell(capsys, monkeypatch, shell, words):
    for name, value in asked(shell, words, "").items():
        monkeypatch.setenv(name, value)
    assert run([]) == 0
    assert capsys.readouterr().out.startswith("file")


@pytest.mark.parametrize("one", TREE, ids=called)
def test_every_option_is_offered(capsys, monkeypatch, one):
    shown = offered(capsys, monkeypatch, [*one.words], "--")
    own = [flag for option in one.options for flag in (*option.opts, *option.secondary_opts)]
    assert [flag for flag in own if flag.startswith("--")] == [f for f in shown if f != "--help"]
    assert "--help" in shown


@pytest.mark.parametrize(
    "words",
    [["solve", "x", "--backend"], ["prune", "--objective"], ["backends", "show"], ["study"], []],
)
def test_nothing_slow_is_imported(words):
    code = f"""
import os, secateur.cli
os.environ.update({asked("bash", words, "")!r})
assert secateur.cli.run([]) == 0
"""
    loaded = modules_after(code)
    assert not [name for name in SLOW if name in loaded]
    if not words:
        assert not {"numpy", "dimod", "scipy"} & loaded


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_the_page_is_what_click_writes(capfdbinary, monkeypatch, shell):
    assert f"_SECATEUR_COMPLETE={shell}_source secateur" in PAGE.read_text()
    if shell == "bash":  # click looks for its version
        monkeypatch.setattr(
            "click.shell_completion.BashComplete._check_version", staticmethod(lambda: None)
        )
    monkeypatch.setenv("_SECATEUR_COMPLETE", f"{shell}_source")
    assert run([]) == 0
    out = capfdbinary.readouterr().out.decode()
    kind = click.shell_completion.get_completion_class(shell)
    assert out.rstrip() == kind(cli, {}, "secateur", "_SECATEUR_COMPLETE").source().rstrip()


def test_a_shell_that_there_is_not_is_one_clear_error(capsys, monkeypatch):
    for wrong in ("csh_source", "bash", ""):
        monkeypatch.setenv("_SECATEUR_COMPLETE", wrong)
        assert run([]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert f"_SECATEUR_COMPLETE is {wrong!r}" in err
        assert "bash_source, zsh_source or fish_source" in err


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_itself_completes(tmp_path):
    """The commands of the page, in a real bash, with a ``secateur`` on its path."""
    command = tmp_path / "bin" / "secateur"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom secateur.cli import main\nmain()\n")
    command.chmod(0o755)
    lines = re.findall(r"```bash\n(.+?)```", PAGE.read_text(), re.DOTALL)
    (here,) = [block for block in lines if block.startswith("eval")]
    script = f"""{lines[0]}
test -s ~/.secateur-complete.bash && grep -q secateur-complete ~/.bashrc || exit 3
{here}
COMP_WORDS=(secateur solve x.bqm --backend ann) COMP_CWORD=4
_secateur_completion secateur
echo "${{COMPREPLY[@]}}"
"""
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
        cwd=tmp_path,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "annealing\n", "")
