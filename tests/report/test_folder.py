"""A result that was made is not lost when it is saved, whatever happens then."""

from __future__ import annotations

import builtins
import errno
import json
import logging
import os
import stat
import tempfile
from pathlib import Path

import pytest
import torch

import secateur
from secateur.errors import FileError
from secateur.report import folder as module
from secateur.report import save_or_rescue, save_result
from secateur.surgery import save as writing
from tests.end_to_end import own

WHOLE = ["figure.png", "network.safetensors", "result.json", "selection.json"]


@pytest.fixture(scope="module")
def result():
    return secateur.prune(own.build(), own.task(), amount=3, objective="l1", probes=0)


@pytest.fixture(autouse=True)
def there(tmp_path, monkeypatch):
    """Where results are saved; the current folder, the home and the temporary one are others."""
    for name in ("there", "here", "home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "there"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def full_below(monkeypatch, *folders: Path, of: str = "mkdtemp") -> None:
    """No space for drafts in these folders."""
    real = tempfile.mkdtemp

    def made(*args, dir, **kwargs):
        return full() if Path(dir).resolve() in folders else real(*args, dir=dir, **kwargs)

    monkeypatch.setattr(tempfile, "mkdtemp", made)


def test_a_result_saves_itself_with_or_without_the_dense_network(result, there):
    assert result.save(there / "out") == there / "out"
    assert files(there / "out") == WHOLE
    assert result.save(str(there / "other"), own.build()) == there / "other"
    assert files(there / "other") == WHOLE
    again = secateur.load_slim(own.build(), there / "out")
    x = torch.randn(2, 1, 8, 8)
    assert torch.equal(again(x), result.network(x))
    assert files(there) == ["other", "out"]


def test_the_places_in_their_order(result, there, tmp_path, monkeypatch):
    """Each time one more place has no space."""
    places = [there, *(tmp_path / name for name in ("here", "home", "tmp"))]
    for number in range(1, len(places) + 1):
        with monkeypatch.context() as patch:
            full_below(patch, *places[:number])
            with pytest.raises(FileError, match="No space left on device") as error:
                save_or_rescue(result, there / "out")
        assert files(there) == []
        if number < len(places):
            found = places[number] / "out-rescued-1"
            assert str(found) in error.value.message
            assert str(there / "out") in error.value.message
            assert files(found) == WHOLE
            secateur.load_slim(own.build(), found)
        else:
            assert "rescued" not in error.value.message


@pytest.mark.parametrize("taken", ["file", "folder", "link", "parent"])
def test_a_folder_that_was_taken_meanwhile(result, there, taken):
    out = there / "out"
    if taken == "file":
        out.write_text("mine")
    elif taken == "folder":
        out.mkdir()
    elif taken == "link":
        out.symlink_to(there / "missing")
    else:
        out.write_text("mine")
        out = out / "below"
    with pytest.raises(FileError) as error:
        result.save(out)
    found = Path("out-rescued-1" if taken != "parent" else "below-rescued-1")
    found = there / found if taken != "parent" else Path.cwd() / found
    assert f"written to {found} instead" in error.value.message
    assert files(found) == WHOLE
    assert not (there / "out").is_file() or (there / "out").read_text() == "mine"


def test_a_folder_that_appears_while_the_result_is_written(result, there, monkeypatch):
    real = writing.save_weights

    def meanwhile(network, folder):
        (there / "out").mkdir(exist_ok=True)
        return real(network, folder)

    monkeypatch.setattr(module, "save_weights", meanwhile)
    with pytest.raises(FileError, match=r"out exists already; it was written to .*out-rescued-1"):
        result.save(there / "out")
    assert files(there / "out") == []
    assert files(there / "out-rescued-1") == WHOLE
    assert files(there) == ["out", "out-rescued-1"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        MemoryError("out of memory"),
        RuntimeError("tensors are shared"),
        SystemExit(0),
        writing.SafetensorError("serialization"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize(
    ("writer", "missing"),
    [("save_file", "network.safetensors"), ("describe_call", "selection.json")],
)
def test_what_can_be_written_is_written(result, there, monkeypatch, writer, missing, error):
    def broken(*args, **kwargs):
        raise error

    monkeypatch.setattr(writing, writer, broken)
    with pytest.raises(FileError) as raised:
        result.save(there / "out")
    text = str(error.strerror if isinstance(error, OSError) else error)
    assert f"{there / 'out'} is without {missing} (" in raised.value.message
    assert text in raised.value.message
    assert files(there / "out") == [name for name in WHOLE if name != missing]
    assert files(there) == ["out"]
    assert files(Path.cwd()) == []
    if writer == "save_file":
        about = json.loads((there / "out" / "selection.json").read_text())
        assert about["pruned"] == list(result.selection.ones)
        assert about["sha256"] is None


def test_without_result_json_the_weights_are_there(result, there, monkeypatch):
    monkeypatch.setitem(result.settings, "strange", {1, 2})
    with pytest.raises(FileError, match=r"is without result\.json \(TypeError: .*set"):
        result.save(there / "out")
    secateur.load_slim(own.build(), there / "out")


def test_nothing_at_all(result, there, monkeypatch):
    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(FileError, match=r"out cannot be written: No space left on device\n"):
        result.save(there / "out")
    assert files(there) == []


def test_save_result_itself_is_whole_or_not_at_all(result, there, monkeypatch):
    monkeypatch.setattr(writing, "save_file", full)
    with pytest.raises(FileError, match="No space left on device"):
        save_result(result, there / "out", own.build())
    assert files(there) == []
    assert files(Path.cwd()) == []


@pytest.mark.parametrize("step", ["save_file", "describe_call", "figure"])
def test_ctrl_c_leaves_nothing_anywhere(result, there, monkeypatch, step):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(*((module.figure, "draw") if step == "figure" else (writing, step)),
                        interrupted)  # fmt: skip
    with pytest.raises(KeyboardInterrupt):
        result.save(there / "out")
    assert files(there) == []
    assert files(Path.cwd()) == []


def no_matplotlib(monkeypatch):
    real = builtins.__import__

    def refused(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name="matplotlib")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refused)


def fails_with(error):
    def prepare(monkeypatch):
        def savefig(self, path, **kwargs):
            Path(path).write_bytes(b"half")
            raise error

        monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)

    return prepare


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (no_matplotlib, 'matplotlib is missing (pip install "secateur[figures]")'),
        (fails_with(RuntimeError("no font found")), "RuntimeError: no font found"),
        (fails_with(MemoryError()), "MemoryError"),
        (fails_with(OSError(errno.ENOSPC, "No space left")), "No space left"),
        (fails_with(SystemExit(0)), "SystemExit: 0"),
    ],
    ids=["not installed", "fonts", "memory", "space", "exits"],
)
def test_a_figure_that_cannot_be_drawn_costs_the_figure(
    result, there, monkeypatch, caplog, prepare, said
):
    prepare(monkeypatch)
    with caplog.at_level(logging.WARNING, "secateur"):
        assert result.save(there / "out") == there / "out"
    assert f"figure.png is not drawn: {said}" in caplog.text
    assert files(there / "out") == WHOLE[1:]


def test_tables_of_a_result(result):
    lines = result.to_markdown().splitlines()
    assert lines[0].startswith("| method | channels | parameters | MACs | eager (1 thread) |")
    assert lines[3].startswith("| l1 | 5 (-3) |")
    head, dense, pruned = result.to_csv().splitlines()
    assert head.split(",")[:4] == ["method", "amount", "pruned", "channels"]
    assert "accuracy_compensated" in head
    assert "times.eager.ms" in head
    assert (dense.split(",")[0], pruned.split(",")[2]) == ("dense", "3")


@pytest.mark.parametrize(("mask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700)])
def test_all_of_a_folder_may_be_read_by_the_same_people(result, there, mask, file, folder):
    before = os.umask(mask)
    try:
        result.save(there / "new", result.dense)
    finally:
        os.umask(before)
    assert stat.S_IMODE((there / "new").stat().st_mode) == folder
    modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (there / "new").iterdir()}
    assert set(modes.values()) == {file}, modes
