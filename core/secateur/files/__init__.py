"""QUBO files: read in the formats of this field, written with their hash and provenance."""

from secateur.files.store import QuboFile, load_bqm, read_file, save_bqm

__all__ = ["QuboFile", "load_bqm", "read_file", "save_bqm"]
