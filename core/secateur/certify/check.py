"""The whole of a certificate: its problem, its demands, its claims, its blocks and their sum."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import dimod
import numpy as np

from secateur.certify.problem import Form, Qubo, couplings_of, relaxed
from secateur.certify.reading import (
    approximate,
    fail,
    fields,
    items,
    number,
    positions,
    read_json,
    text,
    truth,
    whole,
)
from secateur.certify.total import cardinalities, check_sum, curve
from secateur.certify.tree import Block
from secateur.progress import track

LOOSEST = Fraction(1, 10**6)
"""A relative gap above this is no proof of an optimum."""
_ENERGY = Fraction(1, 10**12)


@dataclass(frozen=True)
class Verdict:
    """What a certificate proves.

    Arguments:
        verified: every step of the proof was recomputed, and holds.
        checked: "verified", or "not checked" where another solver claims the bound.
        claimed_by: that solver, or None.
        energy: of the certificate's choice, exactly; None where it states none.
        bound: no choice that keeps the demands has less; None where none is stated, or where it is
            verified that no choice keeps them.
        infeasible: no choice keeps the demands.
        proven: no choice has less than ``energy`` by more than ``tolerance`` of it (the offset left
            out), or by more than the rounding of the largest number.
        tolerance: relative.
        demands: under which this holds, in words.
        nodes: of each block's tree.
        seconds: that the check took.
    """

    verified: bool
    checked: str
    claimed_by: str | None
    energy: Fraction | None
    bound: Fraction | None
    infeasible: bool
    proven: bool
    tolerance: Fraction
    demands: tuple[str, ...]
    nodes: tuple[int, ...]
    seconds: float

    @property
    def gap(self) -> Fraction | None:
        """Energy less bound."""
        return None if self.energy is None or self.bound is None else self.energy - self.bound

    def as_data(self) -> dict[str, Any]:
        """All of it as JSON-safe data, with floats for fractions."""
        data = {**vars(self), "gap": self.gap}
        for key, value in data.items():
            if isinstance(value, Fraction):
                rounded = approximate(value)
                data[key] = rounded if math.isfinite(rounded) else None
            elif isinstance(value, tuple):
                data[key] = list(value)
        return data

    def __str__(self) -> str:
        by = "" if self.claimed_by is None else f"claimed by {self.claimed_by}, "
        rows = [("verdict", by + self.checked)]
        for name, value in (("energy", self.energy), ("bound", self.bound), ("gap", self.gap)):
            if value is not None:
                share = ""
                if name == "gap" and self.energy:
                    share = f" ({approximate(value / abs(self.energy)):.3g} of the energy)"
                rows.append((name, f"{approximate(value):.12g}{share}"))
        what = "that no choice keeps the demands" if self.infeasible else "the optimum"
        claimed = what if self.verified else f"{what} is claimed"
        rows.append(("proven", claimed if self.proven else "a bound, not the optimum"))
        rows += [("demand", demand) for demand in self.demands] or [("demand", "none")]
        if self.verified:
            rows.append(("nodes", f"{sum(self.nodes)} in {len(self.nodes)} blocks"))
        rows.append(("seconds", f"{self.seconds:.2f}"))
        return "\n".join(f"{name:8} {value}" for name, value in rows)


def check(
    certificate: Mapping[str, Any] | str | Path,
    bqm: dimod.BinaryQuadraticModel,
    demands: Sequence[Mapping[str, Any]] | None = None,
) -> Verdict:
    """Recompute in exact arithmetic all that a certificate claims about a problem.

    Arguments:
        certificate: its data, or its file (``.json``, or ``.json.gz``).
        bqm: the QUBO, binary.
        demands: of the problem, as data with positions for variables; None: those that the
            certificate states are taken, and the verdict names them.

    Raises:
        CertificateError: at the first thing that is wrong, with ``where`` it is.
        FileError: the file cannot be read.
    """
    started = time.perf_counter()
    data = certificate if isinstance(certificate, Mapping) else read_json(Path(certificate))
    checkable = isinstance(data, Mapping) and data.get("checkable") is True
    rest = "multipliers blocks junction" if checkable else "claimed_by"
    fields(data, "certificate", f"about version problem demands claims checkable {rest}")
    truth(data["checkable"], "checkable")
    if data["about"] != "secateur certificate" or whole(data["version"], "version", 1) != 1:
        fail("certificate", "another format, or another version than 1")
    qubo = Qubo(bqm)
    qubo.check_identity(data["problem"])
    forms: dict[str, Form] = {}
    for at, demand in enumerate(items(data["demands"], "demands")):
        form = Form(demand, qubo.size, f"demand {at}")
        if forms.setdefault(form.name, form) is not form:
            fail(f"demand {at}", f"a second demand with the name {form.name!r}")
    if demands is not None:
        given = [Form(x, qubo.size, f"given demand {at}") for at, x in enumerate(demands)]
        _compare(list(forms.values()), given)
    energy, bound, proven, tolerance = _check_claims(data["claims"], qubo, forms, checkable)
    infeasible = checkable and bound is None
    nodes = _check_proof(data, qubo, forms, bound) if checkable else ()
    return Verdict(
        verified=checkable,
        checked="verified" if checkable else "not checked",
        claimed_by=None if checkable else text(data["claimed_by"], "claimed_by"),
        energy=energy,
        bound=bound,
        infeasible=infeasible,
        proven=proven,
        tolerance=tolerance,
        demands=tuple(map(str, forms.values())),
        nodes=tuple(nodes),
        seconds=time.perf_counter() - started,
    )


def _compare(stated: Sequence[Form], given: Sequence[Form]) -> None:
    for some, others, what in (
        (given, stated, "the problem has a demand that the certificate does not state"),
        (stated, given, "the certificate rests on a demand that the problem does not have"),
    ):
        keys = {form.key() for form in others}
        for form in some:
            if form.key() not in keys:
                fail("demands", f"{what}: {form}")


def _check_claims(
    data: Any, qubo: Qubo, forms: Mapping[str, Form], checkable: bool
) -> tuple[Fraction | None, Fraction | None, bool, Fraction]:
    fields(data, "claims", "energy bound ones tolerance proven")
    bound = None if data["bound"] is None else number(data["bound"], "claims, bound")
    tolerance = number(data["tolerance"], "claims, tolerance")
    proven = truth(data["proven"], "claims, proven")
    if not 0 <= tolerance <= LOOSEST:
        fail("claims, tolerance", f"{approximate(tolerance)} is not from 0 to {float(LOOSEST)}")
    if data["energy"] is None:
        if data["ones"] not in (None, []):
            fail("claims, ones", "a choice without an energy")
        if proven and bound is not None:
            fail("claims, proven", "there is no energy of which it could be true")
        return None, bound, proven, tolerance
    claimed = number(data["energy"], "claims, energy")
    ones = positions(data["ones"], "claims, ones", qubo.size)
    energy, size = qubo.energy(ones)
    if abs(claimed - energy) > _ENERGY * size:
        fail(
            "claims, energy",
            f"{approximate(claimed)!r}, and the choice has {approximate(energy)!r}",
        )
    chosen = set(ones)
    for form in forms.values():
        value = sum(c for i, c in form.linear.items() if i in chosen)
        value += sum(c for (i, j), c in form.pairs.items() if i in chosen and j in chosen)
        if not form.admits(value, value):
            fail("claims, ones", f"the choice breaks the demand {form}")
    if bound is None:
        if proven or checkable:
            fail("claims, bound", "none, and yet there is a choice")
    elif energy < bound:
        fail("claims, bound", "above the energy of the choice")
    elif proven and energy - bound > max(
        tolerance * abs(energy - Fraction(qubo.offset)), qubo.nothing()
    ):
        fail("claims, proven", f"the gap is {approximate(energy - bound):.3g}, above the tolerance")
    return energy, bound, proven, tolerance


def _check_proof(
    data: Mapping[str, Any], qubo: Qubo, forms: Mapping[str, Form], bound: Fraction | None
) -> list[int]:
    """Blocks, junctions and trees; the number of nodes of each tree."""
    constant, linear, pairs = relaxed(data["multipliers"], qubo, forms)
    blocks = items(data["blocks"], "blocks")
    owner, inner = np.full(qubo.size, -1), np.zeros(qubo.size, np.int64)
    members, allowed, curves = list[list[int]](), list[list[int]](), list[list[Any]]()
    for at, block in enumerate(blocks):
        where = f"block {at}"
        fields(block, where, "positions constraints diagonal points nodes lower")
        own = positions(block["positions"], f"{where}, positions", qubo.size)
        if not own or own != sorted(own):
            fail(f"{where}, positions", "none, or not ascending")
        if (owner[own] >= 0).any():
            fail(f"{where}, positions", "a variable of another block")
        owner[own], inner[own] = at, np.arange(len(own))
        members.append(own)
        limits = cardinalities(block["constraints"], own, forms, f"{where}, constraints")
        allowed.append([k for k in range(len(own) + 1) if all(x.admits(k, k) for x in limits)])
        curves.append(curve(block["lower"], len(own), allowed[-1], where))
    if (owner < 0).any():
        fail("blocks", f"variable {int(np.argmax(owner < 0))} is in none")
    row, column, bias = couplings_of(qubo, pairs)
    apart = np.flatnonzero(owner[row] != owner[column])
    if len(apart):
        i, j = row[apart[0]], column[apart[0]]
        fail("blocks", f"variables {i} and {j} are coupled, and in two of them")
    needed = None if bound is None else bound - constant
    check_sum(data["junction"], members, curves, forms, needed)
    order = np.argsort(owner[row], kind="stable")
    ends = np.searchsorted(owner[row][order], np.arange(len(blocks) + 1))
    biases: list[Any] = qubo.linear.tolist()
    for i, x in linear.items():
        biases[i] = x
    sizes = [len(items(x["nodes"], f"block {at}, nodes")) for at, x in enumerate(blocks)]
    with track("checking the proof", sum(sizes)) as step:
        for at, own in enumerate(members):
            inside = order[ends[at] : ends[at + 1]]
            part = (
                inner[row[inside]].tolist(),
                inner[column[inside]].tolist(),
                bias[inside].tolist(),
            )
            h = [biases[i] for i in own]
            block = Block(blocks[at], f"block {at}", own, h, part, allowed[at], forms)
            block.check(step.advance)
    return sizes
