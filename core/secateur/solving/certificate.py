"""What a bound rests on, written so that somebody who does not trust us can check it.

The format is described in the reference; ``secateur verify`` recomputes it in exact arithmetic.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from secateur.errors import FileError
from secateur.plainfile import check_new
from secateur.problem.exact_sums import nearest_and_below
from secateur.problem.junction import Junction
from secateur.problem.model import Bits, Problem
from secateur.solving.blocks import ByBlocks
from secateur.solving.record import Record
from secateur.solving.selection import PROVEN, is_proven


class Certificate:
    """The content of a certificate.

    Arguments:
        content: JSON-safe.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = dict(content)

    @property
    def checkable(self) -> bool:
        """It holds a proof of ours; False: a bound that another solver claims."""
        return bool(self.content["checkable"])

    def save(self, path: Path | str) -> None:
        """Write it to a new file, compressed where the name ends in ``.gz``.

        Raises:
            FileError: the file exists or cannot be written.
        """
        path = Path(path)
        check_new(path)
        data = (json.dumps(self.content, allow_nan=False) + "\n").encode()
        if path.suffix == ".gz":
            data = gzip.compress(data, mtime=0)
        try:
            with path.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            raise FileError(
                f"{path} exists already", remedy="choose another name, or remove it"
            ) from None
        except OSError as error:
            path.unlink(missing_ok=True)
            raise FileError(
                f"{path} cannot be written: {error.strerror or error}",
                remedy="check that the folder exists, can be written to and has space",
            ) from error


def certify(problem: Problem, made: ByBlocks) -> Certificate | None:
    """The certificate of a proof by blocks; None where nothing was proven."""
    proof, parts = made.proof, made.parts
    if proof is None or parts is None or not math.isfinite(made.bound):
        return None
    if len(proof.records) < len(parts.blocks):  # they were too large to keep
        return None
    assert made.bits is not None
    energy, below = _exactly(problem, made.bits)
    content = _head(problem, made.bits, energy, min(made.bound, below), made.closed)
    content["checkable"] = True
    content["multipliers"] = [] if made.prices is None else made.prices.multipliers()
    content["blocks"] = [
        {
            "positions": block.positions.tolist(),
            "constraints": list(block.names),
            **_tree(record),
            "lower": [float(x) if math.isfinite(x) else None for x in lower],
        }
        for block, record, lower in zip(parts.blocks, proof.records, proof.lower, strict=True)
    ]
    content["junction"] = _junction(parts.root)
    return Certificate(content)


def claimed(problem: Problem, bits: Bits, bound: float, closed: bool, by: str) -> Certificate:
    """A certificate that only repeats what another solver says of its bound."""
    content = _head(problem, bits, _exactly(problem, bits)[0], bound, closed)
    return Certificate({**content, "checkable": False, "claimed_by": by})


def _head(
    problem: Problem, bits: Bits, energy: float, bound: float, closed: bool
) -> dict[str, Any]:
    return {
        "about": "secateur certificate",
        "version": 1,
        "problem": {
            "sha256": problem.sha256,
            "variables": problem.n,
            "couplings": len(problem.quadratic[2]),
        },
        "demands": [demand.data() for demand in problem.demands],
        "claims": {
            "energy": energy,
            "bound": bound,
            "ones": np.flatnonzero(bits).tolist(),
            "tolerance": PROVEN,
            "proven": is_proven(problem, energy, bound, closed),
        },
    }


def _exactly(problem: Problem, bits: Bits) -> tuple[float, float]:
    """The number nearest to the exact energy, and the largest that is not above it."""
    return nearest_and_below(problem.terms(bits))


def _tree(record: Record) -> dict[str, Any]:
    diagonal, points = record.diagonal, record.points
    return {
        "diagonal": None if diagonal is None else _packed(diagonal, "<f8"),
        "points": None if points is None else _packed(points, "<f4"),
        "nodes": [
            {
                "points": list(node.points),
                "gl": bool(node.gl),
                "fixed": [[int(i), int(v)] for i, v in node.fixed],
                "branch": None if node.branch is None else int(node.branch),
                "children": None if node.children is None else list(node.children),
                "infeasible": node.infeasible,
            }
            for node in record.nodes
        ],
    }


def _packed(values: Any, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def _junction(junction: Junction) -> dict[str, Any]:
    return {
        "constraints": list(junction.names),
        "children": [c if isinstance(c, int) else _junction(c) for c in junction.children],
    }
