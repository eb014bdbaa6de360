"""What is missing and which extra brings it, said in one place for the whole library.

Modules import PyTorch as if it were there. Who lets them be imported, the lazy names of
``secateur`` and the command line, does so under ``needed_by``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from secateur.errors import MissingExtra

_BROUGHT_BY = {
    "torch": ("PyTorch", "torch"),
    "safetensors": ("safetensors", "torch"),
    "onnx": ("onnx", "export"),
    "onnxruntime": ("onnxruntime", "export"),
    "onnxscript": ("onnxscript", "export"),
    "sqlalchemy": ("SQLAlchemy", "study"),
    "altair": ("Altair", "study"),
    "vl_convert": ("vl-convert-python", "study"),
    "jinja2": ("Jinja", "study"),
    "pyarrow": ("PyArrow", "study"),
    "optuna": ("Optuna", "study"),
    "psycopg": ("psycopg", "postgres"),
    "distributed": ("Dask", "cluster"),
}
"""A module that may be missing: what people call it, and the extra that brings it."""


@contextmanager
def needed_by(what: str, extra: str | None = None) -> Iterator[None]:
    """Turn the want of a package that an extra brings into an error that names the extra.

    Any other module that is missing, also one inside such a package, is left as it is.

    Arguments:
        what: needs the package, as people write it.
        extra: to be named; the smallest that brings the package unless given.

    Raises:
        MissingExtra: a module of ``_BROUGHT_BY`` cannot be found.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in _BROUGHT_BY:
            raise
        package, smallest = _BROUGHT_BY[error.name]
        raise MissingExtra(
            f"{what} needs {package}, which is not installed",
            remedy=f"pip install 'secateur[{extra or smallest}]'",
        ) from error
