"""Networks for other programs: ONNX, and the programs of ``torch.export``.

What is written is run again, in the program that will run it, and held against the network.
"""

from __future__ import annotations

import copy
import logging
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from secateur.errors import FileError, NetworkError, OptionError
from secateur.extras import needed_by
from secateur.network.call import Call
from secateur.plainfile import check_new
from secateur.surgery.fold import fold_batch_norm
from secateur.surgery.runtimes import explained, feed_of, first_line, open_onnx
from secateur.surgery.tensors import (
    greatest_difference,
    input_names,
    output_tensors,
    resized,
    sample_tensors,
)

TOLERANCE = 1e-5
"""How far the outputs may be apart, relative to the greatest value of the output."""
_TRACED = 2
"""Samples while tracing; ``torch.export`` takes a length of one for a constant."""
_CHECKED = (1, 3)
"""Numbers of samples that are compared: none is the traced one."""


@dataclass(frozen=True)
class Exported:
    """What was written, and how it compares.

    Arguments:
        path: the file.
        inputs: name and shape of every input; "batch" where the number of samples is free.
        outputs: the names of the outputs.
        folded: batch normalisations that went into the layer before them.
        samples: the numbers of samples that were compared; none if that was not wanted.
        difference: the greatest one, relative to the output's greatest value.
    """

    path: Path
    inputs: tuple[tuple[str, tuple[int | str, ...]], ...]
    outputs: tuple[str, ...]
    folded: int
    samples: tuple[int, ...]
    difference: float

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "path": str(self.path),
            "inputs": {name: list(shape) for name, shape in self.inputs},
            "outputs": list(self.outputs),
            "folded": self.folded,
            "samples": list(self.samples),
            "difference": self.difference if self.samples else None,
        }

    def __str__(self) -> str:
        shapes = ", ".join(f"{n} ({' × '.join(str(d) for d in s)})" for n, s in self.inputs)
        checked = (
            f"differs by {self.difference:.0e} for {' and '.join(map(str, self.samples))} samples"
            if self.samples
            else "not checked"
        )
        return (
            f"{self.path}: inputs {shapes}; outputs {', '.join(self.outputs)}; "
            f"{self.folded} batch normalisations folded; {checked}"
        )


def export_network(
    network: nn.Module,
    path: Path | str,
    call: Call,
    *,
    dynamic_batch: bool = True,
    check: bool = True,
    tolerance: float = TOLERANCE,
) -> Exported:
    """Write a network to a file that runs without its Python code.

    Batch normalisation is folded into the layer before it where that is exact. ``network`` itself
    is not changed.

    Arguments:
        network: any module that ``torch.export`` takes; exported in evaluation mode.
        path: a new file: ``.onnx`` for onnxruntime and others, ``.pt2`` for ``torch.export.load``.
        call: what the network is given, one sample or more.
        dynamic_batch: leave the number of samples free; as in ``call`` otherwise.
        check: run the file, for one and for three samples, and compare.
        tolerance: relative to the greatest value of an output. Where the network's own rounding
            (against a copy in double precision) is more than that, four times its rounding counts.

    Raises:
        OptionError: the ending of ``path`` is another one.
        FileError: it exists or cannot be written.
        MissingExtra: ONNX needs ``secateur[export]``.
        NetworkError: the network cannot be exported, or the file gives something else.
    """
    path = Path(path)
    write, run = _kind(path)
    check_new(path)
    own = copy.deepcopy(network).eval().requires_grad_(False)
    if path.suffix == ".onnx":
        own, call = own.cpu(), call.to(torch.device("cpu"))
    size = call.size
    traced = resized(call, max(size, _TRACED)) if dynamic_batch else call
    wanted = _run(own, traced)  # the network's own faults are told before the exporter's
    names = tuple(output_tensors(wanted))
    with _quiet():
        draft = write(own, traced, names, dynamic_batch)
    samples = () if not check else (_CHECKED if dynamic_batch else (size,))
    with _appearing(path) as part:
        with _quiet(), explained(path, "cannot be written"):
            draft.save(part)
        worst = 0.0
        for number in samples:
            given = resized(call, number, change=True)
            expected = output_tensors(_run(own, given))
            difference, where = greatest_difference(expected, run(part, given))
            allowed = tolerance
            if not difference <= allowed:
                allowed = max(tolerance, 4.0 * _rounding(own, given, expected))
            if not difference <= allowed:
                raise NetworkError(
                    f"{path.name} gives something else than the network: {where!r} differs by "
                    f"{difference:.1e} of its greatest value for a batch of {number} "
                    f"(allowed: {allowed:.1e})",
                    remedy="PyTorch and the file's runtime disagree about an operation: export to "
                    "the other format, or parts of the network by themselves to find it; small "
                    "differences may be accepted with tolerance=…",
                )
            worst = max(worst, difference)
    return Exported(path, draft.inputs, draft.outputs, draft.folded, samples, worst)


