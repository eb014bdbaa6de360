"""Text of others in a terminal: nothing of it is obeyed, and nothing is lost."""

from __future__ import annotations

import ast
import logging
from pathlib import Path

import dimod
import pytest

import secateur
from secateur.backends.listing import BackendDescription
from secateur.cli import run
from secateur.cli.backends import _table
from secateur.cli.common import say
from secateur.shown import escaped, escaped_lines

EVIL = "a\x1b[2J\x1b]0;title\x07\r\x08\x9b31mb\u202ec\u2028d\ud800e\x7f"
OBEYED = set("\x1b\x07\r\x08\x9b\u202e\u2028\ud800\x7f")


def harmless(text: str) -> bool:
    return not OBEYED & set(text)


def test_every_control_is_shown_as_python_writes_it():
    for code in [*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x202E, 0x2066, 0x2028, 0xD800]:
        shown = escaped(f"<{chr(code)}>")
        assert shown == f"<{chr(code).encode('unicode_escape').decode()}>"
    assert harmless(escaped(EVIL))
    assert "\\x1b[2J" in escaped(EVIL)
    for text in ("plain", "é ü 漢字 🙂 ∂²L/∂m", "encoder.0.0:12", ""):
        assert escaped(text) == escaped_lines(text) == text
    assert escaped("a\n\tb") == "a\\n\\tb"
    assert escaped_lines("a\n\tb\r") == "a\n\tb\\r"


def test_labels_of_a_file_are_shown(tmp_path, capsys, monkeypatch):
    from secateur.files import save_bqm

    monkeypatch.chdir(tmp_path)
    label = EVIL.replace("\ud800", "") + "\nenergy  -1e9"
    save_bqm(dimod.BinaryQuadraticModel({label: -1.0}, {}, "BINARY"), Path("p.bqm"))
    assert run(["solve", "p.bqm"]) == 0
    out, err = capsys.readouterr()
    assert harmless(out + err)
    assert "\\x1b[2J" in out
    assert "\nenergy  -1e9" not in out
    assert run(["solve", "p.bqm", "--json"]) == 0
    assert harmless(capsys.readouterr().out)


@pytest.mark.parametrize(
    "arguments",
    [
        ["solve", EVIL],
        ["solve", f"{EVIL}.bqm"],
        ["solve", "x.bqm", f"--{EVIL}"],
        [EVIL],
        ["solve", "x.bqm", "--count", EVIL],
        ["backends", "check", EVIL],
        ["backends", "cite", EVIL],
        ["backends", "new", EVIL],
        ["prune", "--network", f"{EVIL}:a", "--amount", "1", "--untied"],
        ["verify", EVIL, EVIL],
    ],
)
def test_what_was_typed_is_quoted_harmlessly(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) in (1, 2)
    out, err = capsys.readouterr()
    assert err
    assert harmless(out + err)


def test_what_is_logged(capsys):
    class Command:
        pass

    def solve(*arguments, **options):
        logging.getLogger("secateur").warning("plugin %s", EVIL)
        say(EVIL)
        return 0

    from secateur import cli

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.cli, "main", solve)
        # not into pytest's own report, which cannot be sent with half a character in it
        patch.setattr(logging.getLogger("secateur"), "propagate", False)
        assert run(["anything"]) == 0
    out, err = capsys.readouterr()
    assert "plugin a\\x1b" in err
    assert harmless(out + err)


def test_the_table_of_backends():
    row = BackendDescription(
        name=EVIL, distribution=EVIL + "\nx", version=EVIL, detail=EVIL, remedy=EVIL + "\ny"
    )
    lines = _table([row]).split("\n")
    assert len(lines) == 5  # below the row, why it cannot be used
    assert harmless("".join(lines))


def test_commands_print_by_one_function():
    """``say`` and ``print_json`` of cli/common.py."""
    others = []
    for file in (Path(secateur.__file__).parent / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and file.name != "common.py":
                called = ast.unparse(node.func)
                if called in ("print", "click.echo", "click.secho", "sys.stdout.write"):
                    others.append(f"{file.name}:{node.lineno}")
    assert others == []
