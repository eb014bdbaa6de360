"""What README and docs show is run: Python blocks whole, commands against the command line."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import click
import pytest

import secateur
from secateur.backends import run as backend_run
from secateur.backends.registry import load_backend
from secateur.cli import cli, run
from secateur.cli.new_backend import write_plugin
from secateur.errors import FileError, OptionError
from secateur.stages import BACKENDS, OBJECTIVES, RECOVERIES, REFINERS, list_stages
from secateur.testing import brute_force, random_problem

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
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


@pytest.mark.parametrize(
    "name",
    [
        "how-to/add-a-backend.md",
        "how-to/add-a-refiner.md",
        "how-to/add-an-objective.md",
        "how-to/add-an-operator.md",
        "how-to/solve-large-on-small-devices.md",
        "how-to/use-your-own-data.md",
        "reference/backends/branch-and-bound.md",
    ],
)
def test_the_python_of_the_page_runs(name):
    text = (ROOT / "docs" / name).read_text()
    program = "\n".join(re.findall(r"```python\n(.+?)```", text, re.DOTALL))
    assert program
    exec(compile(program, name, "exec", dont_inherit=True), {"__name__": "how_to"})


def test_the_how_to_of_demands_runs_with_its_file(tmp_path, monkeypatch):
    text = (HOW_TO / "state-demands.md").read_text()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demands.toml").write_text(re.search(r"```toml\n(.+?)```", text, re.DOTALL)[1])
    program = "\n".join(re.findall(r"```python\n(.+?)```", text, re.DOTALL))
    exec(compile(program, "state-demands.md", "exec"), {"__name__": "how_to"})


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("fine-tune.md", "smaller.pt"),
        ("export.md", "model.onnx"),
        ("keep-a-budget.md", "."),
        ("measure-once.md", "measured/measured.json"),
    ],
)
def test_the_how_to_runs_and_writes(name, written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = "\n".join(re.findall(r"```python\n(.+?)```", (HOW_TO / name).read_text(), re.DOTALL))
    module = types.ModuleType("how_to")  # what is pickled must be found again
    monkeypatch.setitem(sys.modules, "how_to", module)
    exec(compile(program, name, "exec"), module.__dict__)
    assert (tmp_path / written).exists()


def test_the_eight_lines_of_the_how_to_are_a_backend(tmp_path, monkeypatch):
    """As its wheel would install it: the entry point, and nothing else."""
    text = (HOW_TO / "add-a-backend.md").read_text()
    about = tomllib.loads(re.search(r"```toml\n(.+?)```", text, re.DOTALL)[1])["project"]
    folder = tmp_path / "my_samplers-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: 1.0\n"
    )
    (points,) = about["entry-points"].values()
    lines = "".join(f"{name} = {target}\n" for name, target in points.items())
    (folder / "entry_points.txt").write_text(f"[secateur.backends]\n{lines}")
    monkeypatch.syspath_prepend(str(tmp_path))
    problem = random_problem(8, 1, ones=3)
    found = secateur.solve(problem, backend="tree")
    assert found.count == 3
    assert found.energy == pytest.approx(brute_force(problem)[0])


def strangers():
    """The benchmark that writes plugins from the page."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        return importlib.import_module("strangers")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


def test_what_strangers_write_uses_nothing_that_the_page_does_not_teach(tmp_path):
    made = strangers()
    page = (HOW_TO / "add-a-backend.md").read_text()
    assert sorted(made.SOLVERS) == sorted(one.stem for one in made.MODULES.glob("*.py"))
    for module, (_, needs) in made.SOLVERS.items():
        code = (made.MODULES / f"{module}.py").read_text()
        assert made.not_taught(code, page) == []
        assert made.lines_of(code) < 50
        made.write_distribution(module, page, tmp_path / module)
        about = tomllib.loads((tmp_path / module / "pyproject.toml").read_text())
        assert about["project"]["dependencies"] == ["secateur", needs]
        (points,) = about["project"]["entry-points"].values()
        ((name, target),) = points.items()
        assert target == f"{module}:mine"
        assert f'return "{name}"' in (tmp_path / module / "test_mine.py").read_text()
    sly = "from secateur.backends import wrap\nmine = wrap(len, exactly=True)\nproblem.hidden()"
    assert made.not_taught(sly, page) == ["exactly", "hidden"]


