"""Exported files are run in onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from secateur.errors import FileError, NetworkError, SecateurError
from secateur.extras import needed_by
from secateur.network.call import Call


def open_onnx(path: Path | str, threads: int = 1) -> Any:
    """An ``onnxruntime.InferenceSession`` on the CPU.

    Arguments:
        path: of the file.
        threads: of one operation; operations run one after another.

    Raises:
        MissingExtra: onnxruntime is not installed.
        NetworkError: it cannot run the file.
    """
    with needed_by("running ONNX", "export"):
        import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    with explained(Path(path), "does not run"):
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feed_of(session: Any, call: Call) -> dict[str, Any]:
    """The inputs of a session from a call's tensors, which are in the same order."""
    inputs = session.get_inputs()
    return {
        one.name: tensor.detach().cpu().contiguous().numpy()
        for one, tensor in zip(inputs, call.tensors, strict=True)
    }


@contextmanager
def explained(path: Path, what: str) -> Iterator[None]:
    """Turn what an exporter or a runtime raises into an error of ours."""
    try:
        yield
    except OSError as error:
        raise FileError(
            f"{path} cannot be written: {error.strerror or error}", remedy="choose another folder"
        ) from error
    except SecateurError:
        raise
    except Exception as error:  # exporters and runtimes raise many kinds
        raise NetworkError(
            f"the exported {path.name} {what}: {first_line(error)}",
            remedy="the network uses something that the runtime has not (a data type, an "
            "operation); export network.float(), or to the other format",
        ) from error


def first_line(error: Exception) -> str:
    """What an error says first, or its kind where it says nothing."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
