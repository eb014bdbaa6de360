"""Problems, files, solvers and the kit need no PyTorch; what needs it says which line brings it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from secateur import _HOMES
from secateur.errors import MissingExtra, SecateurError
from secateur.extras import needed_by
from tests.test_public_names import modules_after

# read by every interpreter that is started with its folder on the path, the children of ours too
BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""
FILE = "# vartype=BINARY\n0 0 1.5\n1 1 -2\n2 2 -1\n0 1 0.5\n"
KIT = """
import pytest
from secateur.testing import BackendConformance

class TestAnnealing(BackendConformance):
    @pytest.fixture
    def backend(self):
        return "annealing"
"""
NEEDS_NONE = {"Backend", "Method", "Problem", "SecateurError", "Selection", "Solution", "solve"}
# what an objective or refiner is can be told without; measuring and searching cannot be done
NEEDS_NONE |= {"Exchange", "TensorTrain"}
NEEDS_NONE |= {f"{name}_qubo" for name in ("fisher", "hybrid", "l1", "residual", "taylor")}
ROOMS = ["problem", "files", "solving", "certify", "backends", "testing", "versions", "progress"]
OWN = ["annealing", "exhaustive", "gurobi", "leap", "leap-bqm", "leap-qpu", "qaoa", "qaoa-device"]


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.coo"
    path.write_text(FILE)
    return path


@pytest.fixture
def without_torch(tmp_path):
    """Run a fresh interpreter in which there is no PyTorch."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(BLOCK)
    path = os.pathsep.join([str(blocked), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
        )

    done = run("-c", "import torch")
    assert done.returncode == 1
    assert "No module named 'torch'" in done.stderr
    return run


def test_a_file_is_solved(without_torch, small):
    for more, energy in (([], -3.0), (["--count", "1"], -2.0), (["--count", "3"], -1.0)):
        done = without_torch("-m", "secateur", "solve", str(small), "--json", *more)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["energy"] == energy


def test_the_backends_are_listed_checked_and_written(without_torch, tmp_path):
    done = without_torch("-m", "secateur", "backends", "--json")
    assert done.returncode == 0, done.stderr
    usable = {one["name"]: one["usable"] for one in json.loads(done.stdout)["backends"]}
    assert set(OWN) <= set(usable)
    assert usable["annealing"]
    assert usable["exhaustive"]
    done = without_torch("-m", "secateur", "backends", "check", "annealing")
    assert done.stdout.startswith("annealing works"), done.stderr
    assert without_torch("-m", "secateur", "backends", "new", "brand-new").returncode == 0
    assert (tmp_path / "secateur-brand-new").is_dir()


def test_a_backend_passes_the_kit(without_torch, tmp_path):
    (tmp_path / "test_kit.py").write_text(KIT)
    done = without_torch("-m", "pytest", "-q", "-c", os.devnull, "--rootdir", ".", "test_kit.py")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_files_are_written_and_read(without_torch):
    done = without_torch(
        "-c",
        "import dimod\n"
        "from secateur.files import load_bqm, read_file, save_bqm\n"
        "bqm = dimod.BinaryQuadraticModel({'a': 1, 'b': -2}, {'ab': 3}, 0.5, 'BINARY')\n"
        "save_bqm(bqm, 'x.bqm', {'by': 'hand'})\n"
        "assert load_bqm('x.bqm') == bqm\n"
        "assert read_file('x.bqm').provenance == {'by': 'hand'}\n",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["demo"], "demo"),
        (["train", "halfunet", "--output", "new"], "demo"),
        (["export", "folder", "new.onnx", "--network", "mine:build"], "export"),
        (["prune", "--network", "mine:build", "--amount", "36%"], "torch"),
        (["qubo", "--network", "mine:build", "--output", "new.bqm"], "torch"),
    ],
)
def test_a_command_that_needs_it_says_the_line_to_type(without_torch, tmp_path, arguments, extra):
    done = without_torch("-m", "secateur", *arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"MissingExtra: `secateur {arguments[0]}` needs PyTorch, which is not installed\n"
        f"  Mend: pip install 'secateur[{extra}]'\n"
    )
    assert not list(tmp_path.glob("new*"))
    assert without_torch("-m", "secateur", arguments[0], "--help").returncode == 0


def test_a_name_that_needs_it_says_the_line_to_type(without_torch):
    done = without_torch(
        "-c",
        "import json, secateur\n"
        "said = {}\n"
        "for name in secateur._HOMES:\n"
        "    try:\n"
        "        said[name] = getattr(secateur, name) is None\n"
        "    except secateur.SecateurError as error:\n"
        "        said[name] = f'{type(error).__name__}: {error}'\n"
        "try:\n"
        "    from secateur import prune\n"
        "except ImportError as error:\n"
        "    said['from'] = type(error).__name__\n"
        "print(json.dumps(said))",
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("from") == "MissingExtra"
    assert {name for name, what in said.items() if what is False} == NEEDS_NONE
    for name in set(_HOMES) - NEEDS_NONE:
        assert said[name] == (
            f"MissingExtra: `secateur.{name}` needs PyTorch, which is not installed\n"
            "  Mend: pip install 'secateur[torch]'"
        )


def test_another_missing_module_is_not_disguised():
    for name in ("not_there", "torch.not_there", "secateur.not_there"):
        with pytest.raises(ModuleNotFoundError) as caught, needed_by("this"):
            __import__(name)
        assert not isinstance(caught.value, SecateurError)
        assert caught.value.name == name
    with pytest.raises(ImportError) as wrong, needed_by("this"):
        from torch import not_there  # noqa: F401
    assert not isinstance(wrong.value, MissingExtra)


@pytest.mark.parametrize(
    "code",
    [
        "import secateur",
        *(f"import secateur.{room}" for room in ROOMS),
        "from secateur.backends.registry import load_backend\n"
        f"[load_backend(name).availability() for name in {OWN}]",
        "from secateur.backends.listing import describe_backends; describe_backends()",
    ],
)
def test_nothing_loads_it_unasked(code):
    assert not {"torch", "safetensors"} & modules_after(code)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["solve", "SMALL"],
        ["solve", "SMALL", "--count", "2", "--backend", "tabu", "--option", "time_limit=0.1"],
        ["solve", "SMALL", "--count", "2", "--certificate", "proof.json.gz"],
        ["solve", "SMALL", "--backend", "exhaustive"],
        ["solve", "SMALL", "--backend", "decompose:exhaustive", "--option", "size=2"],
        ["backends"],
        ["backends", "check", "annealing"],
        ["backends", "cite", "annealing"],
    ],
)
def test_no_command_about_problems_loads_it(small, arguments, monkeypatch):
    monkeypatch.chdir(small.parent)
    given = [str(small) if one == "SMALL" else one for one in arguments]
    loaded = modules_after(f"from secateur.cli import run; assert run({given}) == 0")
    assert not {"torch", "safetensors", "rich"} & loaded


def test_a_proof_is_written_and_verified(without_torch, small):
    asked = [str(small), "--count", "2"]
    done = without_torch("-m", "secateur", "solve", *asked, "--certificate", "proof.json.gz")
    assert done.returncode == 0, done.stderr
    done = without_torch("-m", "secateur", "verify", "proof.json.gz", *asked)
    assert done.returncode == 0, done.stdout + done.stderr
