"""Standard output and standard error of real processes: closed, full, left by their reader, shared
with plugins that print."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from secateur.cli import run
from secateur.cli.streams import Stream
from secateur.files import save_bqm
from secateur.testing import random_problem

ROOT = Path(__file__).parents[2]
NOISY = """
    import atexit, ctypes, os, sys
    import numpy as np
    from secateur.backends import Applicability, Availability, Backend, Solution

    def noise(where):
        print("print", where)
        sys.stdout.write(f"write {where}\\n")
        sys.stdout.buffer.write(f"bytes {where}\\n".encode()); sys.stdout.buffer.flush()
        os.write(1, f"fd {where}\\n".encode())
        ctypes.CDLL(None).printf(f"printf {where}\\n".encode())
        os.system(f"echo child {where}")
        if sys.__stdout__ is not None:
            print("dunder", where, file=sys.__stdout__)

    noise("import")
    atexit.register(noise, "exit")

    class Noisy(Backend):
        name = "noisy"

        def __init__(self):
            noise("init")

        @classmethod
        def availability(cls):
            noise("availability")
            return Availability(True)

        def applicability(self, problem, options=None):
            noise("applicability")
            return Applicability(True)

        def solve(self, problem, options):
            noise("solve")
            bits = np.zeros((1, problem.n))
            bits[0, :2] = 1
            return Solution.from_bits(problem, bits, options, 0.001)
"""
NETWORK = """
    import os
    from tests.end_to_end import own
    print("module")
    class Loud(own.Classifier):
        def forward(self, x):
            print("forward"); os.write(1, b"fd forward\\n")
            return super().forward(x)
    def build():
        print("build")
        return Loud()
    def task():
        print("task")
        return own.task()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With a problem, a plugin that prints, and a network that prints."""
    monkeypatch.chdir(tmp_path)
    save_bqm(random_problem(8, 4).bqm, "a.bqm")
    (tmp_path / "plugin_noisy.py").write_text(textwrap.dedent(NOISY))
    (tmp_path / "loud.py").write_text(textwrap.dedent(NETWORK))
    about = tmp_path / "plugin_noisy-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-noisy\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[secateur.backends]\nnoisy = plugin_noisy:Noisy\n")
    return tmp_path


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of the shell, in which ``$S`` is the command line."""
    path = os.pathsep.join([str(Path.cwd()), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path, "S": f"{sys.executable} -m secateur", **environment},
    )


SOLVE = "$S solve a.bqm --count 2 --backend noisy --no-proof"


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        (SOLVE, {"energy", "sample"}),
        ("$S backends check noisy", {"backend", "optimal"}),
        ("$S backends", {"backends"}),
        ("$S prune --network loud:build --task loud:task --amount 3 --probes 0 --objective l1 "
         "--backend noisy", {"rows", "seed"}),
        ("$S qubo --network loud:build --task loud:task --probes 0 --objective l1 --output q.bqm",
         {"file", "sha256"}),
    ],
    ids=["solve", "check", "backends", "prune", "qubo"],
)  # fmt: skip
def test_json_is_alone_whoever_prints(folder, line, keys):
    done = shell(f"{line} --json")
    assert done.returncode == 0, done.stderr
    assert keys <= json.loads(done.stdout).keys()
    if "noisy" in line:
        for way in ("print", "write", "bytes", "fd", "printf", "child", "dunder"):
            for where in ("import", "init", "exit"):
                assert f"{way} {where}\n" in done.stderr
    if "loud" in line:
        assert {"module", "build", "task", "forward", "fd forward"} <= set(done.stderr.split("\n"))


def test_json_is_alone_inside_a_python_that_goes_on(folder, capfd):
    sys.path.insert(0, str(folder))
    try:
        before = os.fstat(1).st_ino, sys.stdout, sys.stderr
        command = ["solve", "a.bqm", "--count", "2", "--backend", "noisy", "--no-proof"]
        assert run([*command, "--json"]) == 0
        assert (os.fstat(1).st_ino, sys.stdout, sys.stderr) == before
        out, err = capfd.readouterr()
        assert "energy" in json.loads(out)
        assert "printf solve" in err
        assert run(command) == 0
        assert "print solve" in capfd.readouterr().out
    finally:
        sys.path.remove(str(folder))
        atexit.unregister(sys.modules.pop("plugin_noisy").noise)


