"""What the tests of stages share."""

from __future__ import annotations

import sys

import pytest

from secateur.backends import registry
from tests.stages.plugins import Installer


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution with one entry point; its code is a module of its own."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    registry._load.cache_clear()
    installer = Installer(folder)
    yield installer
    installer.forget()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder, whose modules are forgotten afterwards."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(folder) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]
