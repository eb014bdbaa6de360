"""One registry: what is wrong with a plugin is one clear error, for every kind of stage."""

from __future__ import annotations

import subprocess
import sys

import pytest

from secateur import stages
from secateur.errors import SecateurError
from secateur.network import find_channels
from secateur.objectives import resolve_objective
from secateur.operators import load_rules
from secateur.recover import resolve_recovery
from secateur.refine import resolve_refiner
from secateur.solving import load_solver
from secateur.stages import (
    BACKENDS,
    KINDS,
    OBJECTIVES,
    OPERATORS,
    RECOVERIES,
    REFINERS,
    Entry,
    find_stage,
    list_stages,
    load_stage,
)

assert find_channels  # the rules are loaded when it is called

RESOLVE = {
    BACKENDS: load_solver,
    OBJECTIVES: resolve_objective,
    REFINERS: resolve_refiner,
    RECOVERIES: resolve_recovery,
    OPERATORS: lambda name: load_rules(),
}
KNOWN = {
    BACKENDS: "annealing",
    OBJECTIVES: "fisher",
    REFINERS: "exchange",
    RECOVERIES: "distil",
}
TYPED = [BACKENDS, OBJECTIVES, REFINERS, RECOVERIES]


@pytest.fixture(autouse=True)
def _rules_are_read_again():
    load_rules.cache_clear()
    yield
    load_rules.cache_clear()


def by_noun(kind):
    return kind.noun


@pytest.mark.parametrize("kind", KINDS, ids=by_noun)
def test_listing_imports_no_plugin(install, kind):
    module = install(kind.group, "mine", "raise RuntimeError('imported')")
    assert Entry("mine", f"{module}:Mine", "plugin-mine", "2.5") in list_stages(kind)
    assert find_stage(kind, "mine").told(kind) == f"{kind.noun} 'mine' of plugin-mine 2.5"
    assert module not in sys.modules


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import a_package_that_is_not_there", "No module named 'a_package_that_is_not_there'"),
        ("raise RuntimeError('on purpose')", "RuntimeError: on purpose"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("raise SystemExit", "SystemExit"),
        ("raise GeneratorExit('odd')", "GeneratorExit: odd"),
        ("class Own(BaseException): pass\nraise Own('mine')", "Own: mine"),
        ("def f(: pass", "SyntaxError"),
        ("other = 3", "no attribute 'Mine'"),
        ("Mine = 3", "int"),
        ("class Mine: pass", "Mine"),
        ("Mine = None", "NoneType"),
        (
            "from secateur.errors import DataError\nraise DataError('own', remedy='do so')",
            "imported: own",
        ),
    ],
)
@pytest.mark.parametrize("kind", KINDS, ids=by_noun)
def test_a_broken_plugin_is_one_clear_error_that_names_it(install, kind, code, said):
    install(kind.group, "mine", code)
    with pytest.raises(SecateurError, match=said) as caught:
        RESOLVE[kind]("mine")
    assert isinstance(caught.value, (kind.failed, kind.unavailable))
    assert f"{kind.noun} 'mine' of plugin-mine 2.5" in caught.value.message
    assert caught.value.remedy
    if kind in KNOWN:  # the others are not affected
        assert RESOLVE[kind](KNOWN[kind])


@pytest.mark.parametrize("kind", KINDS, ids=by_noun)
def test_ctrl_c_at_import_goes_through(install, kind):
    install(kind.group, "mine", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        RESOLVE[kind]("mine")


@pytest.mark.parametrize("target", ["just.a.module:", "os", "", "spaces in it:Mine", ":Mine"])
@pytest.mark.parametrize("kind", KINDS, ids=by_noun)
def test_an_entry_point_that_names_nothing_is_told(install, kind, target):
    install(kind.group, "mine", "", target=target or " ")
    if not any(entry.name == "mine" for entry in list_stages(kind)):
        return  # the metadata's own reader does not take it for one
    with pytest.raises(SecateurError, match=r"'mine' of plugin-mine 2\.5") as caught:
        RESOLVE[kind]("mine")
    assert isinstance(caught.value, (kind.failed, kind.unavailable))


@pytest.mark.parametrize("kind", KINDS, ids=by_noun)
def test_two_of_a_name_are_an_error_that_names_both(install, kind):
    install(kind.group, "mine", "Mine = 3", distribution="first-dist")
    install(kind.group, "mine", "Mine = 3", distribution="second-dist")
    with pytest.raises(kind.conflict, match=r"first-dist .* and second-dist") as caught:
        RESOLVE[kind]("mine")
    assert caught.value.remedy == (
        "keep one of them: pip uninstall first-dist or pip uninstall second-dist"
    )


@pytest.mark.parametrize("kind", TYPED, ids=by_noun)
@pytest.mark.parametrize("distribution", ["a-stranger", "zz-stranger"])
def test_no_advice_is_to_remove_secateur(install, kind, distribution):
    """Whichever of the two comes last."""
    name = KNOWN[kind]
    install(kind.group, name, "Mine = 3", distribution=distribution)
    with pytest.raises(kind.conflict, match=f"two plugins are called '{name}'") as caught:
        RESOLVE[kind](name)
    assert caught.value.remedy == f"the name is secateur's own: pip uninstall {distribution}"
    install(kind.group, name, "Mine = 3", distribution="another")
    with pytest.raises(kind.conflict) as caught:
        RESOLVE[kind](name)
    both = " ".join(sorted(["another", distribution]))
    assert caught.value.remedy == f"the name is secateur's own: pip uninstall {both}"


def test_one_distribution_that_names_two_things_alike():
    named = [Entry("mine", "a:B", "first-dist", "1"), Entry("mine", "a:C", "first-dist", "1")]
    assert stages._which_to_remove(named) == "report it to first-dist: it names two things alike"


@pytest.mark.parametrize("kind", TYPED, ids=by_noun)
def test_a_wrong_name_is_told_with_the_nearest_and_the_list(kind):
    name = KNOWN[kind]
    with pytest.raises(kind.not_found, match=f"there is no {kind.noun} '{name[:-1]}'") as caught:
        RESOLVE[kind](name[:-1])
    assert f"did you mean {name!r}?" in caught.value.remedy
    for entry in list_stages(kind):
        assert entry.name in caught.value.remedy
    with pytest.raises(kind.not_found) as caught:
        RESOLVE[kind]("zzzzzz")
    assert "did you mean" not in caught.value.remedy


@pytest.mark.parametrize("kind", TYPED, ids=by_noun)
@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("no_such_module:Mine", "No module named 'no_such_module'"),
        ("mine:Gone", "no attribute 'Gone'"),
        ("mine:", "is not module:attribute"),
        (":Mine", "is not module:attribute"),
        ("mine:three", "int"),
        ("mine:nested.gone", "gone"),
        ("leaves:Mine", "SystemExit: 3"),
        (".mine:Mine", "mine:Mine"),
        ("mine:Mine\0", "Mine"),
        ("mi ne:Mine", "mi ne:Mine"),
    ],
)
def test_what_is_typed_and_wrong_is_told(here, kind, typed, said):
    (here / "mine.py").write_text("three = 3\nclass nested: pass\n")
    (here / "leaves.py").write_text("import sys; sys.exit(3)\n")
    with pytest.raises(SecateurError, match=said) as caught:
        RESOLVE[kind](typed)
    assert caught.value.remedy


