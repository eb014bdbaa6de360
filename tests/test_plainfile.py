"""Names that are no plain file, wherever a file is named: told at once, in words."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest
from torch import nn

from secateur.certify.reading import read_json
from secateur.cli import run
from secateur.errors import FileError
from secateur.files import read_file
from secateur.plainfile import MOST_BYTES, check_new, check_plain, read_plain
from secateur.problem import read_constraints
from secateur.surgery import load_slim, load_weights
from secateur.tasks.images import read_image
from secateur.tasks.matlab import read_bytes_array

READERS = {
    "x": read_plain,
    "x.bqm": read_file,
    "x.lp": read_file,
    "x.toml": lambda path: read_constraints(path, ["a"]),
    "x.json": read_json,
    "x.json.gz": read_json,
    "x.safetensors": lambda path: load_weights(nn.Linear(2, 2), path),
    "x.pt": lambda path: load_weights(nn.Linear(2, 2), path),
    "x.png": read_image,
    "x.mat": lambda path: read_bytes_array(path, "x"),
    "selection.json": lambda path: load_slim(nn.Linear(2, 2), path.parent),
}


def folder(path):
    path.mkdir()


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def sockets(path):
    os.chdir(path.parent)  # a socket's name is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


def loop(path):
    path.symlink_to(path)


def huge(path):
    path.touch()
    os.truncate(path, 2**42)


def below_a_file(path):
    path.parent.joinpath("file").touch()
    return path.parent / "file" / path.name


def nul(path):
    return path.with_name("a\0" + path.name)


def long(path):
    return path.with_name("x" * 300 + path.name)


def missing(path):
    return path


KINDS = [folder, pipe, device, sockets, loop, huge, below_a_file, nul, long, missing]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("make", KINDS)
def test_no_reader_takes_it(tmp_path, monkeypatch, make, name):
    monkeypatch.chdir(tmp_path)
    path = make(tmp_path / name) or tmp_path / name
    if name == "selection.json" and path.name != name:
        path = path / name
    with pytest.raises(FileError) as caught:
        READERS[name](path)
    assert caught.value.remedy


def test_each_says_what_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = {}
    for make in KINDS:
        path = tmp_path / make.__name__
        with pytest.raises(FileError) as caught:
            check_plain(make(path) or path)
        said[make] = caught.value.message
    for make, words in (
        (folder, "is a folder"), (pipe, "is a pipe"), (device, "is a device"),
        (sockets, "is a socket"), (huge, "GiB"), (missing, "does not exist"),
        (nul, "null"), (long, "too long"),
    ):  # fmt: skip
        assert words in said[make]
        assert len(said[make]) < 400
    assert MOST_BYTES < 2**42


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "x").touch(mode=0o000)
    if os.geteuid() == 0:  # root may read everything

        def refuse(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(FileError, match="Permission denied"):
        read_plain(tmp_path / "x")


@pytest.mark.parametrize("make", [folder, pipe, device, loop, nul, long])
def test_a_new_file_is_not_written_there(tmp_path, make):
    path = make(tmp_path / "x") or tmp_path / "x"
    with pytest.raises(FileError) as caught:
        check_new(path)
    assert caught.value.remedy
    check_new(tmp_path / "free")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["/dev/zero", "a\0b.bqm", "x" * 300 + ".bqm", ".", "/", ""])
@pytest.mark.parametrize("flag", [None, "--constraints", "--certificate"])
def test_the_command_line(capsys, tmp_path, monkeypatch, name, flag):
    monkeypatch.chdir(tmp_path)
    Path("p.coo").write_text("0 0 1.0\n0 1 2.0\n")
    arguments = ["solve", name] if flag is None else ["solve", "p.coo", flag, name]
    assert run(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "FileError" in err
    assert "Mend:" in err