@dataclass(frozen=True)
class _Draft:
    """An exported network before it is on disk."""

    save: Callable[[Path], None]
    inputs: tuple[tuple[str, tuple[int | str, ...]], ...]
    outputs: tuple[str, ...]
    folded: int


_Write = Callable[[nn.Module, Call, tuple[str, ...], bool], _Draft]
_RunFile = Callable[[Path, Call], Sequence[Tensor]]


def _kind(path: Path) -> tuple[_Write, _RunFile]:
    if path.suffix == ".onnx":
        with needed_by("exporting to ONNX", "export"):
            import onnx  # noqa: F401
            import onnxruntime  # noqa: F401
            import onnxscript  # noqa: F401
        return _draft_onnx, _run_onnx
    if path.suffix == ".pt2":
        return _draft_program, _run_program
    raise OptionError(
        f"{path} ends with {path.suffix!r}",
        remedy="name a file that ends with .onnx, or with .pt2 for torch.export",
    )


# -- torch.export --------------------------------------------------------------------------------


def trace_program(
    network: nn.Module, call: Call, *, dynamic_batch: bool
) -> tuple[torch.export.ExportedProgram, int]:
    """The network as a program of ``torch.export`` with batch normalisation folded.

    Arguments:
        network: in evaluation mode.
        call: at least two samples where the batch is free.
        dynamic_batch: leave the number of samples free.

    Returns:
        the program, and how many normalisations were folded.

    Raises:
        NetworkError: it cannot be traced, or its number of samples is not free.
    """
    program = _trace(network, call, dynamic_batch)
    graph = program.module(check_guards=False)
    assert isinstance(graph, torch.fx.GraphModule)
    folded = fold_batch_norm(graph)
    return (_trace(graph, call, dynamic_batch), folded) if folded else (program, 0)


def _trace(network: nn.Module, call: Call, dynamic_batch: bool) -> torch.export.ExportedProgram:
    shapes: Any = torch.export.ShapesCollection()
    batch = torch.export.Dim("batch")
    if dynamic_batch:
        for tensor in sample_tensors(call):
            shapes[tensor] = {0: batch}
    kwargs = dict(call.kwargs)
    try:
        with _quiet():
            return torch.export.export(network, call.args, kwargs, dynamic_shapes=shapes)
    except Exception as error:  # the tracer raises many kinds
        text = str(error)
        if "specialized it to be a constant" in text or "Constraints violated" in text:
            raise NetworkError(
                f"the network takes no other batch than one of {call.size}: its forward makes "
                "the number of samples a constant",
                remedy="write x.shape[0] or -1 in forward where a number stands, or export with "
                "dynamic_batch=False",
            ) from error
        raise NetworkError(
            f"the network cannot be exported: {type(error).__name__}: {first_line(error)}",
            remedy="torch.export must be able to trace it: move what depends on the values of "
            "data out of forward; register output classes with torch.export.register_dataclass",
        ) from error


def _draft_program(
    network: nn.Module, call: Call, names: tuple[str, ...], dynamic_batch: bool
) -> _Draft:
    program, folded = trace_program(network, call, dynamic_batch=dynamic_batch)
    return _Draft(
        lambda path: torch.export.save(program, path),
        _shapes(input_names(network, call), call, dynamic_batch),
        names,
        folded,
    )


def _run_program(path: Path, call: Call) -> list[Tensor]:
    with _quiet(), explained(path, "does not run"), torch.no_grad():
        return list(output_tensors(_run(torch.export.load(path).module(), call)).values())


# -- ONNX ----------------------------------------------------------------------------------------


