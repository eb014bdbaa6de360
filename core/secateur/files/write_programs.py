"""LP and MPS files of a QUBO and its constraints, read back to the last bit."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from secateur.errors import ConstraintError, FileError
from secateur.files.entries import triples
from secateur.files.names import is_name
from secateur.files.writing import Writable
from secateur.problem.cqm import to_cqm
from secateur.problem.forms import form_of

Rows = list[tuple[str, dict[str, float], dict[tuple[str, str], float], str, float]]


def _rows(problem: Writable) -> Rows:
    """Each constraint as name, linear terms, products, sense and right side."""
    try:
        cqm = to_cqm(problem.bqm, problem.constraints)
    except ConstraintError as error:
        raise FileError(error.message, remedy=error.remedy) from error
    if not problem.bqm.num_variables:
        raise FileError("an LP or MPS file has variables, and there are none", remedy="write .bqm")
    shifts = dict.fromkeys(cqm.variables, (1.0, 0.0))
    found: Rows = []
    taken = {str(label) for label in cqm.constraints}
    for number, (label, comparison) in enumerate(cqm.constraints.items(), start=1):
        form = form_of(comparison.lhs, shifts)
        name = str(label)
        if not is_name(name):
            name = re.sub(r"[^A-Za-z0-9_]", "_", name).lstrip("0123456789_") or "row"
            while not is_name(name) or name in taken:
                name = f"{name}_{number}"
            taken.add(name)
        linear = {str(v): c for v, c in form.linear.items()}
        pairs = {(str(a), str(b)): c for (a, b), c in form.quadratic.items()}
        right = float(comparison.rhs) - form.offset
        found.append((name, linear, pairs, comparison.sense.value, right))
    return found


def write_lp(problem: Writable) -> bytes:
    """An LP file."""
    bqm, rows = problem.bqm, _rows(problem)
    labels = [str(label) for label in bqm.variables]
    linear, pairs = triples(bqm)
    doubled = {(labels[i], labels[j]): _doubled(q) for i, j, q in pairs}
    terms = {label: q for label, q in zip(labels, linear, strict=True) if q}
    lines = ["Minimize", " obj:", *_terms(terms)]
    if doubled:
        lines += ["  + [", *_products(doubled), "  ] / 2"]
    if bqm.offset or not (terms or doubled):
        lines.append(f"  {_signed(float(bqm.offset))}")
    if rows:
        lines.append("Subject To")
    for name, coefficients, products, sense, right in rows:
        lines += [f" {name}:", *_terms(coefficients)]
        if not coefficients and not products:
            lines.append(f"  + 0.0 {labels[0]}")
        if products:
            lines += ["  + [", *_products(products), "  ]"]
        lines.append(f"  {sense.replace('==', '=')} {right!r}")
    lines += ["Binaries", *(f" {label}" for label in labels), "End"]
    return ("\n".join(lines) + "\n").encode()


def write_mps(problem: Writable) -> bytes:
    """A free MPS file with a QUADOBJ."""
    bqm, rows = problem.bqm, _rows(problem)
    labels = [str(label) for label in bqm.variables]
    linear, pairs = triples(bqm)
    objective = _other("obj", [name for name, *_ in rows])
    kinds = {"==": "E", "<=": "L", ">=": "G"}
    columns: dict[str, list[str]] = {label: [] for label in labels}
    for label, q in zip(labels, linear, strict=True):
        columns[label].append(f" {label} {objective} {q!r}")
    for name, coefficients, *_ in rows:
        for label, c in coefficients.items():
            columns[label].append(f" {label} {name} {c!r}")
    lines = ["NAME secateur", "OBJSENSE", "  MIN", "ROWS", f" N {objective}"]
    lines += [f" {kinds[sense]} {name}" for name, _, _, sense, _ in rows]
    lines += ["COLUMNS", " MARKER 'MARKER' 'INTORG'"]
    lines += [line for label in labels for line in columns[label]]
    lines += [" MARKER 'MARKER' 'INTEND'", "RHS"]
    if bqm.offset:
        lines.append(f" RHS {objective} {-float(bqm.offset)!r}")
    lines += [f" RHS {name} {right!r}" for name, _, _, _, right in rows if right]
    lines += ["BOUNDS", *(f" BV BND {label}" for label in labels)]
    if pairs:
        lines += ["QUADOBJ", *(f" {labels[i]} {labels[j]} {q!r}" for i, j, q in pairs)]
    for name, _, products, _, _ in rows:
        if products:
            lines.append(f"QCMATRIX {name}")
            for (a, b), c in products.items():
                half = c / 2.0
                lines += [f" {a} {b} {half!r}", f" {b} {a} {half!r}"]
    return ("\n".join([*lines, "ENDATA"]) + "\n").encode()


def _other(name: str, taken: Iterable[str]) -> str:
    used = set(taken)
    while name in used:
        name += "_"
    return name


def _doubled(value: float) -> float:
    made = 2.0 * value
    if math.isinf(made):
        raise FileError(
            f"the coupling {value!r} is too large for an LP file, which doubles it",
            remedy="scale the problem, or write .mps",
        )
    return made


def _signed(value: float) -> str:
    return f"- {-value!r}" if value < 0.0 else f"+ {value!r}"


def _terms(linear: Mapping[str, float]) -> list[str]:
    return [f"  {_signed(value)} {label}" for label, value in linear.items()]


def _products(pairs: Mapping[tuple[str, str], float]) -> list[str]:
    return [f"    {_signed(value)} {a} * {b}" for (a, b), value in pairs.items()]
