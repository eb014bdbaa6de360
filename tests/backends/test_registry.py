"""Plugins of strangers, good and broken: found, listed, loaded, and told apart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from secateur.backends import BackendOptions, Solution, registry
from secateur.backends import listing as listing_module
from secateur.backends.call import run
from secateur.backends.listing import describe_backends
from secateur.backends.registry import load_backend
from secateur.cli import run as command
from secateur.errors import (
    BackendConflict,
    BackendFailed,
    BackendNotFound,
    BackendUnavailable,
)
from secateur.stages import BACKENDS, list_stages
from secateur.testing import brute_force, random_problem
from tests.clocks import FOREVER

HONEST = """
    import time
    import numpy as np
    from secateur.backends import Backend, Solution

    class Mine(Backend):
        name = "mine"

        def solve(self, problem, options):
            bits = np.ones((1, problem.n))
            return Solution.from_bits(problem, bits, options, 0.001, versions={"mine": "1"})
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a distribution with one entry point; its code is a module of its own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    installed = []

    def install(name: str, code: str, target: str = "Mine", distribution: str = "") -> str:
        distribution = distribution or f"plugin-{name}"
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(textwrap.dedent(code))
        folder = tmp_path / f"{module}-2.5.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n"
        )
        where = target if ":" in target else f"{module}:{target}"
        (folder / "entry_points.txt").write_text(f"[secateur.backends]\n{name} = {where}\n")
        installed.append(module)
        return module

    registry._load.cache_clear()
    yield install
    registry._load.cache_clear()
    for module in installed:
        sys.modules.pop(module, None)


def row(name: str):
    (found,) = [one for one in describe_backends() if one.name == name]
    return found


def test_a_plugin_is_listed_without_being_imported_and_then_loaded(plugin):
    module = plugin("mine", HONEST)
    entry = next(one for one in list_stages(BACKENDS) if one.name == "mine")
    assert (entry.distribution, entry.version) == ("plugin-mine", "2.5")
    described = row("mine")
    assert described.usable
    assert described.capabilities["exact"] is False
    assert module not in sys.modules
    assert load_backend("mine").name == "mine"
    assert module in sys.modules


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(BackendNotFound, match="did you mean 'annealing'"):
        load_backend("anealing")


def test_two_plugins_with_one_name_are_an_error_that_names_both(plugin):
    plugin("mine", HONEST, distribution="first-dist")
    plugin("mine", HONEST, distribution="second-dist")
    with pytest.raises(BackendConflict, match=r"first-dist .* and second-dist") as error:
        load_backend("mine")
    assert "pip uninstall" in error.value.remedy
    rows = [one for one in describe_backends() if one.name == "mine"]
    assert [one.usable for one in rows] == [False, False]
    assert "first-dist" in rows[0].detail


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        ("import a_package_that_is_not_there", BackendUnavailable, "a_package_that_is_not_there"),
        ("raise RuntimeError('broken on purpose')", BackendFailed, "broken on purpose"),
        ("class Mine: pass", BackendFailed, "plugin_mine:Mine"),
        ("Mine = 3", BackendFailed, "which is a int"),
        ("other = 3", BackendFailed, "Mine"),
    ],
    ids=["a missing package", "an error of its own", "no Backend", "no class", "no such name"],
)
def test_a_broken_plugin_is_one_clear_error_and_the_others_go_on(plugin, code, error, said):
    plugin("mine", code)
    with pytest.raises(error, match=said) as raised:
        load_backend("mine")
    assert "plugin-mine 2.5" in str(raised.value)
    described = row("mine")
    assert not described.usable
    assert said in described.detail
    assert row("annealing").usable


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os._exit(7)", "ended Python with the code 7"),
        ("import time; time.sleep(60)", "hung for 3 s"),
        ("print('{}'); raise SystemExit(0)", "cannot be imported: SystemExit: 0"),
        ("import os; os.kill(os.getpid(), 9)", "ended Python with the code -9"),
        (
            "import os, time\nif os.fork(): os._exit(3)\ntime.sleep(60)",
            "ended Python with the code 3",
        ),
        ("import os, time\nos.fork()\ntime.sleep(60)", "hung for 3 s"),
        (
            "import os, time\nif os.fork(): os._exit(0)\nos.setsid()\n"
            "if os.fork(): os._exit(0)\ntime.sleep(8)",
            "ended Python with the code 0",
        ),
        ("import os; os.closerange(0, 256)", "ended Python with the code"),
    ],
    ids=[
        "ends the interpreter",
        "hangs",
        "prints and exits",
        "dies of a signal",
        "leaves another process behind and ends",
        "leaves another process behind and hangs",
        "becomes a daemon",
        "closes every file",
    ],
)
def test_a_plugin_cannot_take_the_list_with_it(plugin, monkeypatch, code, said):
    monkeypatch.setattr(listing_module, "PATIENCE", 3.0)
    plugin("mine", code)
    rows = {one.name: one for one in describe_backends()}
    assert not rows["mine"].usable
    assert said in rows["mine"].detail
    assert rows["annealing"].usable
    assert rows["tabu"].usable


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("again", ["", "os.fork()\n"])
def test_a_plugin_that_forks_is_one_row(plugin, tmp_path, monkeypatch, again):
    """Its other half does not go on with the list, or answer for others."""
    monkeypatch.setattr(listing_module, "PATIENCE", FOREVER)
    told = tmp_path / "told"
    plugin("a-first", f"import os\nos.fork()\n{again}" + textwrap.dedent(HONEST))
    plugin("mine", f"open({str(told)!r}, 'a').write('x')\n" + textwrap.dedent(HONEST))
    started = time.monotonic()
    rows = describe_backends()
    assert time.monotonic() - started < listing_module.PATIENCE
    assert len(rows) == len(list_stages(BACKENDS))
    by_name = {one.name: one for one in rows}
    assert by_name["a-first"].usable
    assert by_name["mine"].usable
    assert by_name["exhaustive"].capabilities["exact"]
    assert not by_name["annealing"].capabilities["exact"]
    assert told.read_text() == "x"


