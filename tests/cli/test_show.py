"""``objectives``, ``refiners`` and ``backends show`` tell what was declared, and nothing else."""

from __future__ import annotations

import json

import pytest

from secateur.cli import run
from secateur.objectives import objective_class
from secateur.options import declared
from secateur.refine import refiner_class
from secateur.solving import load_solver
from secateur.stages import BACKENDS, OBJECTIVES, REFINERS, list_stages


def told(capsys, *words):
    code = run(list(words))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("command", "kind", "options_of"),
    [
        ("objectives", OBJECTIVES, lambda name: declared(objective_class(name))),
        ("refiners", REFINERS, lambda name: declared(refiner_class(name))),
        ("backends", BACKENDS, lambda name: load_solver(name).describe_options()),
    ],
)
def test_every_stage_is_shown_as_it_was_declared(capsys, command, kind, options_of):
    for entry in list_stages(kind):
        if entry.distribution != "secateur":
            continue
        code, out, _ = told(capsys, command, "show", entry.name, "--json")
        assert code == 0
        shown = json.loads(out)
        assert shown["name"] == entry.name
        assert shown["distribution"] == "secateur"
        assert shown["about"]
        assert [one["name"] for one in shown["options"]] == [o.name for o in options_of(entry.name)]
        code, out, _ = told(capsys, command, "show", entry.name)
        assert code == 0
        assert f"{kind.noun} {entry.name!r} of secateur" in out
        for one in options_of(entry.name):
            parts = (f"  {one.name} ", one.type, one.values, one.text)
            assert any(all(part in line for part in parts) for line in out.splitlines()), one
        assert shown["citation"] in out


@pytest.mark.parametrize(("command", "kind"), [("objectives", OBJECTIVES), ("refiners", REFINERS)])
def test_the_list_is_what_is_registered(capsys, command, kind):
    code, out, _ = told(capsys, command, "--json")
    assert code == 0
    assert [one["name"] for one in json.loads(out)[command]] == [e.name for e in list_stages(kind)]
    code, out, _ = told(capsys, command)
    assert [line.split()[0] for line in out.splitlines()] == [e.name for e in list_stages(kind)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["objectives", "show", "fishr"], "did you mean 'fisher'?"),
        (["refiners", "show", "t"], "there is no refiner 't'"),
        (["backends", "show", "annealng"], "did you mean 'annealing'?"),
        (["backends", "show", "decompose:exhaustiv"], "did you mean 'exhaustive'?"),
        (["objectives", "show", "nowhere:Mine"], "No module named 'nowhere'"),
        (["objectives", "show", "math:pi"], "float"),
        (["refiners", "show", "math:pi"], "float"),
        (["backends", "show", "math:pi"], "float"),
    ],
)
def test_a_name_that_is_wrong_is_one_clear_error(capsys, words, said):
    code, out, err = told(capsys, *words)
    assert (code, out) == (1, "")
    assert said in err
    assert "Mend: " in err
    assert "Traceback" not in err


def test_your_own_is_shown_too(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shown_here.py").write_text(
        "import dimod\n"
        "def mine(statistics, *, weight: float = 2.0):\n    '''Mine alone.'''\n"
        "class Search:\n"
        "    def __init__(self, step: int = 4): pass\n"
        "    def search(self, state, seed): pass\n"
        "def solver(problem, *, reads: int = 3, seed: int | None = None):\n"
        "    return [[0] * problem.n] * reads\n"
    )
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    for words, name, default in (
        (["objectives", "show", "shown_here:mine"], "weight", 2.0),
        (["refiners", "show", "shown_here:Search"], "step", 4),
        (["backends", "show", "shown_here:solver"], "reads", 3),
    ):
        code, out, err = told(capsys, *words, "--json")
        assert code == 0, err
        shown = json.loads(out)
        assert {one["name"]: one["default"] for one in shown["options"]}[name] == default
        assert shown["distribution"] == ""
    __import__("sys").modules.pop("shown_here")


def test_a_wrapper_and_a_sampler_show_theirs(capsys):
    code, out, _ = told(capsys, "backends", "show", "decompose:exhaustive", "--json")
    assert code == 0
    assert json.loads(out)["distribution"] == "secateur"
    assert "inner" in [one["name"] for one in json.loads(out)["options"]]
    import dimod  # noqa: F401 (a sampler is one where dimod was imported)

    code, out, _ = told(capsys, "backends", "show", "dimod:ExactSolver", "--json")
    assert code == 0
    assert json.loads(out)["options"] == []
    name = "dwave.samplers:TreeDecompositionSampler"
    code, out, _ = told(capsys, "backends", "show", name, "--json")
    assert "num_reads" in [one["name"] for one in json.loads(out)["options"]]