def test_what_is_typed_is_found_in_the_current_folder(here):
    (here / "mine.py").write_text("class A:\n    class B:\n        three = 3\n")
    assert load_stage(REFINERS, "mine:A.B.three") == 3
    assert find_stage(REFINERS, "mine:A").told(REFINERS) == "refiner 'mine:A'"


def test_a_plugin_that_was_just_installed_is_seen(install):
    with pytest.raises(SecateurError):
        find_stage(OBJECTIVES, "late")
    install(OBJECTIVES.group, "late", "")
    assert find_stage(OBJECTIVES, "late").version == "2.5"


def test_options_and_stages_import_nothing_heavy():
    code = (
        "import sys; from secateur.stages import *; from secateur.options import *\n"
        "[list_stages(kind) for kind in KINDS]\n"
        "print([m for m in ('torch', 'numpy', 'dimod', 'scipy', 'stevedore') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_resolving_our_own_needs_no_torch():
    code = (
        "import sys; from secateur.objectives import resolve_objective\n"
        "from secateur.refine import resolve_refiner\n"
        "[resolve_objective(n) for n in ('fisher', 'residual', 'hybrid', 'l1')]\n"
        "[resolve_refiner(n) for n in ('tt', 'exchange')]\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("target", "said", "remedy"),
    [
        ("nothing", "'nothing' is not module:attribute", "write it as module:attribute"),
        ("mine:", "'mine:' is not module:attribute", "write it as module:attribute"),
        ("no_such:thing", "No module named 'no_such'", "run from the folder"),
        ("typed_module:gone", "'gone' cannot be found", "behind the colon in typed_module"),
        ("typed_module:A.gone", "'A.gone' cannot be found", "behind the colon in typed_module"),
        ("typed_ends:A", "SystemExit: 0", "mend typed_ends"),
        ("typed_broken:A", "SyntaxError", "mend typed_broken"),
        ("typed_needs:A", "No module named 'absent'", "run from the folder"),
    ],
)
def test_what_is_typed_is_imported_by_every_door_with_the_same_errors(
    tmp_path, monkeypatch, target, said, remedy
):
    from secateur.loading import call_factory

    (tmp_path / "typed_module.py").write_text("class A: pass")
    (tmp_path / "typed_ends.py").write_text("raise SystemExit(0)")
    (tmp_path / "typed_broken.py").write_text("def (")
    (tmp_path / "typed_needs.py").write_text("import absent")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = set()
    doors = [lambda what=what: call_factory(target, what) for what in ("network", "task")]
    if ":" in target:  # a name alone is one of the registered ones there
        doors += [lambda kind=kind: load_stage(kind, target) for kind in KINDS]
    for door in doors:
        with pytest.raises(SecateurError) as caught:
            door()
        assert said in caught.value.message
        assert remedy in caught.value.remedy
        found.add((caught.value.message.split(repr(target), 1)[1], caught.value.remedy))
    assert len(found) == 1


def test_a_python_file_for_a_stage_is_answered_with_how_it_is_written():
    for kind in (stages.BACKENDS, stages.OBJECTIVES):
        with pytest.raises(SecateurError, match="there is no") as caught:
            stages.find_stage(kind, "./mine.py")
        assert caught.value.remedy.endswith("; or write module:attribute, mine:NAME")
