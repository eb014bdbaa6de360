"""The JSON formats: BiqBin's, and bqpjson, which QUBOTools writes too."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dimod

from secateur.errors import FileError
from secateur.files.content import MOST_VARIABLES, Content, believed, truncated
from secateur.files.entries import model, triples

_BIQBIN = 'it needs {"qubo": {"shape", "nnz", "row", "col", "data"}}'
_BQPJSON = (
    'it needs "version", "variable_ids", "variable_domain", "scale", "offset", "linear_terms" and '
    '"quadratic_terms"'
)
_KEYS = {"variable_ids", "variable_domain", "linear_terms", "quadratic_terms"}
CERTIFICATE = "secateur certificate"
"""What a proof says that it is about."""
_DOMAINS = {"boolean": "BINARY", "spin": "SPIN"}


def read_json(path: Path, data: bytes) -> Content:
    """Either, by its keys."""
    try:
        whole = json.loads(data)
    except (ValueError, TypeError, RecursionError):
        whole = None
    keys = set(whole) if isinstance(whole, dict) else set()
    if keys and whole.get("about") == CERTIFICATE:
        raise FileError(
            f"{path} is a proof, and no problem",
            remedy="name the proof first: secateur verify PROOF PROBLEM",
        )
    if keys & _KEYS:
        return read_bqpjson(path, data)
    if keys and "qubo" not in keys:
        raise FileError(
            f"{path} is JSON, and neither BiqBin's nor bqpjson",
            remedy=f"of BiqBin {_BIQBIN}; a dict of pairs is made a model by "
            "dimod.BinaryQuadraticModel.from_qubo, and written by secateur.files.save_bqm",
        )
    return read_biqbin(path, data)


def read_biqbin(path: Path, data: bytes) -> Content:
    """BiqBin's ``.json``: ``{"qubo": {"shape", "nnz", "row", "col", "data"}}``, upper triangle."""
    try:
        whole = json.loads(data, object_pairs_hook=_once)
        matrix = whole["qubo"]
        size, size2 = matrix["shape"]
        triple = list(zip(matrix["row"], matrix["col"], matrix["data"], strict=True))
        nnz = matrix.get("nnz", len(triple))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(
            f"{path} is not a QUBO of BiqBin: {type(error).__name__}: {error}", remedy=_BIQBIN
        ) from error
    if type(size) is not int or size != size2 or not 0 <= size <= MOST_VARIABLES:
        raise FileError(
            f"{path}: the shape is {size!r} by {size2!r}",
            remedy=f"it must be square, of at most {MOST_VARIABLES} variables",
        )
    believed(path, 0, size, len(data))
    if nnz != len(triple):
        raise truncated(path, f"it says {nnz} entries, and has {len(triple)}")
    entries = []
    for i, j, q in triple:
        whole_numbers = all(type(k) is int and abs(k) <= MOST_VARIABLES for k in (i, j))
        if not whole_numbers or not _is_number(q):
            raise FileError(f"{path}: {i!r} {j!r} {q!r} is not an entry", remedy=_BIQBIN)
        entries.append((0, i, j, float(q)))
    bqm = model(path, entries, list(range(size)), first=0, factor=1.0, offset=0.0)
    notes = {key: value for key, value in whole.items() if key != "qubo"}
    known = ("shape", "nnz", "row", "col", "data")
    notes |= {key: value for key, value in matrix.items() if key not in known}
    return Content(bqm, notes=_plain(notes))


def read_bqpjson(path: Path, data: bytes) -> Content:
    """bqpjson: ``scale·(Σ quadratic + Σ linear + offset)`` over spins or booleans.

    Its description, metadata, id and solutions go into the notes.
    """
    try:
        whole = json.loads(data, object_pairs_hook=_once)
        ids, domain = list(whole["variable_ids"]), whole["variable_domain"]
        scale, offset = whole["scale"], whole["offset"]
        linear = [(term["id"], term["coeff"]) for term in whole["linear_terms"]]
        pairs = [(t["id_tail"], t["id_head"], t["coeff"]) for t in whole["quadratic_terms"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(
            f"{path} is not bqpjson: {type(error).__name__}: {error}", remedy=_BQPJSON
        ) from error
    if not isinstance(domain, str) or domain not in _DOMAINS:
        raise _bad(path, f"the variable domain is {domain!r}")
    if not all(map(_is_number, (scale, offset))) or scale < 0.0:
        raise _bad(path, f"the scale is {scale!r} and the offset {offset!r}")
    if not all(type(v) is int and 0 <= v < 2**53 for v in ids) or len(set(ids)) < len(ids):
        raise _bad(path, "the variable ids are not whole numbers, each once")
    known = set(ids)
    for where, terms in (("linear", linear), ("quadratic", pairs)):
        for *variables, coefficient in terms:
            sound = all(type(v) is int and v in known for v in variables)
            if not sound or not _is_number(coefficient) or len(set(variables)) < len(variables):
                raise _bad(path, f"{variables!r}: {coefficient!r} is not a {where} term")
    for where, names in (
        ("linear", [v for v, _ in linear]),
        ("quadratic", [(i, j) for i, j, _ in pairs]),
    ):
        if len(set(names)) < len(names):
            raise _bad(path, f"a {where} term is listed twice")
    bqm = dimod.BinaryQuadraticModel(_DOMAINS[domain])
    bqm.add_linear_from(dict.fromkeys(ids, 0.0))
    bqm.add_linear_from(linear)
    bqm.add_quadratic_from(pairs)
    bqm.offset = float(offset)
    bqm.scale(float(scale))
    used = ("linear_terms", "quadratic_terms", "variable_ids", "offset")
    notes = {
        key: value for key, value in whole.items() if key not in used and value not in ({}, [])
    }
    if domain == "boolean":
        notes.pop("variable_domain")
    if scale == 1:
        notes.pop("scale")
    return Content(bqm.change_vartype(dimod.BINARY, inplace=False), notes=_plain(notes))


def write_bqpjson(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """bqpjson over booleans; the labels are whole numbers."""
    labels = list(bqm.variables)
    linear, pairs = triples(bqm)
    made = {
        "version": "1.0.0",
        "id": 0,
        "metadata": {},
        "variable_ids": labels,
        "variable_domain": "boolean",
        "scale": 1.0,
        "offset": float(bqm.offset),
        "linear_terms": [{"id": labels[i], "coeff": q} for i, q in enumerate(linear) if q],
        "quadratic_terms": [
            {"id_tail": labels[i], "id_head": labels[j], "coeff": q} for i, j, q in pairs
        ],
    }
    return (json.dumps(made, allow_nan=False) + "\n").encode()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are there once; JSON readers take the first, the last, or all."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        again = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {again[:40]!r} is there twice")
    return made


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _bad(path: Path, what: str) -> FileError:
    return FileError(f"{path} is not bqpjson: {what}", remedy=_BQPJSON)


def _plain(notes: Mapping[str, Any]) -> dict[str, Any]:
    """Notes that fit into strict JSON: NaN is in no such file."""
    try:
        json.dumps(notes, allow_nan=False)
    except (ValueError, RecursionError):
        return {key: repr(value)[:200] for key, value in notes.items()}
    return dict(notes)
