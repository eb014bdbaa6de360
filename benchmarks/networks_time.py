"""Processor time of several networks, taking turns, in PyTorch and in onnxruntime."""

from __future__ import annotations

import io
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

RUNTIMES = ("eager", "onnxruntime")
PAGES = {
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "2147483648",
    "MALLOC_TOP_PAD_": "67108864",
}
"""Keeps what is freed: else every call may fault its pages in again, differently each process."""


def usable(runtimes: tuple[str, ...] = RUNTIMES) -> list[str]:
    """The runtimes that are installed."""
    try:
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ModuleNotFoundError:
        return [name for name in runtimes if name == "eager"]
    return list(runtimes)


def version_of(runtime: str) -> str:
    """Of what runs the network."""
    from importlib.metadata import version

    return version("torch" if runtime == "eager" else runtime)


def eager(network: nn.Module, inputs: Tensor) -> Callable[[], Any]:
    network.eval()

    def call() -> Any:
        with torch.inference_mode():
            return network(inputs)

    return call


def onnxruntime(network: nn.Module, inputs: Tensor) -> Callable[[], Any]:
    """The exported network in a session of one thread, held against the network itself."""
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(
        exported(network, inputs), options, providers=["CPUExecutionProvider"]
    )
    given = {session.get_inputs()[0].name: inputs.numpy()}
    with torch.inference_mode():
        wanted = network(inputs)
    error = (torch.from_numpy(session.run(None, given)[0]) - wanted).abs().max()
    if error > 1e-4 * max(1.0, float(wanted.abs().max())):
        raise RuntimeError(f"onnxruntime differs from the network by {error:.2g}")
    return lambda: session.run(None, given)


def exported(network: nn.Module, inputs: Tensor) -> bytes:
    """The network as ONNX; the exporter's own warnings are not ours to mend."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(network.eval(), (inputs,), dynamo=True, verbose=False)
    file = io.BytesIO()
    program.save(file)
    return file.getvalue()


def prepared(runtime: str, network: nn.Module, inputs: Tensor) -> Callable[[], Any]:
    return eager(network, inputs) if runtime == "eager" else onnxruntime(network, inputs)


def taking_turns(
    calls: Mapping[str, Callable[[], Any]], *, seconds: float, rounds: int = 8, seed: int = 0
) -> dict[str, float]:
    """The least processor time of a call of each in ms; the order changes every round.

    Arguments:
        calls: what is timed.
        seconds: of the wall, after which no round is begun.
        rounds: at least so many.
        seed: of the order.
    """
    repeats, best = {}, dict.fromkeys(calls, float("inf"))
    for name, call in calls.items():
        call()
        once = min(_cpu(call, 1) for _ in range(3))
        repeats[name] = max(1, round(0.004 / max(once, 1e-7)))
    order, generator = list(calls), random.Random(seed)
    end, done = time.monotonic() + seconds, 0
    while done < rounds or time.monotonic() < end:
        generator.shuffle(order)
        for name in order:
            calls[name]()  # the others have emptied the caches
            best[name] = min(best[name], _cpu(calls[name], repeats[name]))
        done += 1
    return {name: 1000.0 * taken for name, taken in best.items()}


def _cpu(call: Callable[[], Any], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - started) / times


def in_fresh_process(
    networks: Mapping[str, nn.Module], inputs: Tensor, runtime: str, *, seconds: float
) -> dict[str, float]:
    """As ``taking_turns``, in a process that did nothing else before."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "networks.pt"
        torch.save((dict(networks), inputs), file)
        command = [sys.executable, __file__, str(file), runtime, str(seconds)]
        environment = os.environ | PAGES | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _fresh(file: str, runtime: str, seconds: str) -> None:
    torch.set_num_threads(1)
    networks, inputs = torch.load(file, weights_only=False)  # our own file of a moment ago
    calls = {name: prepared(runtime, network, inputs) for name, network in networks.items()}
    print(json.dumps(taking_turns(calls, seconds=float(seconds))))


if __name__ == "__main__":
    _fresh(*sys.argv[1:])