class _Flat(nn.Module):
    """A network from tensors to tensors: what an ONNX file can say."""

    def __init__(self, network: nn.Module, call: Call) -> None:
        super().__init__()
        self.network = network
        self.leaves, self.structure = tree_flatten((call.args, dict(call.kwargs)))
        self.places = [k for k, leaf in enumerate(self.leaves) if isinstance(leaf, Tensor)]

    def forward(self, *tensors: Tensor) -> list[Tensor]:
        leaves = list(self.leaves)
        for place, tensor in zip(self.places, tensors, strict=True):
            leaves[place] = tensor
        args, kwargs = tree_unflatten(leaves, self.structure)
        return list(output_tensors(self.network(*args, **kwargs)).values())


def _draft_onnx(
    network: nn.Module, call: Call, names: tuple[str, ...], dynamic_batch: bool
) -> _Draft:
    given = input_names(network, call)
    tensors, own = tuple(call.tensors), {id(tensor) for tensor in sample_tensors(call)}
    shared = tuple(k for k, tensor in enumerate(tensors) if id(tensor) not in own)
    program, folded = trace_program(
        _Flat(network, call).eval(), Call(tensors, {}, shared), dynamic_batch=dynamic_batch
    )
    # an output must not have the name of an input
    outputs = tuple(f"{name}_out" if name in given else name for name in names)
    try:
        written = torch.onnx.export(
            program, input_names=given, output_names=list(outputs), dynamo=True, verbose=False
        )
    except Exception as error:  # the exporter raises many kinds
        raise NetworkError(
            f"the network cannot be written as ONNX: {type(error).__name__}: {first_line(error)}",
            remedy="it uses something that ONNX has not; export to .pt2",
        ) from error
    assert written is not None
    _name_batch(written.model, program)
    return _Draft(written.save, _shapes(given, call, dynamic_batch), outputs, folded)


def _name_batch(model: Any, program: torch.export.ExportedProgram) -> None:
    """The number of samples is called "batch" in the file, whatever the tracer calls it."""
    symbols = {str(symbol) for symbol in program.range_constraints}
    for value in [*model.graph.inputs, *model.graph.outputs]:
        for axis, length in enumerate(value.shape or ()):
            if getattr(length, "value", None) in symbols and len(symbols) == 1:
                value.shape[axis] = "batch"


def _run_onnx(path: Path, call: Call) -> list[Tensor]:
    session = open_onnx(path)
    feed = feed_of(session, call)
    with explained(path, "does not run"):
        return [torch.from_numpy(array) for array in session.run(None, feed)]


# -- what both share -----------------------------------------------------------------------------


def _shapes(
    names: Sequence[str], call: Call, dynamic_batch: bool
) -> tuple[tuple[str, tuple[int | str, ...]], ...]:
    free = {id(tensor) for tensor in sample_tensors(call)} if dynamic_batch else set()

    def shape(tensor: Tensor) -> tuple[int | str, ...]:
        if id(tensor) in free:
            return ("batch", *tensor.shape[1:])
        return tuple(tensor.shape)

    return tuple((name, shape(tensor)) for name, tensor in zip(names, call.tensors, strict=True))


def _run(network: nn.Module, call: Call) -> Any:
    with torch.no_grad():
        return network(*call.args, **call.kwargs)


def _rounding(network: nn.Module, call: Call, expected: dict[str, Tensor]) -> float:
    """How far the network is from itself in double precision; 0 where that does not run."""

    def double(value: Any) -> Any:
        return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value

    leaves, structure = tree_flatten((call.args, dict(call.kwargs)))
    args, kwargs = tree_unflatten([double(leaf) for leaf in leaves], structure)
    try:
        outputs = _run(copy.deepcopy(network).double(), Call(args, kwargs))
    except RuntimeError:
        return 0.0
    difference, _ = greatest_difference(
        {name: tensor.double() for name, tensor in output_tensors(outputs).items()},
        [double(tensor) for tensor in expected.values()],
    )
    return difference


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A file appears, with what belongs to it (``.data``), when it has been checked."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise FileError(
            f"{path} cannot be written: {error.strerror}", remedy="choose another folder"
        ) from error
    try:
        yield folder / path.name
        for part in sorted(folder.iterdir(), reverse=True):  # weights first
            part.replace(path.parent / part.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """PyTorch's exporters speak of their own future and of packages that nobody asked for."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
