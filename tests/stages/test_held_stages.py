"""One registry: who is to be told, which name is the nearest, and when metadata are read again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from secateur import stages
from secateur.errors import BackendFailed, BackendNotFound, MissingExtra, OptionError, StageFailed
from secateur.stages import (
    BACKENDS,
    OBJECTIVES,
    OPERATORS,
    REFINERS,
    Entry,
    find_stage,
    list_stages,
    load_stage,
    misfit,
    origin,
    points,
    read_once,
)


class Thing:
    pass


def test_who_is_to_be_told_of_a_fault(install):
    install(OBJECTIVES.group, "one", "", distribution="b-dist")
    assert origin(OBJECTIVES, "one", Thing()) == "b-dist"
    install(OBJECTIVES.group, "one", "", distribution="a-dist")
    assert origin(OBJECTIVES, "one", Thing()) == "a-dist or b-dist"
    assert origin(OBJECTIVES, "other", Thing) == __name__
    assert origin(OBJECTIVES, "other", Thing()) == __name__
    nameless = Thing()
    nameless.__module__ = None
    assert origin(OBJECTIVES, "other", nameless) == __name__
    assert origin(REFINERS, "other", 3) == "builtins"


def test_one_name_is_the_nearest(install):
    for name in ("alpha", "alphas", "alphab"):
        install(OBJECTIVES.group, name, "")
    with pytest.raises(OptionError) as caught:
        find_stage(OBJECTIVES, "alphaa")
    assert caught.value.remedy.startswith("did you mean 'alpha")
    assert caught.value.remedy.count("did you mean") == 1
    known = sorted(entry.name for entry in list_stages(OBJECTIVES))
    assert caught.value.remedy.endswith(
        f"? installed are: {', '.join(known)}; or write module:attribute"
    )
    with pytest.raises(BackendNotFound) as caught:
        find_stage(BACKENDS, "zzz")
    assert caught.value.remedy.startswith("installed are: ")
    assert caught.value.backend == "zzz"


def test_a_kind_without_plugins_says_so(monkeypatch):
    monkeypatch.setattr(stages, "points", lambda kind: [])
    with pytest.raises(OptionError) as caught:
        find_stage(OBJECTIVES, "x")
    assert caught.value.remedy == "installed are: none; or write module:attribute"


def test_entries_are_sorted_and_told(install):
    install(REFINERS.group, "b", "", distribution="z-dist")
    install(REFINERS.group, "b", "", distribution="a-dist")
    install(REFINERS.group, "a", "")
    found = [(e.name, e.distribution) for e in list_stages(REFINERS) if e.name in ("a", "b")]
    assert found == [("a", "plugin-a"), ("b", "a-dist"), ("b", "z-dist")]
    assert Entry("x", "m:X", "d", "1").told(REFINERS) == "refiner 'x' of d 1"
    assert Entry("m:X", "m:X").told(OPERATORS) == "operator rule 'm:X'"


def test_what_is_of_the_wrong_kind_is_called_what_it_is(install):
    module = install(BACKENDS.group, "mine", "Mine = 3")
    for loaded, what in ((Thing, "class Thing"), (Thing(), "Thing"), (3, "int")):
        error = misfit(BACKENDS, "mine", loaded)
        assert isinstance(error, BackendFailed)
        assert error.backend == "mine"
        assert error.message.endswith(f"names {module}:Mine, which is a {what}")
        assert error.remedy == f"it has to name {BACKENDS.wanted}"


@pytest.mark.parametrize(
    ("code", "error", "remedy"),
    [
        ("import nowhere_at_all", StageFailed, "install what it needs; the others are not"),
        ("raise RuntimeError('x')", StageFailed, "report it to plugin-mine; the others are not"),
        (
            "from secateur.errors import DataError\nraise DataError('own', remedy='do so')",
            StageFailed,
            "do so",
        ),
        (
            "from secateur.errors import DataError\nraise DataError('own')",
            StageFailed,
            "report it to plugin-mine",
        ),
        (
            "from secateur.errors import MissingExtra\nraise MissingExtra('m', remedy='pip it')",
            StageFailed,
            "pip it",
        ),
    ],
)
def test_what_to_do_about_a_plugin_that_cannot_be_imported(install, code, error, remedy):
    install(OBJECTIVES.group, "mine", code)
    with pytest.raises(error) as caught:
        load_stage(OBJECTIVES, "mine")
    assert caught.value.remedy.startswith(remedy)
    assert caught.value.__cause__ is not None
    if "MissingExtra" in code:
        assert isinstance(caught.value.__cause__, MissingExtra)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("raise RuntimeError('x')", "mend mine"),
        ("import nowhere_at_all", "run from the folder that holds the module, or install it"),
    ],
)
def test_what_to_do_about_a_module_of_one_s_own(here, code, remedy):
    (here / "mine.py").write_text(code)
    with pytest.raises(StageFailed) as caught:
        load_stage(OBJECTIVES, "mine:Thing")
    assert caught.value.remedy == remedy


def test_the_current_folder_is_put_first_once(here):
    (here / "mine.py").write_text("three = 3\n")
    sys.path[:] = [one for one in sys.path if one not in ("", str(here))]
    for _ in range(2):
        assert load_stage(OBJECTIVES, "mine:three") == 3
        assert sys.path[0] == str(Path.cwd())
        assert sys.path.count(str(Path.cwd())) == 1
    sys.path[0] = ""
    assert load_stage(OBJECTIVES, "mine:three") == 3
    assert sys.path[0] == ""
    assert str(Path.cwd()) not in sys.path


def test_metadata_are_read_once_until_something_is_installed(install, monkeypatch):
    reads = []
    real = stages.entry_points

    def entry_points():
        reads.append(1)
        return real()

    monkeypatch.setattr(stages, "entry_points", entry_points)
    for _ in range(3):
        points(OBJECTIVES)
    assert len(reads) == 1
    install(OBJECTIVES.group, "late", "")
    assert "late" in {one.name for one in points(OBJECTIVES)}
    assert len(reads) == 2
    with read_once():
        before = points(OBJECTIVES)
        install(OBJECTIVES.group, "later", "", distribution="later-dist")
        assert points(OBJECTIVES) is before, "inside, nothing is read again"
    assert "later" in {one.name for one in points(OBJECTIVES)}


def test_a_folder_that_is_yet_to_come_is_on_the_path(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path / "yet"))
    assert (str(tmp_path / "yet"), 0) in stages._folders()[1]
    assert list_stages(OBJECTIVES)
    monkeypatch.setattr(sys, "path", ["a\0b", *sys.path])
    assert stages._folders()[1][0] == ("a\0b", 0)
