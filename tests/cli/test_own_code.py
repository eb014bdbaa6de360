"""A network or task of the user's own that cannot be had: named as what it is, whatever it does."""

from __future__ import annotations

import os

import pytest

from secateur.cli.networks import load_network, load_task
from secateur.errors import DataError, NetworkError, TaskError
from secateur.loading import call_factory

MODULE = """
import sys
from secateur.errors import DataError

def ends(): sys.exit(0)
def raises(): return 1 / 0
def ours(): raise DataError("too few", remedy="give more")
def nothing(): return None
number = 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_code.py").write_text(MODULE)
    (tmp_path / "own_ends.py").write_text("raise SystemExit(0)")
    (tmp_path / "own_broken.py").write_text("def (")
    (tmp_path / "own_deep.py").write_text("(" * 3000)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("own_code:nowhere", "cannot be found"),
        ("own_code:number.a.b", "cannot be found"),
        ("own_code:number", "is a int"),
        ("own_code:ends", "raised SystemExit"),
        ("own_code:raises", "raised ZeroDivisionError"),
        ("own_code:nothing", "built a NoneType"),
        ("own_ends:a", "cannot be imported: SystemExit"),
        ("own_broken:a", "cannot be imported: SyntaxError"),
        ("own_deep:a", "cannot be imported"),
        ("own_nowhere:a", "cannot be imported: No module named"),
        ("..own_code:a", "cannot be imported"),
        ("own\0code:a", "cannot be imported"),
        (":", "is not module:attribute"),
        ("own_code:", "is not module:attribute"),
    ],
)
def test_each_kind_names_the_task_and_the_network(own, name, why):
    with pytest.raises(TaskError, match=why) as caught:
        load_task(name, None, None, 0)
    assert caught.value.remedy
    with pytest.raises(NetworkError, match=why) as caught:
        load_network(name, None)
    assert caught.value.remedy


def test_an_error_of_ours_stays_what_it_is(own):
    with pytest.raises(DataError, match="too few"):
        call_factory("own_code:ours", "task")


def test_a_task_that_nobody_knows_is_a_task_error():
    with pytest.raises(TaskError, match="there is no task 'denoisng'"):
        load_task("denoisng", None, None, 0)


def test_a_folder_that_has_been_removed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(TaskError, match="cannot be imported"):
        load_task("own_elsewhere:a", None, None, 0)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("own_code.py", "own_code:NAME"),
        ("./own_code.py", "own_code:NAME"),
        ("own_code.py:raises", "own_code:raises"),
        ("./own_code.py:raises", "own_code:raises"),
        ("nets/own_code.py:raises", "nets.own_code:raises"),
        ("own_code.raises", "own_code:raises"),
        ("own_code:", "own_code:NAME"),
        ("a-b.py:x", ""),
    ],
)
def test_a_path_or_a_dot_is_answered_with_how_it_is_written(own, typed, written):
    with pytest.raises(NetworkError, match="is not module:attribute") as caught:
        load_network(typed, None)
    assert caught.value.remedy == "write it as module:attribute" + (f", {written}" * bool(written))


def test_a_module_with_a_letter_less_is_one_of_the_files_beside_it(own):
    with pytest.raises(NetworkError, match="No module named 'own_cod'") as caught:
        load_network("own_cod:raises", None)
    assert caught.value.remedy.startswith("did you mean 'own_code'? run from the folder")


def test_a_package_that_a_file_wants_is_not_one_of_the_files(own, tmp_path):
    (tmp_path / "own_wants.py").write_text("import own_cod")
    with pytest.raises(NetworkError, match="No module named 'own_cod'") as caught:
        load_network("own_wants:a", None)
    assert "did you mean" not in caught.value.remedy
