"""A network, a task or data that raise anything, at any moment: one error that names the place."""

from __future__ import annotations

import dataclasses
import sys

import pytest
import torch
from torch import nn

import secateur
from secateur.cli import run
from tests.end_to_end import own


class Odd(Exception):
    """Nothing that anybody foresees."""


ERRORS = {
    "exit": SystemExit(0),
    "nothing": SystemExit(),
    "zero": ZeroDivisionError("division by zero"),
    "odd": Odd("odd thing"),
    "base": BaseException("base"),
    "attribute": AttributeError("no such thing"),
    "assert": AssertionError(),
}
WANTED: dict[str, object] = {}


def boom(place: str) -> None:
    if WANTED["place"] == place:
        WANTED["left"] -= 1
        if WANTED["left"] < 0:
            raise ERRORS[WANTED["error"]]


class Network(own.Classifier):
    def forward(self, x):
        boom("forward")
        return super().forward(x)


def build() -> nn.Module:
    boom("network")
    return Network()


def loss(outputs, labels):
    boom("loss")
    return nn.functional.cross_entropy(outputs, labels, reduction="none")


def metric(outputs, labels):
    boom("metric")
    return (outputs.argmax(1) == labels).float()


class Data(list):
    def __iter__(self):
        for batch in super().__iter__():
            boom("data")
            yield batch


def task() -> secateur.Task:
    boom("task")
    return dataclasses.replace(
        own.task(), calibration=Data(own.batches(0)), loss=loss, metric=metric
    )


COMMAND = ["prune", "--network", f"{__name__}:build", "--task", f"{__name__}:task", "--amount", "3",
           "--probes", "1", "--objective", "taylor"]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "left", "error"),
    [
        *(("forward", 0, error) for error in ERRORS),
        *((place, 0, error) for place in ("network", "task", "data", "loss", "metric")
          for error in ("exit", "odd", "base")),
        *((place, left, error) for place, left in (("data", 8), ("forward", 6), ("metric", 3))
          for error in ("exit", "zero")),
    ],
)  # fmt: skip
def test_it_is_one_error_that_names_the_place(capsys, place, left, error):
    WANTED.update(place=place, left=left, error=error)
    assert run(COMMAND) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert "Mend:" in err
    last = err[err.index("Error: ") :]
    assert str(ERRORS[error]) in last
    said = {"metric": "accuracy"}.get(place, place)
    assert said in last or f"boom ({__file__}, line " in last
    if error in ("exit", "nothing"):
        assert "SystemExit" in last or "sys.exit(" in last


@pytest.mark.parametrize("what", ["network", "task"])
@pytest.mark.parametrize("error", ["SystemExit(0)", "ZeroDivisionError()", "BaseException('x')"])
def test_a_module_that_raises_when_it_is_imported(tmp_path, monkeypatch, capsys, what, error):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "raising.py").write_text(f"raise {error}\n")
    WANTED.update(place="nowhere")
    command = [*COMMAND]
    command[command.index(f"--{what}") + 1] = "raising:factory"
    assert run(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"the {what} 'raising:factory' cannot be imported: {error.split('(')[0]}" in err
    assert "raising" not in sys.modules


def test_ctrl_c_in_them_is_ctrl_c(capsys, monkeypatch):
    monkeypatch.setitem(ERRORS, "ctrl-c", KeyboardInterrupt())
    for place in ("network", "task", "data", "forward", "loss", "metric"):
        WANTED.update(place=place, left=0, error="ctrl-c")
        assert run(COMMAND) == 130
        assert "interrupted" in capsys.readouterr().err


def test_memory_that_ran_out(capsys, monkeypatch):
    monkeypatch.setitem(ERRORS, "memory", MemoryError())
    WANTED.update(place="forward", left=0, error="memory")
    assert run(COMMAND) == 1
    assert "memory ran out" in capsys.readouterr().err


def test_our_own_faults_keep_their_traceback(monkeypatch):
    """Raised in our own files: the traceback is what a report of it needs."""
    WANTED.update(place="nowhere")
    source = compile("def fault(*a, **k):\n    raise AssertionError('ours')", own_file(), "exec")
    names: dict[str, object] = {}
    exec(source, names)
    monkeypatch.setattr("secateur.pipeline.prune", names["fault"])
    with pytest.raises(AssertionError, match="ours"):
        run(COMMAND)


def own_file() -> str:
    import secateur.pipeline

    return secateur.pipeline.__file__


def test_the_wrong_data_are_still_told_as_such(capsys):
    WANTED.update(place="nowhere")
    assert torch.is_grad_enabled()
    command = [*COMMAND]
    command[command.index("--task") + 1] = "tests.end_to_end.own:wrong_shape"
    assert run(command) == 1
    assert "DataError" in capsys.readouterr().err