@pytest.mark.parametrize("name", ["greedy", "auto", "decompose:tabu", "blocks:x", "a:b", "-v"])
def test_a_plugin_named_like_something_else_is_refused_at_listing(plugin, name, capsys):
    module = plugin(name, HONEST, distribution="a-stranger")
    described = row(name)
    assert not described.usable
    assert f"a-stranger calls a backend {name!r}" in described.detail
    assert f"{module}:Mine" in described.remedy
    assert row("annealing").usable
    if name == "a:b":
        with pytest.raises(BackendConflict, match="has a colon"):
            load_backend(name)
    else:
        assert command(["backends"]) == 0
        assert "a-stranger calls a backend" in capsys.readouterr().out
    assert load_backend(f"{module}:Mine").name == "mine"  # it can be had all the same


def test_an_answer_without_versions_gets_that_of_its_distribution(plugin):
    code = HONEST.replace(', versions={"mine": "1"}', "")
    module = plugin("mine", code)
    problem = random_problem(4, 0)
    assert run(load_backend("mine"), problem).versions == {"plugin-mine": "2.5"}
    assert run(load_backend(f"{module}:Mine"), problem).versions == {"plugin-mine": "2.5"}
    sys.modules[module].Mine.name = "another"
    assert run(sys.modules[module].Mine, problem).versions == {module: "2.5"}
    sys.modules[module].Mine.name = "annealing"  # not what secateur registers
    assert run(sys.modules[module].Mine, problem).versions == {module: "2.5"}


def test_what_a_plugin_prints_is_no_answer(plugin):
    plugin("mine", "print('hello')\n" + textwrap.dedent(HONEST) + "\nprint('{}')")
    assert row("mine").usable


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("bits[0, 0] = 2", "not all 0 or 1"),
        ("bits[0, 0] = 0.99999", "not all 0 or 1"),
        ("raise ZeroDivisionError('inside')", "ZeroDivisionError: inside"),
        ("return None", "NoneType"),
        ("problem = type(problem)(problem.bqm * 2)", "claims the energy"),
    ],
)
def test_a_plugin_that_lies_is_named_with_its_distribution(plugin, line, said):
    code = HONEST.replace(
        "            return Solution", f"            {line}\n            return Solution"
    )
    plugin("mine", code)
    with pytest.raises(BackendFailed.__base__, match=said) as error:
        run(load_backend("mine"), random_problem(4, 0))
    assert "plugin-mine" in str(error.value)


def test_any_dimod_sampler_class_is_a_backend(plugin):
    plugin("tree", "", target="dwave.samplers:TreeDecompositionSolver")
    problem = random_problem(6, 3)
    backend = load_backend("tree")
    solution = run(backend, problem)
    assert solution.samples.first.energy == pytest.approx(brute_force(problem)[0])
    with pytest.raises(BackendFailed.__base__, match="has no option 'raeds'"):
        run(backend, problem, {"raeds": 3})


