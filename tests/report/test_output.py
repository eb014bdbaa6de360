"""Outputs are tried before the work, and what cannot be written there is written elsewhere."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from secateur.errors import FileError
from secateur.report import output
from secateur.report.output import places, save_somewhere, try_output


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """A current folder, a home and a temporary folder of the test's own."""
    for name in ("here", "home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", ["new", "deep/er/new", "new.json.gz", "ü ⇒"])
def test_a_trial_leaves_nothing(tmp_path, name):
    before = everything(tmp_path)
    try_output(Path(name))
    try_output(tmp_path / name)
    try_output(None)
    assert everything(tmp_path) == before


IN_THE_WAY = {
    "a file": "file",
    "an empty folder": "folder",
    "a link to nowhere": "nowhere",
    "below a file": "file/new",
    "far below a file": "file/deep/new",
    "below a link to nowhere": "nowhere/new",
    "a name that is too long": "x" * 300,
    "a name whose draft is too long": "x" * 250,
    "a NUL": "a\0b",
    "below a NUL": "a\0b/new",
    "where nobody writes": "/proc/new",
}


@pytest.mark.parametrize("name", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_is_in_the_way_is_told(tmp_path, name):
    folder = tmp_path / "here"
    (folder / "file").write_text("x")
    (folder / "folder").mkdir()
    (folder / "nowhere").symlink_to(folder / "missing")
    before = everything(tmp_path)
    with pytest.raises(FileError) as error:
        try_output(folder / name)
    assert str(folder / name) in error.value.message
    assert error.value.remedy
    assert everything(tmp_path) == before


@pytest.mark.parametrize("call", ["fsync", "mkdir"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES])
def test_a_disk_that_takes_nothing_is_told(tmp_path, monkeypatch, call, code):
    def refuse(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(FileError, match=os.strerror(code)):
        try_output(Path("deep") / "new")
    monkeypatch.undo()
    assert everything(tmp_path / "here") == []


def test_ctrl_c_while_trying_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        try_output(tmp_path / "here" / "deep" / "new")
    assert everything(tmp_path / "here") == []


def test_the_places_in_their_order(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    folders = [there, *(tmp_path / name for name in ("here", "home", "tmp"))]
    assert list(places(there / "out", folder=True)) == [f / "out-rescued-1" for f in folders]
    (there / "out-rescued-1").mkdir()
    (there / "out-rescued-2").symlink_to("nowhere")
    assert next(places(there / "out", folder=True)) == there / "out-rescued-3"
    assert next(places(Path("v1.2"), folder=True)) == Path("v1.2-rescued-1")
    assert next(places(Path("v1.2.bqm"))) == Path("v1.2-rescued-1.bqm")
    assert next(places(Path("p.json.gz"))) == Path("p-rescued-1.json.gz")
    assert len(list(places(Path("x.bqm")))) == 3, "the current folder is tried once"


def test_without_a_home_and_without_a_current_folder(tmp_path, monkeypatch):
    def gone(*args):
        raise FileNotFoundError

    monkeypatch.setattr(output.Path, "cwd", gone)
    monkeypatch.setattr(output.Path, "home", gone)
    found = list(places(tmp_path / "out"))
    assert found == [tmp_path / "out-rescued-1", tmp_path / "tmp" / "out-rescued-1"]


def writer(refused: set[Path], error: Exception):
    def write(path: Path) -> int:
        if path in refused:
            raise error
        path.write_text("kept")
        return 7

    return write


def test_a_file_that_cannot_be_written_is_written_elsewhere(tmp_path):
    path = tmp_path / "a.bqm"
    saved = save_somewhere(writer(set(), OSError()), path)
    assert (saved.path, saved.value, saved.error) == (path, 7, None)
    path.unlink()
    full = OSError(errno.ENOSPC, "No space left on device")
    refused = {path, tmp_path / "a-rescued-1.bqm"}
    saved = save_somewhere(writer(refused, full), path)
    assert saved.path == tmp_path / "here" / "a-rescued-1.bqm"
    assert saved.path.read_text() == "kept"
    assert saved.value == 7
    assert saved.error.message == (
        f"{path} cannot be written: No space left on device; it was written to {saved.path} instead"
    )


@pytest.mark.parametrize("error", [OSError(errno.EIO, "x"), FileError("x"), MemoryError("x")])
def test_what_can_be_written_nowhere_is_an_error(tmp_path, error):
    def write(path: Path) -> None:
        raise error

    with pytest.raises(FileError, match="x"):
        save_somewhere(write, tmp_path / "a")


def test_what_another_place_cannot_help_against_is_told_as_it_is(tmp_path):
    def write(path: Path) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_somewhere(write, tmp_path / "a", only=FileError)
