"""Networks timed beside each other, in PyTorch and in onnxruntime, here or in a fresh process."""

from __future__ import annotations

import copy
import importlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.errors import NetworkError, OptionError, SecateurError
from secateur.extras import needed_by
from secateur.nearest import did_you_mean
from secateur.network import Channels
from secateur.network.call import Call
from secateur.network.cut import cut
from secateur.surgery.export import export_network
from secateur.surgery.runtimes import open_onnx
from secateur.surgery.timing import Run, Times, eager, in_session, measure_times, one_thread

EAGER, ONNX = "eager", "onnxruntime"

KEEP_HEAP = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "MALLOC_TOP_PAD_": str(1 << 26),
}
"""glibc keeps freed memory. Otherwise large activations (96 pixels and more) are handed back and
faulted in again in each run, differently in each process: a ratio in PyTorch may be a fifth off."""


@dataclass(frozen=True, eq=False)
class Speed:
    """What was timed, and what could not be.

    Arguments:
        times: by runtime.
        missing: by runtime, why it was not timed there.
    """

    times: Mapping[str, Times]
    missing: Mapping[str, str]


def runtimes() -> tuple[str, ...]:
    """Where networks can be timed here: "eager", and "onnxruntime" if ``secateur[export]`` is."""
    found = all(find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))
    return (EAGER, ONNX) if found else (EAGER,)


def check_runtime(name: str) -> None:
    """Refuse a runtime that there is not, or that is not installed.

    Raises:
        OptionError: there is no such runtime.
        MissingExtra: onnxruntime needs ``secateur[export]``.
    """
    if name not in (EAGER, ONNX):
        raise OptionError(
            f"there is no runtime {name!r}",
            remedy=f"{did_you_mean(name, (EAGER, ONNX))}use one of {', '.join((EAGER, ONNX))}",
        )
    if name not in runtimes():
        with needed_by(f"timing in {name}"):
            for module in ("onnx", "onnxscript", "onnxruntime"):
                importlib.import_module(module)


def measure_speed(
    networks: Mapping[str, nn.Module],
    call: Call,
    *,
    where: Sequence[str] | None = None,
    seconds: float = 5.0,
    seed: int = 0,
) -> Speed:
    """Time networks beside each other on one thread of the CPU, in every runtime that is there.

    Arguments:
        networks: by name; not changed, run in evaluation mode, on copies on the CPU.
        call: what each is given; as many samples as it has.
        where: "eager", "onnxruntime"; all that is installed unless given.
        seconds: of each runtime, by the clock on the wall.
        seed: of the order.

    Returns:
        the times; with a reason where a network cannot be exported.

    Raises:
        OptionError: there is no such runtime.
    """
    times, missing = {}, {}
    for runtime in runtimes() if where is None else where:
        with tempfile.TemporaryDirectory(prefix="secateur-") as folder:
            try:
                runs = make_runs(networks, call, runtime, Path(folder))
            except NetworkError as error:
                if runtime == EAGER:
                    raise
                missing[runtime] = error.message
                continue
            with one_thread():
                times[runtime] = measure_times(runs, seconds=seconds, seed=seed, runtime=runtime)
    return Speed(times, missing)


def make_runs(
    networks: Mapping[str, nn.Module], call: Call, runtime: str, folder: Path
) -> dict[str, Run]:
    """A forward pass of each network in a runtime.

    Arguments:
        networks: by name.
        call: what each is given.
        runtime: "eager" or "onnxruntime".
        folder: for files.

    Raises:
        OptionError: there is no such runtime.
        NetworkError: a network cannot be exported.
    """
    call = call.to(torch.device("cpu"))
    check_runtime(runtime)
    if runtime == EAGER:
        return {name: eager(_still(network), call) for name, network in networks.items()}
    paths = _write_onnx(networks, call, folder)
    return {name: in_session(open_onnx(path), call) for name, path in paths.items()}