def test_a_strangers_module_is_a_backend(monkeypatch):
    """One whose solver is installed with the tests."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "strangers"))
    backend = load_backend("minimum_eigen:mine")
    assert backend.capabilities.takes_seed
    problem = random_problem(4, 1)
    found = backend_run(backend, problem, seed=1)
    assert found.samples.first.energy == pytest.approx(brute_force(problem)[0])
    assert set(found.versions) == {"qiskit-optimization"}


def test_the_plugin_in_the_project_is_what_the_command_writes(tmp_path, monkeypatch):
    monkeypatch.setattr("secateur.stages.list_stages", lambda kind: [])
    written = write_plugin("template", tmp_path / "template")
    assert len(written) == 5
    for path in written:
        shown = ROOT / "plugins" / "template" / path.relative_to(tmp_path / "template")
        assert shown.read_text() == path.read_text(), shown


@pytest.mark.parametrize(
    ("name", "said"),
    [("annealing", "has a backend 'annealing' already"), ("My Solver", "no name for a backend")],
)
def test_a_plugin_needs_a_name_of_its_own(tmp_path, name, said):
    with pytest.raises(OptionError, match=said):
        write_plugin(name, tmp_path / "new")
    (tmp_path / "there").mkdir()
    with pytest.raises(FileError, match="exists"):
        write_plugin("brand-new", tmp_path / "there")


def test_every_backend_has_a_page_and_can_be_cited():
    pages = "\n".join(
        page.read_text() for page in (ROOT / "docs" / "reference" / "backends").glob("*.md")
    )
    own = {"secateur"} | {f"secateur-{folder.name}" for folder in (ROOT / "plugins").iterdir()}
    for entry in list_stages(BACKENDS):
        if entry.distribution not in own:  # a stranger's, installed where the tests run
            continue
        assert f"`{entry.name}`" in pages, entry
        citation = load_backend(entry.name).cite()
        if entry.name not in ("steepest-descent", "template"):
            assert citation.startswith("@"), entry
        assert citation.count("{") == citation.count("}"), entry


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists_with_its_options(page):
    """Each ``secateur …`` line is parsed by the real command; its options must exist."""
    if page.name in OWN_TESTS:
        return
    text = re.sub(r"<!-- exit code: 2 -->\n```bash\n.+?```", "", page.read_text(), flags=re.DOTALL)
    blocks = re.findall(r"```(?:bash|text)\n(.+?)```", text, re.DOTALL)
    for line in COMMAND.findall("\n".join(blocks).replace("\\\n", " ")):
        words = shlex.split(line.split("&&")[-1].partition(" > ")[0])[1:]
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


def test_what_the_how_tos_write_passes_its_kit(tmp_path):
    """In one process: most of its time is the import of PyTorch."""
    pages = ("add-an-operator", "add-an-objective", "add-a-refiner")
    for page in pages:
        text = (HOW_TO / f"{page}.md").read_text()
        program = "\n".join(re.findall(r"```python\n(.+?)```", text, re.DOTALL))
        (tmp_path / f"test_{page.replace('-', '_')}.py").write_text(program)
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "failed" not in done.stdout
    for page in pages:
        assert re.search(rf"test_{page.replace('-', '_')}\.py::\S+ PASSED", done.stdout), page


def test_the_functions_of_the_how_to_prune():
    from secateur.objectives import resolve_objective
    from secateur.testing.objectives import _measured

    text = (HOW_TO / "add-an-objective.md").read_text()
    program = "\n".join(re.findall(r"```python\n(.+?)```", text, re.DOTALL))
    names: dict[str, object] = {"__name__": "how_to"}
    exec(compile(program, "add-an-objective.md", "exec", dont_inherit=True), names)
    statistics = _measured("a chain", 0)
    bqm = resolve_objective(names["loudness"], {"power": "0.5"}).qubo(statistics)
    assert list(bqm.linear.values()) == pytest.approx(list(statistics.energy**0.5))


def test_every_objective_and_refiner_has_a_page():
    for kind, page in (
        (OBJECTIVES, "objectives"),
        (REFINERS, "refiners"),
        (RECOVERIES, "recoveries"),
    ):
        text = (ROOT / "docs" / "reference" / f"{page}.md").read_text()
        for entry in list_stages(kind):
            if entry.distribution == "secateur":
                assert f"`{entry.name}`" in text, entry
