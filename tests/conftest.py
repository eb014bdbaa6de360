"""Settings for all tests."""

from __future__ import annotations

import signal

import pytest
import torch

from secateur import progress

# small tensors: a second thread costs more than it brings, and rounding depends on the number
torch.set_num_threads(1)


# a shell ignores Ctrl-C for what it runs in the background, and so would the children of the tests
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_progress():
    progress.show("none")


@pytest.fixture
def eager_alone(monkeypatch):
    """The command line times in PyTorch alone, as where onnxruntime is not installed.

    For tests that are about something else: two networks are written as ONNX otherwise.
    """
    monkeypatch.setattr("secateur.surgery.speed.runtimes", lambda: ("eager",))
