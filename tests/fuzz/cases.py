"""The five inputs: each makes its cases from a seed, and gives them to the library.

``python -m tests.fuzz.cases images=800 options=100`` runs them in a process with little memory,
and ends with a line of JSON: how often each outcome came, and what must not have happened.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.mutate import ODD, bytes_of, nested, structure_of

MEMORY = 6 * 2**30
"""Of address space, of which PyTorch takes a part by being imported."""
PATIENCE = 10
"""Seconds for one case."""

Case = tuple[str, Callable[[], str]]


class Hangs(BaseException):
    """A case took too long; no handler of errors may keep it."""


def options(rng: random.Random, folder: Path) -> Iterator[Case]:
    """Every option of the backends and of the command, with values of every kind."""
    from dataclasses import fields

    from secateur.cli import run
    from secateur.solving import load_solver

    (folder / "p.coo").write_text("0 0 -1.0\n0 1 2.0\n1 1 0.5\n2 2 -3.0\n1 2 1.0\n")
    names = ["annealing", "steepest-descent", "path-integral", "exhaustive", "branch-and-bound",
             "blocks:annealing", "decompose:steepest-descent", "auto", "greedy"]  # fmt: skip
    while True:
        backend = rng.choice(names)
        arguments = ["solve", str(folder / "p.coo"), "--backend", backend, "--json"]
        known = ["reads", "inner"]
        if backend not in ("auto", "greedy"):
            known += [field.name for field in fields(load_solver(backend).Options)]
        for _ in range(rng.choice((1, 1, 2))):
            key = rng.choice((*known, *known, *known, "", "x", "inner.reads", "inner.inner"))
            value = rng.choice(ODD)
            text = value if isinstance(value, str) else json.dumps(value)
            if rng.random() < 0.05:
                text = rng.choice("[{") * 3000
            arguments += ["--option", f"{key}={text}"]
        for flag in rng.sample(["--seed", "--time-limit", "--count"], rng.choice((0, 0, 1, 2))):
            arguments += [flag, str(rng.choice(ODD))]

        def call(arguments: list[str] = arguments) -> str:
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = run(arguments)
            if code == 0:
                answer = json.loads(out.getvalue())
                bits = [answer["sample"][name] for name in sorted(answer["sample"])]
                x, y, z = bits
                true = -x + 2 * x * y + 0.5 * y - 3 * z + y * z
                assert abs(answer["energy"] - true) < 1e-9
                return "answer"
            said = err.getvalue()
            assert "Traceback" not in said
            assert code == 2 or (code == 1 and "Error: " in said and "Mend: " in said), said
            return "usage" if code == 2 else said.split(":")[0]

        yield " ".join(arguments)[:200], call


def _network() -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.Flatten(),
        nn.Linear(12, 2),
    ).eval()  # fmt: skip


def folders(rng: random.Random, folder: Path) -> Iterator[Case]:
    """Result folders."""
    import torch
    from safetensors.torch import load_file

    from secateur.network import Call, find_channels
    from secateur.surgery import cut, load_slim, save_slim

    network, call = _network(), Call((torch.zeros(1, 1, 6, 6),))
    channels = find_channels(network, call)
    keep = np.ones(len(channels), dtype=bool)
    keep[[1, 5]] = False
    small = cut(network, channels, keep)
    save_slim(small, channels, keep, folder, example=call)
    weights, selection = folder / "network.safetensors", folder / "selection.json"
    whole, about = weights.read_bytes(), json.loads(selection.read_text())
    about.pop("versions")
    text = json.dumps(about).encode()
    while True:
        kind = rng.randrange(4)
        data = bytes_of(whole, rng) if kind == 0 else whole
        new = text
        if kind == 0:
            new = json.dumps({**about, "sha256": hashlib.sha256(data).hexdigest()}).encode()
        elif kind == 1:
            new = bytes_of(text, rng)
        elif kind == 2:
            new = json.dumps(structure_of(about, rng)).encode()
        elif rng.random() < 0.2:
            new = b"[" * 100_000
        else:
            inner = rng.choice(("kept", "example", "tied", "sha256", "norm_over", "format"))
            new = json.dumps({**about, inner: rng.choice((*ODD, nested(500)))}).encode()

        def load(data: bytes = data, new: bytes = new) -> str:
            weights.write_bytes(data)
            selection.write_bytes(new)
            state = load_slim(_network(), folder).state_dict()
            for name, tensor in load_file(weights).items():
                assert torch.equal(state[name], tensor)
            return "loaded"

        yield repr(new[:200] if kind else data[:200]), load


def checkpoints(rng: random.Random, folder: Path) -> Iterator[Case]:
    """Checkpoints."""
    import torch
    from safetensors.torch import load_file, save

    from secateur.surgery import load_weights

    state = _network().state_dict()
    buffer = io.BytesIO()
    torch.save({"model": state, "epoch": 3}, buffer)
    pickled, safe = buffer.getvalue(), save(state)
    changes: list[Callable[[Any], Any]] = [
        lambda t: t.to(torch.int8), lambda t: t.to(torch.complex64), lambda t: t.bool(),
        lambda t: t.double() / 3, lambda t: t.to_sparse(), lambda t: t.to("meta"),
        lambda t: t * 1e9, lambda t: t.half(), lambda t: t[None],
        lambda t: t.flatten(), lambda t: t * float("nan"),
        lambda t: t.reshape(-1)[:1].expand(10**6, 10**6), lambda t: None, lambda t: t.tolist(),
        lambda t: {"x": t}, lambda t: t.to(torch.float8_e4m3fn), lambda t: t.to(torch.bfloat16),
        lambda t: torch.quantize_per_tensor(t.float(), 0.1, 0, torch.qint8),
    ]  # fmt: skip
    while True:
        kind = rng.randrange(3)
        path = folder / ("w.safetensors" if kind == 1 else "w.pt")
        changed: dict[str, Any] | None = None
        if kind == 2:
            changed, name = dict(state), rng.choice(list(state))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                changed[name] = rng.choice(changes)(changed[name])
                if rng.random() < 0.3:
                    changed[rng.choice(("x", "", "model.x"))] = changed.pop(name)
                buffer = io.BytesIO()
                torch.save(rng.choice((changed, {"a": changed}, [changed])), buffer)
            data = buffer.getvalue()
        else:
            data = bytes_of(safe if kind == 1 else pickled, rng)

        def load(path: Path = path, data: bytes = data, changed: Any = changed) -> str:
            path.write_bytes(data)
            network = _network()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                load_weights(network, path)
            if changed is None:
                safely = path.suffix == ".safetensors"
                told = load_file(path) if safely else torch.load(path, map_location="cpu")["model"]
            else:
                told = changed
            for name, tensor in network.state_dict().items():
                assert torch.equal(tensor, told[name].to(tensor.dtype))
            return "loaded"

        yield f"{path.name} {kind} {data[:80]!r}", load


def images(rng: random.Random, folder: Path) -> Iterator[Case]:
    """Image files and MATLAB files."""
    from PIL import Image
    from scipy.io import savemat

    from secateur.tasks.images import read_image
    from secateur.tasks.matlab import read_bytes_array

    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    image, whole = Image.fromarray(pixels), {}
    made: dict[str, tuple[Any, dict[str, Any]]] = {
        "a.png": (image, {"exif": exif}), "b.jpg": (image, {"exif": exif}),
        "c.tif": (image, {"exif": exif, "compression": "tiff_lzw"}), "d.bmp": (image, {}),
        "e.ppm": (image, {}), "f.webp": (image, {"exif": exif}), "g.png": (image.quantize(9), {}),
        "h.tif": (Image.fromarray(pixels[..., 0].astype(np.uint16)), {}),
        "i.png": (image.convert("RGBA"), {}),
    }  # fmt: skip
    for name, (picture, how) in made.items():
        picture.save(folder / name, **how)
        whole[name] = (folder / name).read_bytes()
    for packed in (False, True):
        savemat(folder / f"{packed}.mat", {"blocks": pixels}, do_compression=packed)
        whole[f"{packed}.mat"] = (folder / f"{packed}.mat").read_bytes()
    while True:
        name = rng.choice(list(whole))
        data = bytes_of(whole[name], rng)

        def load(path: Path = folder / name, data: bytes = data) -> str:
            path.write_bytes(data)
            if path.suffix == ".mat":
                assert read_bytes_array(path, "blocks").dtype == np.uint8
                return "read"
            read = read_image(path)
            assert read.ndim == 3
            assert read.shape[2] == 3
            assert read.dtype in (np.uint8, np.uint16)
            return "read"

        yield f"{name} {data[:80]!r}", load


def problems(rng: random.Random, folder: Path) -> Iterator[Case]:
    """Files of problems, of every format that is read, packed or not."""
    import bz2
    import gzip
    import lzma

    from secateur.files import read_file, write_file
    from secateur.files.registry import FORMATS
    from secateur.problem import Problem, at_most
    from tests.files.test_formats import FILES
    from tests.files.test_more_formats import BQPJSON, GRAPH, MQLIB
    from tests.files.test_mps import mps
    from tests.files.test_programs import ISSUE, lp
    from tests.files.test_qplib import PLAIN, QPLIB

    whole = {
        name: data if isinstance(data, bytes) else data.encode() for name, data in FILES.items()
    }
    texts = {
        "g.mc": GRAPH, "m.qubo": MQLIB, "q.qh": GRAPH.replace("3 3", "4 3"),
        "b.json": json.dumps(BQPJSON),
        "i.lp": ISSUE,
        "r.lp": lp("a + 2 c", "-1 <= a + b - s <= 0\n k: a + [ a * b ] <= 1", "c = 1"),
        "m.mps": mps("QUADOBJ\n x y 4\n"), "p.qplib": QPLIB.format(sense="maximize", **PLAIN),
    }  # fmt: skip
    whole |= {name: text.encode() for name, text in texts.items()}
    bqm = read_file(_put(folder / "s.coo", whole["upper.coo"])).bqm
    bqm.relabel_variables({0: "a", 1: "b", 2: "c"})
    for suffix in (".cqm", ".lp", ".mps"):
        write_file(bqm, folder / f"w{suffix}", constraints=[at_most(1, ["a", "b"])])
        whole[f"w{suffix}"] = (folder / f"w{suffix}").read_bytes()
    bqm.offset = 0.0
    for suffix in (".mtx", ".npz"):
        write_file(bqm, folder / f"w{suffix}", numbered=True)
        whole[f"w{suffix}"] = (folder / f"w{suffix}").read_bytes()
    for path in folder.glob("*.json"):
        path.unlink()  # sidecars, which would refuse every change
    packs = [(".gz", gzip.compress), (".xz", lzma.compress), (".bz2", bz2.compress)]
    while True:
        name = rng.choice(list(whole))
        data, format = bytes_of(whole[name], rng), None
        if rng.random() < 0.1:
            suffix, pack = rng.choice(packs)
            data, name = bytes_of(pack(whole[name]), rng), name + suffix
        elif rng.random() < 0.1:
            name = rng.choice((*whole, "x", "x.txt"))  # under another's suffix
        elif rng.random() < 0.1:
            format = rng.choice(FORMATS).name

        def load(
            path: Path = folder / name, data: bytes = data, format: str | None = format
        ) -> str:
            file = read_file(_put(path, data), format=format)
            problem = Problem(file.bqm, file.constraints)
            ones = np.ones((1, problem.n), dtype=np.int8)
            assert np.isfinite(problem.energies(ones)).all() or file.bqm.num_variables > 2
            return "read"

        yield f"{name} {format} {data[:80]!r}", load


def _put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


KINDS = {
    "options": options, "folders": folders, "checkpoints": checkpoints, "images": images,
    "problems": problems,
}  # fmt: skip


def outcome(call: Callable[[], str]) -> tuple[str, str | None]:
    """What came of a case, and what is wrong with that."""
    from secateur.errors import SecateurError

    def late(*_: Any) -> None:
        raise Hangs

    signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    try:
        return call(), None
    except SecateurError as error:
        return type(error).__name__, None if error.remedy else f"no remedy: {error}"
    except BaseException:
        return "wrong", traceback.format_exc()[-1500:]
    finally:
        signal.alarm(0)


def run_cases(name: str, number: int, seed: int = 0) -> dict[str, Any]:
    """Run so many cases of one kind."""
    rng = random.Random(f"{name} {seed}")
    outcomes: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        cases = KINDS[name](rng, Path(folder))
        for _ in range(number):
            told, call = next(cases)
            came, fault = outcome(call)
            outcomes[came] += 1
            if fault is not None:
                wrong.append([told, fault])
    return {"outcomes": outcomes, "wrong": wrong}


def main(wanted: list[str]) -> None:
    """Run what is wanted, ``images=800`` or with a seed ``images=800=3``, one after the other."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    said = {}
    for one in wanted:
        name, *numbers = one.split("=")
        said[name] = run_cases(name, *map(int, numbers))
    print(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1:])
