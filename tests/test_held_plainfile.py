"""Plain files: the numbers and the words that are told."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from secateur import plainfile
from secateur.errors import FileError
from secateur.plainfile import (
    MOST_BYTES,
    MOST_TEXT,
    cannot_read,
    check_new,
    check_plain,
    read_plain,
    usual_rights,
)


def test_the_largest_that_is_read():
    assert MOST_BYTES == 4 * 2**30
    assert MOST_TEXT == 2**30 // 4


def test_a_file_of_just_the_size_is_read_and_one_byte_more_is_not(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"1234")
    assert read_plain(path, most=4) == b"1234"
    with pytest.raises(FileError):
        read_plain(path, most=3)
    os.truncate(path, 3 * 2**30)
    check_plain(path)
    with pytest.raises(FileError) as caught:
        check_plain(path, most=2**29)
    assert caught.value.message == f"{path} has 3 GiB, and at most 0.5 are read"


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        (stat.S_IFDIR, "a folder"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFBLK, "a device"),
        (stat.S_IFIFO, "a pipe"),
        (stat.S_IFSOCK, "a socket"),
    ],
)
def test_what_a_name_stands_for(monkeypatch, mode, what):
    found = SimpleNamespace(st_mode=mode | 0o644, st_size=0)
    monkeypatch.setattr(Path, "stat", lambda self: found)
    with pytest.raises(FileError) as caught:
        check_plain(Path("x"))
    assert (caught.value.message, caught.value.remedy) == (
        f"x is {what}, no file",
        "give a plain file",
    )


def test_one_that_may_not_be_read_is_told_before_it_is_read(tmp_path, monkeypatch):
    asked = []

    def access(path, mode):
        asked.append((path, mode))
        return False

    monkeypatch.setattr(plainfile.os, "access", access)
    path = tmp_path / "x"
    path.touch()
    with pytest.raises(FileError) as caught:
        check_plain(path)
    assert caught.value.message == f"{path} cannot be read: Permission denied"
    assert asked == [(path, os.R_OK)]
    with pytest.raises(FileError, match="is a folder"):
        check_plain(tmp_path)
    assert len(asked) == 1, "what is no file is told as that"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(errno.ENOENT, "x"), "name does not exist"),
        (NotADirectoryError(errno.ENOTDIR, "x"), "name does not exist"),
        (OSError(errno.EIO, "Input/output error"), "name cannot be read: Input/output error"),
        (OSError("only words"), "name cannot be read: OSError"),
        (ValueError("embedded null"), "name cannot be read: embedded null"),
        (MemoryError(), "name cannot be read: MemoryError"),
    ],
)
def test_why_in_words(error, said):
    told = cannot_read(Path("name"), error)
    assert told.message == said
    assert told.remedy.startswith("check the path")


def test_a_file_that_fails_while_it_is_read(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"1")

    def full(self):
        raise MemoryError

    monkeypatch.setattr(Path, "read_bytes", full)
    with pytest.raises(FileError, match="cannot be read: MemoryError"):
        read_plain(tmp_path / "x")


@pytest.mark.parametrize("length", [200, 201, 1000])
def test_a_long_path_is_told_by_its_beginning_and_end(length):
    text = "".join(chr(ord("a") + i % 26) for i in range(length))
    message = cannot_read(Path(text), FileNotFoundError()).message
    shown = message.removesuffix(" does not exist")
    assert shown == (text if length <= 200 else f"{text[:120]} … {text[-40:]}")


def test_a_new_name(tmp_path, monkeypatch):
    check_new(tmp_path / "free")
    (tmp_path / "file").touch()
    check_new(tmp_path / "file" / "below")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "link"):
        with pytest.raises(FileError, match="exists already") as caught:
            check_new(tmp_path / name, remedy="mine")
        assert caught.value.remedy == "mine"
    with pytest.raises(FileError) as caught:
        check_new(tmp_path / "file")
    assert caught.value.remedy == "choose another name, or remove it yourself"
    with pytest.raises(FileError, match=r"cannot be written: .*null") as caught:
        check_new(tmp_path / "a\0b")
    assert caught.value.remedy == "choose another name"


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)])
def test_a_draft_gets_the_rights_of_what_is_written_here(tmp_path, mask, file, folder):
    draft = tmp_path / "draft"
    draft.mkdir(mode=0o700)
    (draft / "x").touch(mode=0o600)
    before = os.umask(mask)
    try:
        usual_rights(draft / "x")
        usual_rights(str(draft))
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert stat.S_IMODE((draft / "x").stat().st_mode) == file
    assert stat.S_IMODE(draft.stat().st_mode) == folder


def test_a_file_for_a_folder_is_told(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"x")
    with pytest.raises(FileError, match=r"selection\.json does not exist") as caught:
        read_plain(tmp_path / "w.pt" / "selection.json")
    file = tmp_path / "w.pt"
    assert caught.value.remedy == f"check the path: {file} is a file, and a folder is wanted"
    with pytest.raises(FileError) as caught:
        read_plain(tmp_path / "absent" / "selection.json")
    assert caught.value.remedy == "check the path"
