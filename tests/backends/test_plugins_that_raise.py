"""Whatever a plugin raises, wherever it does, is an error that names it; only Ctrl-C is Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass

import dimod
import numpy as np
import pytest

import secateur
from secateur.backends import Applicability, Backend, BackendOptions, Capabilities, Solution
from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.backends.sampler import wrap_sampler
from secateur.cli import run as command
from secateur.errors import BackendFailed, BackendMisbehaved
from secateur.files import save_bqm
from secateur.options import option
from secateur.solving.blockwise import by_block
from secateur.solving.decomposition import decompose
from secateur.testing import random_problem
from tests.backends.test_registry import HONEST, plugin, row

__all__ = ["plugin"]  # a fixture

PROBLEM = random_problem(6, 2)
LARGER = random_problem(20, 8)
"""Not solved by fixing what is certain."""
ERRORS = [
    SystemExit(0),
    SystemExit("no licence"),
    GeneratorExit(),
    asyncio.CancelledError(),
    StopIteration(),
    MemoryError(),
    RecursionError("too deep"),
    AssertionError("own fault"),
    BaseException("base"),
    BaseExceptionGroup("several", [SystemExit(0)]),
]


def backend_that(place: str, error: BaseException) -> type[Backend]:
    """A backend that raises in one place, and gives an honest answer otherwise."""

    class Bad(Backend):
        name = "bad"
        capabilities = Capabilities(native=frozenset({"count"}))

        def __init__(self) -> None:
            if place == "its constructor":
                raise error

        @classmethod
        def availability(cls):
            if place == "availability":
                raise error
            return super().availability()

        @classmethod
        def make_options(cls, given):
            if place == "its options":
                raise error
            return cls.Options()

        def applicability(self, problem, options=None):
            if place == "applicability":
                raise error
            return Applicability(True)

        def solve(self, problem, options):
            if place == "solve":
                raise error
            bits = np.zeros((1, problem.n))
            bits[0, : problem.count] = 1
            return Solution.from_bits(problem, bits, options, 0.001)

    return Bad


PLACES = ["its constructor", "availability", "its options", "applicability", "solve"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{type(error).__name__} {error}")
def test_it_is_an_error_that_names_the_backend(place, error):
    bad = backend_that(place, error)
    with pytest.raises(
        BackendFailed, match=rf"backend 'bad' .* raised {type(error).__name__}"
    ) as e:
        run(bad, PROBLEM)
    assert e.value.__cause__ is error
    assert str(error) in e.value.message
    assert place == "solve" or f" in {place}, at " in e.value.message
    assert re.search(rf", at \w+ \({re.escape(__file__)}, line \d+\)$", e.value.message)
    with pytest.raises(BackendFailed, match="backend 'bad'"):
        secateur.solve(PROBLEM, backend=bad)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wrapper", [decompose, by_block])
def test_also_inside_another_backend(place, wrapper):
    bad = wrapper(backend_that(place, SystemExit(0)))
    with pytest.raises(BackendFailed, match=r"backend 'bad' .* raised SystemExit: 0"):
        secateur.solve(LARGER, backend=bad, options={"inner": {}}, time_limit=5)


@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_is_ctrl_c(place):
    with pytest.raises(KeyboardInterrupt):
        run(backend_that(place, KeyboardInterrupt()), PROBLEM)


def test_an_error_of_ours_stays_what_it_is():
    error = secateur.SecateurError("told already", remedy="do it")
    with pytest.raises(secateur.SecateurError) as raised:
        run(backend_that("solve", error), PROBLEM)
    assert raised.value is error


@dataclass(frozen=True)
class Limited(BackendOptions):
    time_limit: float | None = option(None, "stop after so long", above=0, unit="s")


def test_it_is_told_under_a_time_limit_too():
    bad = backend_that("solve", SystemExit(0))
    bad.capabilities, bad.Options = Capabilities(takes_time_limit=True), Limited
    with pytest.raises(BackendFailed, match="raised SystemExit"):
        run(bad, PROBLEM.only(frozenset()), time_limit=5.0)


@pytest.mark.parametrize("place", ["availability", "applicability", "make_options"])
@pytest.mark.parametrize("value", [None, True, "yes", {}])
def test_another_kind_of_answer_names_the_backend(place, value):
    bad = backend_that("nowhere", SystemExit())
    setattr(bad, place, classmethod(lambda cls, *args, **kwargs: value))
    with pytest.raises(BackendMisbehaved, match="backend 'bad'") as caught:
        run(bad, PROBLEM)
    said = f"made a {type(value).__name__} of" if place == "make_options" else f"{value!r} as its"
    assert said in str(caught.value)


class Exits(dimod.Sampler):
    """A sampler class that ends Python somewhere."""

    parameters = None
    properties = None
    where = "init"

    def __init__(self):
        self.parameters, self.properties = {}, {}
        if self.where == "init":
            raise SystemExit(0)

    def sample(self, bqm, **parameters):
        if self.where == "sample":
            raise SystemExit(0)

        def later(future):
            raise SystemExit(0)

        return dimod.SampleSet.from_future(object(), later)


@pytest.mark.parametrize("where", ["init", "sample", "result"])
def test_a_sampler_that_exits(where):
    wrapped = wrap_sampler(type("Exits", (Exits,), {"where": where}), "exits")
    with pytest.raises(BackendFailed, match=r"exits.*SystemExit: 0"):
        run(wrapped, PROBLEM.only(frozenset()))


def test_samples_that_fail_on_arrival():
    bad = backend_that("nowhere", SystemExit())
    honest = bad.solve

    def later(future):
        raise SystemExit(0)

    def solve(self, problem, options):
        answer = honest(self, problem, options)
        object.__setattr__(answer, "samples", dimod.SampleSet.from_future(object(), later))
        return answer

    bad.solve = solve
    with pytest.raises(BackendFailed, match="raised SystemExit: 0"):
        run(bad, PROBLEM)


def in_(place: str, statement: str) -> str:
    """A plugin that does something in one place."""
    if place == "import":
        return f"import sys\n{statement}"
    args = {
        "__init__": "self",
        "solve": "self, problem, options",
        "applicability": "self, problem, options=None",
        "availability": "",
        "make_options": "given",
        "cite": "",
    }[place]
    static = "    @staticmethod\n" if not args.startswith("self") else ""
    return (
        "import sys\nfrom secateur.backends import Backend\n"
        "class Mine(Backend):\n    name = 'mine'\n"
        "    def solve(self, problem, options): ...\n"
        f"{static}    def {place}({args}):\n        {statement}\n"
    )


@pytest.mark.parametrize(
    "place", ["import", "__init__", "availability", "make_options", "applicability", "solve"]
)
@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_line_never_ends_as_if_all_were_well(
    plugin, tmp_path, monkeypatch, capsys, place, as_json
):
    monkeypatch.chdir(tmp_path)
    save_bqm(PROBLEM.bqm, "a.bqm")
    plugin("mine", in_(place, "sys.exit(0)"))
    more = ["--json"] if as_json else []
    for line in (["solve", "a.bqm", "--backend", "mine"], ["backends", "check", "mine"]):
        assert command([*line, *more]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("BackendFailed: ")
        assert "'mine'" in err
        assert "plugin-mine" in err
        assert "SystemExit: 0" in err
        assert "Traceback" not in err


def test_the_list_goes_on(plugin):
    plugin("mine", in_("availability", "sys.exit(0)"))
    assert "raised SystemExit: 0 in availability" in row("mine").detail
    assert row("annealing").usable


def test_a_citation_that_exits(plugin, capsys):
    plugin("mine", in_("cite", "sys.exit(0)"))
    assert command(["backends", "cite", "mine"]) == 1
    assert "raised SystemExit: 0 in cite" in capsys.readouterr().err
    assert command(["backends", "check", "decompose:mine"]) == 1
    assert "raised SystemExit: 0 in cite" in capsys.readouterr().err


def test_an_honest_plugin_still_works(plugin, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_bqm(PROBLEM.bqm, "a.bqm")
    plugin("mine", HONEST)
    assert load_backend("mine").name == "mine"
    assert command(["solve", "a.bqm", "--backend", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["backend"] == "mine"


def test_who_writes_a_solver_is_told_where_it_raised_and_not_to_report_it(
    plugin, tmp_path, monkeypatch
):
    (tmp_path / "unregistered.py").write_text(
        "def inner():\n    return 1 / 0\n\n\ndef climb(problem):\n    return inner()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BackendFailed) as caught:
        secateur.solve(PROBLEM, backend="unregistered:climb")
    assert caught.value.message.endswith(f"at inner ({tmp_path / 'unregistered.py'}, line 2)")
    assert caught.value.remedy == "mend it in unregistered"
    plugin("mine", HONEST.replace("bits = np.ones", "1 / 0; bits = np.ones"))
    with pytest.raises(BackendFailed, match=r"raised ZeroDivisionError: .*, at solve \(") as caught:
        run(load_backend("mine"), PROBLEM)
    assert caught.value.remedy == "report it to plugin-mine, and use another backend"


def test_a_backend_that_is_not_finished_is_named_by_its_class():
    class Half(Backend):
        pass

    with pytest.raises(BackendFailed, match=r"backend 'Half' .* abstract") as caught:
        secateur.solve(PROBLEM, backend=Half)
    assert caught.value.remedy == f"mend it in {__name__}"


def test_a_function_without_a_problem_is_told_to_take_one(tmp_path, monkeypatch):
    (tmp_path / "takes_nothing.py").write_text("def rows():\n    return [[0]]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for given in ("takes_nothing:rows", lambda: [[0]]):
        with pytest.raises(BackendFailed, match="takes no problem, and makes no") as caught:
            secateur.solve(PROBLEM, backend=given)
        assert "def solve(problem, *, reads=100)" in caught.value.remedy