def measure_in_fresh_process(
    networks: Mapping[str, nn.Module],
    call: Call,
    *,
    runtime: str = EAGER,
    seconds: float = 10.0,
    seed: int = 0,
    keep_heap: bool = True,
) -> Times:
    """Time networks in a process of their own, where nothing else has left traces.

    Networks go there by pickle, as they are; where one cannot (its class is of a notebook or of a
    function), all go as programs of ``torch.export``, or as ONNX files for onnxruntime.

    Arguments:
        networks: by name; not changed.
        call: what each is given.
        runtime: "eager" or "onnxruntime".
        seconds: by the clock on the wall, without the start of the process.
        seed: of the order.
        keep_heap: with glibc's thresholds set so that freed memory stays (``KEEP_HEAP``).

    Raises:
        NetworkError: a network cannot go there, or the process failed.
    """
    call = call.to(torch.device("cpu"))
    with tempfile.TemporaryDirectory(prefix="secateur-") as temporary:
        folder = Path(temporary)
        job = {
            "runtime": runtime,
            "seconds": seconds,
            "seed": seed,
            "path": sys.path,
            "networks": _send(networks, call, runtime, folder),
        }
        (folder / "call.pickle").write_bytes(pickle.dumps((call.args, dict(call.kwargs))))
        (folder / "job.json").write_text(json.dumps(job))
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        if keep_heap:
            environment |= KEEP_HEAP
        code = "import json, sys; job = json.load(open(sys.argv[1] + '/job.json')); "
        code += (
            "sys.path[:] = job['path']; from secateur.surgery.speed import work; work(sys.argv[1])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        answer = folder / "times.json"
        if done.returncode != 0 or not answer.exists():
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise NetworkError(
                f"the process that times the networks failed: {last}",
                remedy="the networks' classes must be importable there; time them here with "
                "measure_speed",
            )
        seconds_by_name = json.loads(answer.read_text())
    return Times({name: np.array(seconds_by_name[name]) for name in networks}, runtime)


def measure_cuts(
    network: nn.Module,
    channels: Channels,
    selections: Sequence[NDArray[np.generic]],
    call: Call,
    *,
    runtime: str = EAGER,
    seconds: float = 10.0,
    seed: int = 0,
    fresh: bool = True,
) -> list[float]:
    """The times of the networks that selections leave, which take turns.

    What a time budget is fitted to, and held against; all of them are in memory at once.

    Arguments:
        network: dense; not changed.
        channels: of it.
        selections: each of shape ``(n,)``, not 0 where pruned.
        call: what each is given.
        runtime: "eager" or "onnxruntime".
        seconds: by the clock on the wall.
        seed: of the order.
        fresh: in a process of its own.

    Returns:
        CPU seconds of one run, one for each selection.

    Raises:
        NetworkError: a layer would be empty, or a network cannot be timed there.
    """
    networks = {
        str(number): cut(network, channels, np.asarray(z) == 0)
        for number, z in enumerate(selections)
    }
    if fresh:
        times = measure_in_fresh_process(
            networks, call, runtime=runtime, seconds=seconds, seed=seed
        )
    else:
        speed = measure_speed(networks, call, where=[runtime], seconds=seconds, seed=seed)
        if runtime in speed.missing:
            raise NetworkError(
                f"not timed in {runtime}: {speed.missing[runtime]}",
                remedy=f"ask for the time in {EAGER}",
            )
        times = speed.times[runtime]
    return [times.best(name) for name in networks]


def work(folder_name: str) -> None:
    """What the fresh process does: read, time, write."""
    folder = Path(folder_name)
    job = json.loads((folder / "job.json").read_text())
    args, kwargs = pickle.loads((folder / "call.pickle").read_bytes())  # our own parent's
    call = Call(args, kwargs)
    with one_thread():
        runs = {
            name: _received(folder / file, job["runtime"], call)
            for name, file in job["networks"].items()
        }
        times = measure_times(
            runs, seconds=job["seconds"], seed=job["seed"], runtime=job["runtime"]
        )
    text = json.dumps({name: values.tolist() for name, values in times.seconds.items()})
    (folder / "times.json").write_text(text)


def _send(
    networks: Mapping[str, nn.Module], call: Call, runtime: str, folder: Path
) -> dict[str, str]:
    if runtime == ONNX:
        return {name: path.name for name, path in _write_onnx(networks, call, folder).items()}
    if runtime != EAGER:
        make_runs({}, call, runtime, folder)
    try:
        for network in networks.values():
            _importable(network)
        pickled = {name: pickle.dumps(_still(network)) for name, network in networks.items()}
    except (pickle.PicklingError, AttributeError, TypeError) as why:
        return _write_programs(networks, call, folder, why)
    files = {}
    for number, (name, data) in enumerate(pickled.items()):
        files[name] = f"{number}.pickle"
        (folder / files[name]).write_bytes(data)
    return files


def _importable(network: nn.Module) -> None:
    """What is defined in the program itself can be pickled here, and not be read there."""
    for module in network.modules():
        if type(module).__module__ == "__main__":
            raise pickle.PicklingError(f"{type(module).__qualname__} is of __main__")


def _write_programs(
    networks: Mapping[str, nn.Module], call: Call, folder: Path, why: Exception
) -> dict[str, str]:
    files = {}
    for number, (name, network) in enumerate(networks.items()):
        files[name] = f"{number}.pt2"
        try:
            export_network(network, folder / files[name], call, dynamic_batch=False, check=False)
        except SecateurError as error:
            raise NetworkError(
                f"the network {name!r} cannot go to another process: {why}; nor can it as a "
                f"program: {error.message}",
                remedy="define its class at the top of a module that can be imported",
            ) from error
    return files


def _write_onnx(networks: Mapping[str, nn.Module], call: Call, folder: Path) -> dict[str, Path]:
    paths = {}
    for number, (name, network) in enumerate(networks.items()):
        paths[name] = folder / f"{number}.onnx"
        export_network(network, paths[name], call, dynamic_batch=False)
    return paths


def _received(path: Path, runtime: str, call: Call) -> Run:
    if runtime == ONNX:
        return in_session(open_onnx(path), call)
    network: Any = (
        torch.export.load(path).module()
        if path.suffix == ".pt2"
        else pickle.loads(path.read_bytes())  # our own parent's
    )
    return eager(network, call)


def _still(network: nn.Module) -> nn.Module:
    """A copy on the CPU, in evaluation mode."""
    return copy.deepcopy(network).cpu().eval()
