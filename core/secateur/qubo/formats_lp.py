"""LP files: a quadratic objective over binary variables and, if wanted, one count."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dimod
from dimod import lp

from secateur.errors import FileError
from secateur.qubo.formats import Content


def read_lp(path: Path, data: bytes) -> Content:
    """The objective as a QUBO, and ``x1 + … + xn = K`` as the count.

    A maximisation is negated, and the notes say so.

    Raises:
        FileError: not an LP file, variables that are not binary, or other constraints.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is no text (byte {error.start})") from error
    sense = re.search(r"^\s*(min|max)", text, re.IGNORECASE | re.MULTILINE)
    ended = re.search(r"^\s*end\s*$", text, re.IGNORECASE | re.MULTILINE)
    if sense is None or ended is None:
        what = "'minimize' or 'maximize'" if sense is None else "the line 'end'"
        raise FileError(
            f"{path} is not an LP file, or truncated: it has no {what}",
            remedy="fetch or write it again; LP is described in the reference, file formats",
        )
    # the sections that dimod's reader passes over in silence
    if re.search(r"^\s*(sos|semi|sec\b|gen)", text, re.IGNORECASE | re.MULTILINE):
        raise FileError(
            f"{path} has variables that are not binary",
            remedy="a QUBO has binary variables only; list them under 'binary'",
        )
    try:
        model: Any = lp.loads(text)
    except (ValueError, RuntimeError) as error:
        raise FileError(
            f"{path} is not an LP file that can be read: {error}",
            remedy="fetch or write it again; LP is described in the reference, file formats",
        ) from error
    other = [v for v in model.variables if model.vartype(v) is not dimod.BINARY]
    if other or not len(model.variables):
        what = f"the variable {other[0]!r} is not binary" if other else "it has no variables"
        raise FileError(f"{path}: {what}", remedy="list every variable under 'binary'")
    bqm = _objective(model)
    notes = {}
    if sense[1].lower() == "max":
        notes["sense"] = "maximised in the file; the energies here are of the negated objective"
    return Content(bqm, ones=_count(path, model), notes=notes)


def _objective(model: Any) -> dimod.BinaryQuadraticModel:
    objective = model.objective
    bqm = dimod.BinaryQuadraticModel("BINARY")
    # variables of the constraints alone belong to the problem too
    bqm.add_linear_from(dict.fromkeys(model.variables, 0.0))
    bqm.add_linear_from(objective.linear)
    bqm.add_quadratic_from(objective.quadratic)
    bqm.offset = float(objective.offset)
    return bqm


def _count(path: Path, model: Any) -> int | None:
    if not model.constraints:
        return None
    name, constraint = next(iter(model.constraints.items()))
    weights = {float(w) for w in constraint.lhs.linear.values()}
    right = float(constraint.rhs) - float(constraint.lhs.offset)
    if (
        len(model.constraints) == 1
        and constraint.sense is dimod.sym.Sense.Eq
        and not constraint.lhs.quadratic
        and set(constraint.lhs.linear) == set(model.variables)
        and len(weights) == 1
        and 0.0 not in weights
    ):
        count = right / next(iter(weights))
        if count.is_integer():
            return int(count)
    raise FileError(
        f"{path}: the constraint {str(name)!r} is not a count over all variables"
        if len(model.constraints) == 1
        else f"{path} has {len(model.constraints)} constraints",
        remedy="one is understood: x1 + x2 + … + xn = K over all variables",
    )
