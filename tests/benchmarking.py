"""A benchmark is run in its tiny configuration, in this process: most of the time is imports."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from unittest import mock

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""As benchmarks start themselves again."""


@contextlib.contextmanager
def imported(name: str) -> Iterator[ModuleType]:
    """A module of the folder of benchmarks; none of them is left behind."""
    path, before = list(sys.path), set(sys.modules)
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path[:] = path
        for found in set(sys.modules) - before:
            file = getattr(sys.modules[found], "__file__", None)
            if file and Path(file).is_relative_to(BENCHMARKS):
                del sys.modules[found]


@contextlib.contextmanager
def _logging_as_it_was() -> Iterator[None]:
    """What a script silences is silent in its own process, and here only until it ends."""
    disabled = logging.root.manager.disable
    loggers = logging.root.manager.loggerDict
    levels = {name: one.level for name, one in loggers.items() if isinstance(one, logging.Logger)}
    try:
        yield
    finally:
        logging.disable(disabled)
        for name, one in loggers.items():
            if isinstance(one, logging.Logger):
                one.setLevel(levels.get(name, logging.NOTSET))


@contextlib.contextmanager
def _as_started(name: str, words: list[str]) -> Iterator[None]:
    """What a process of its own would have: its words, one thread, no public instances."""
    import torch

    threads = torch.get_num_threads()
    argv = [str(BENCHMARKS / name), *words]
    try:
        with mock.patch.object(sys, "argv", argv), mock.patch.dict(os.environ, ONE_THREAD):
            os.environ.pop("SECATEUR_INSTANCES", None)
            with _logging_as_it_was():
                yield
    finally:
        torch.set_num_threads(threads)


def run(tmp_path: Path, name: str, *more: str, output: str = "made") -> tuple[dict, str]:
    """The JSON and the Markdown that a benchmark wrote."""
    words = ["--quick", *more, "--output", str(tmp_path / "made.json")]
    with _as_started(name, words), imported(name.removesuffix(".py")) as benchmark:
        benchmark.main()
    content = json.loads((tmp_path / f"{output}.json").read_text())
    text = (tmp_path / f"{output}.md").read_text()
    assert content["command"] in text
    assert "--quick" in content["command"]
    assert content["versions"]["numpy"] in text
    return content, text


def sound(row: dict) -> bool:
    """The bound is not above the energy."""
    return row["bound"] is None or row["bound"] <= row["energy"]
