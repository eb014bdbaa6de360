"""QUBO files: read and written in the formats of this field, with hash and provenance."""

from secateur.files.store import (
    Converted,
    QuboFile,
    convert,
    load_bqm,
    read_file,
    save_bqm,
    write_file,
)

__all__ = [
    "Converted",
    "QuboFile",
    "convert",
    "load_bqm",
    "read_file",
    "save_bqm",
    "write_file",
]