def test_a_sampler_that_draws_at_random_is_one_too(plugin):
    """It samples a Boltzmann distribution: cold, the optimum; its own seed is known."""
    plugin("tree", "", target="dwave.samplers:TreeDecompositionSampler")
    problem = random_problem(6, 3)
    options = {"beta": 20.0, "num_reads": 5}
    first, again = (run(load_backend("tree"), problem, options, seed=3) for _ in range(2))
    assert first.samples.first.energy == pytest.approx(brute_force(problem)[0])
    assert first.samples == again.samples
    assert first.seed == 3


def test_a_sampler_that_needs_arguments_says_so(plugin):
    plugin(
        "mine",
        """
        import dimod

        class Mine(dimod.Sampler):
            parameters = {}
            properties = {}

            def __init__(self, address):
                self.address = address

            def sample(self, bqm):
                raise NotImplementedError
        """,
    )
    with pytest.raises(BackendFailed, match="cannot be made without arguments"):
        run(load_backend("mine"), random_problem(3, 0))


def test_the_command_lists_and_checks_a_plugin(plugin, capsys):
    plugin("mine", HONEST)
    assert command(["backends", "--json"]) == 0
    rows = {one["name"]: one for one in json.loads(capsys.readouterr().out)["backends"]}
    assert rows["mine"]["distribution"] == "plugin-mine"
    assert rows["exhaustive"]["exact"]
    assert rows["exhaustive"]["max_variables"] > 20
    assert command(["backends"]) == 0
    assert "plugin-mine 2.5" in capsys.readouterr().out
    assert command(["backends", "check", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["backend"] == "mine"


def test_a_check_that_costs_money_is_asked_for(plugin, capsys):
    calls = HONEST.replace(
        'name = "mine"', 'name = "mine"\n        capabilities = Capabilities(metered=True)'
    ).replace("import Backend,", "import Backend, Capabilities,")
    plugin("mine", calls.replace("bits = np.ones", "print('charged')\n            bits = np.zeros"))
    assert command(["backends", "check", "mine"]) == 1
    out, err = capsys.readouterr()
    assert "is metered" in err
    assert "--charge" in err
    assert "charged" not in out
    assert command(["backends", "check", "mine", "--charge", "--json"]) == 0
    assert capsys.readouterr().err.count("charged") == 1


VENDORS = ("torch", "dwave", "qiskit", "gurobipy", "scipy", "minorminer")


@pytest.mark.parametrize(
    "code",
    [
        "import secateur",
        "from secateur.cli import run; assert run(['backends']) == 0",
        "from secateur.backends import Backend; from secateur.problem import Problem, count",
        "from secateur.backends.registry import load_backend; load_backend('annealing')",
    ],
)
def test_no_vendor_library_is_loaded_before_it_is_used(code):
    said = f"import sys; print([m for m in sys.modules if m.split(chr(46))[0] in {VENDORS!r}])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; {said}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_describing_every_backend_loads_no_vendor_library_either():
    """The child that does import the plugins' own modules."""
    code = (
        "import sys; from secateur.backends.listing import _describe;"
        "from secateur.stages import BACKENDS, list_stages;"
        "[_describe(e.name) for e in list_stages(BACKENDS) if e.distribution == 'secateur'];"
        f"print([m for m in sys.modules if m.split('.')[0] in {VENDORS!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_list_takes_little_more_than_importing_dimod_does():
    """As a ratio in one run, for a machine may be slow; under a second on an idle one."""

    def best(code: str) -> float:
        times = []
        for _ in range(3):
            started = time.monotonic()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            times.append(time.monotonic() - started)
        return min(times)

    listed = best("from secateur.cli import run; run(['backends'])")
    assert listed < 4 * best("import dimod")


def test_an_answer_is_made_from_bits_of_any_shape():
    problem = random_problem(3, 0)
    for bits in ([1, 0, 1], [[1, 0, 1]], np.array([[True, False, True]])):
        solution = Solution.from_bits(problem, np.array(bits), BackendOptions(), 0.1)
        assert solution.samples.first.energy == pytest.approx(problem.energies([1, 0, 1])[0])
    assert len(Solution.from_bits(problem, np.zeros((0, 3)), BackendOptions(), 0.1).samples) == 0
