"""What README and docs show is run: Python blocks whole, commands against the command line."""

from __future__ import annotations

import contextlib
import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

import secateur
from secateur.backends import run as backend_run
from secateur.backends.registry import load_backend
from secateur.cli import cli, run
from secateur.cli.new_backend import write_plugin
from secateur.errors import FileError, OptionError, SecateurError
from secateur.stages import (
    BACKENDS,
    OBJECTIVES,
    OPERATORS,
    RECOVERIES,
    REFINERS,
    list_stages,
    load_stage,
)
from secateur.testing import brute_force, random_problem
from tests.docs.running import DOCS, ROOT, pages

HOW_TO = DOCS / "how-to"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
COMMAND = re.compile(r"^(?:\S*/)?(secateur .+)$", re.MULTILINE)


def install(folder: Path, page: str) -> None:
    """The first distribution of a page, as its wheel would be: entry points, and nothing else."""
    about = tomllib.loads(re.search(r"```toml\n(.+?)```", page, re.DOTALL)[1])["project"]
    name = about.get("name", folder.name).replace("-", "_")
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{one} = {target}\n" for one, target in points.items())
        for group, points in about["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("".join(lines))


def test_the_eight_lines_of_the_how_to_are_a_backend(tmp_path, monkeypatch):
    install(tmp_path, (HOW_TO / "add-a-backend.md").read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    problem = random_problem(8, 1, ones=3)
    found = secateur.solve(problem, backend="tree")
    assert found.count == 3
    assert found.energy == pytest.approx(brute_force(problem)[0])


def test_what_the_pages_register_is_found(tmp_path, monkeypatch):
    """The module is not there: it is named, so the entry point was read."""
    for page in ("add-an-objective", "add-an-operator"):
        (tmp_path / page).mkdir()
        install(tmp_path / page, (HOW_TO / f"{page}.md").read_text())
        monkeypatch.syspath_prepend(str(tmp_path / page))
    for kind, name, module in (
        (OBJECTIVES, "loudness", "my_package"),
        (OPERATORS, "mix", "prune_me"),
    ):
        with pytest.raises(SecateurError, match=module):
            load_stage(kind, name)


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
    text = "\n".join(page.read_text() for page in (DOCS / "reference" / "backends").glob("*.md"))
    own = {"secateur"} | {f"secateur-{folder.name}" for folder in (ROOT / "plugins").iterdir()}
    for entry in list_stages(BACKENDS):
        if entry.distribution not in own:  # a stranger's, installed where the tests run
            continue
        assert f"`{entry.name}`" in text, entry
        citation = load_backend(entry.name).cite()
        if entry.name not in ("steepest-descent", "template"):
            assert citation.startswith("@"), entry
        assert citation.count("{") == citation.count("}"), entry


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_exists_with_its_options(page):
    """Of a page's commands that are not run each is parsed by the real one."""
    blocks = [
        one.text
        for one in pages.pieces(page.read_text())
        if one.language in ("bash", "text") and one.key != "output" and not one.runs
    ]
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


def programs(page: str, folder: Path) -> list[str]:
    """The Python of a page; its files are written."""
    text = (HOW_TO / page).read_text()
    with contextlib.chdir(folder):
        for needs in pages.NEEDS.findall(text):
            pages.lay_out(needs.split(", "))
    found = []
    for piece in pages.pieces(text):
        if piece.key == "file":
            (folder / str(piece.value)).write_text(piece.text)
        elif piece.language == "python":
            found.append(piece.text)
    return found


def test_what_the_how_tos_write_passes_its_kit(tmp_path):
    """In one process: most of its time is the import of PyTorch."""
    names = ("add-an-operator", "add-an-objective", "add-a-refiner")
    for page in names:
        path = tmp_path / f"test_{page.replace('-', '_')}.py"
        path.write_text("\n".join(programs(f"{page}.md", tmp_path)))
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "failed" not in done.stdout
    for page in names:
        assert re.search(rf"test_{page.replace('-', '_')}\.py::\S+ PASSED", done.stdout), page


def test_the_functions_of_the_how_to_prune(tmp_path):
    from secateur.objectives import resolve_objective
    from secateur.testing.objectives import _measured

    programs("add-an-objective.md", tmp_path)
    names: dict[str, object] = {"__name__": "mine"}
    exec((tmp_path / "mine.py").read_text(), names)
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


@pytest.mark.skipif(find_spec("torch_pruning") is None, reason="torch-pruning is not installed")
def test_the_script_says_of_torch_pruning_what_the_page_says(tmp_path):
    page = (HOW_TO / "come-from-torch-pruning.md").read_text()
    (shown,) = [
        one.text for one in pages.pieces(page) if one.value == "Torch-Pruning is no dependency"
    ]
    command = [sys.executable, str(HOW_TO / "come_from_torch_pruning.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=250)
    assert pages.same(shown, done.stdout, "within 10 %"), done.stdout + done.stderr