ANSWER = ["$S solve a.bqm --count 2", "$S solve a.bqm --count 2 --json"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        *((line, error) for line in ANSWER for error in ("2>&-", "2>/dev/full", "2> >(true)")),
        (f"{SOLVE} --json", "2>&-"),
        (f"{SOLVE} --json", "2>&- 0<&-"),
    ],
)
def test_no_standard_error(folder, line, error):
    done = shell(f"{line} {error}")
    assert done.returncode == 0
    assert "energy" in done.stdout
    assert done.stderr == ""
    if "json" in line:
        json.loads(done.stdout)


@pytest.mark.parametrize("line", ANSWER)
@pytest.mark.parametrize(
    ("output", "why"), [(">&-", "it is closed"), (">/dev/full", "No space left on device")]
)
def test_no_standard_output(folder, line, output, why):
    done = shell(f"{line} {output}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    answer, said, _ = done.stderr.partition("FileError: standard output cannot be written: ")
    assert said
    assert why in done.stderr
    assert "energy" in answer
    if "json" in line:
        json.loads(answer)


@pytest.mark.parametrize("line", ANSWER)
def test_neither(folder, line):
    done = shell(f"{line} --certificate proof.json >&- 2>&-")
    assert done.returncode == 1
    assert json.loads((folder / "proof.json").read_text())["claims"]


@pytest.mark.parametrize("more", ["", "--json"])
def test_a_reader_that_has_gone_does_not_cost_the_folder(folder, more):
    # timed in PyTorch alone: it is not about that
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['onnxruntime'] = None\n")
    line = "$S prune --network loud:build --task loud:task --amount 3 --probes 0 --objective l1"
    done = shell(f"set -o pipefail; {line} --output out {more} | true")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert (folder / "out" / "network.safetensors").exists()


@pytest.mark.parametrize("line", ["$S --help", "$S backends", "$S --version"])
def test_a_reader_that_has_gone(folder, line):
    done = shell(f"set -o pipefail; {line} | true")
    assert done.returncode == 1
    assert done.stderr == ""


def test_letters_that_the_terminal_does_not_have(folder):
    (folder / "ü.bqm").write_bytes((folder / "a.bqm").read_bytes())
    line = "$S solve ü.bqm --count 2 --certificate ü.json"
    done = shell(line, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert r"written  \xfc.json" in done.stdout


def test_files_never_become_standard_error(folder):
    """What is opened next gets the number of what is closed; then C writes warnings into it."""
    (folder / "loud.py").write_text(
        "import os\nfrom tests.end_to_end.own import *\n"
        "kept = open('mine.txt', 'w')\nos.write(2, b'a warning')\n"
    )
    line = "$S prune --network loud:build --task loud:task --amount 3 --probes 0 --objective l1"
    assert shell(f"{line} 2>&-").returncode == 0
    assert (folder / "mine.txt").read_text() == ""


class Broken:
    encoding = "utf-8"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def write(self, text: str) -> int:
        raise self.error

    def flush(self) -> None:
        """Nothing."""


@pytest.mark.parametrize("error", [OSError(28, "full"), ValueError("I/O on a closed file")])
def test_a_stream_hands_over_what_it_cannot_write(error, capsys):
    stream = Stream(Broken(error), Stream(sys.stdout))
    print("first", file=stream)
    print("second", file=stream)
    assert capsys.readouterr().out == "first\nsecond\n"
    assert stream.failure is error


def test_a_stream_whose_reader_has_gone_is_silent(capsys):
    stream = Stream(Broken(BrokenPipeError()), Stream(sys.stdout))
    print("first", file=stream)
    assert capsys.readouterr().out == ""
    assert stream.unread
