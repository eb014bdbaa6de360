"""How the curves of blocks add up: junctions, and the counts that they allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.certify.exact import integers, min_plus
from secateur.certify.problem import Form
from secateur.certify.reading import fail, fields, items, number, text, whole

DEEPEST = 100
"""Junctions within junctions."""
_FITS = 62  # bits: the sum of two such numbers fits into 64
_FEW = 10_000


def cardinalities(data: Any, at: list[int], forms: Mapping[str, Form], where: str) -> list[Form]:
    """The cardinalities of these names, each of exactly these variables."""
    found = []
    for name in items(data, where):
        form = forms.get(text(name, where))
        if form is None or not form.step:
            fail(where, f"{name!r:.80} is no cardinality among the demands")
        if len(form.linear) != len(at) or not all(i in form.linear for i in at):
            fail(where, f"{name!r:.80} is about other variables")
        found.append(form)
    return found


def check_sum(
    data: Any,
    members: Sequence[list[int]],
    curves: Sequence[list[Any]],
    forms: Mapping[str, Form],
    bound: Fraction | None,
) -> None:
    """The least sum of the curves that the junctions allow must be the bound.

    Only whether it is *at least* the bound matters: with the least of each curve taken from it, and
    from the bound, every number above the bound may be lowered to it, and stands for infinity too.
    """
    used: set[int] = set()

    def read(data: Any, where: str, deep: int) -> tuple[Any, list[int]]:
        if isinstance(data, int):
            number_ = whole(data, where, 0, len(members))
            if number_ in used:
                fail(where, f"block {number_} twice")
            used.add(number_)
            return number_, members[number_]
        fields(data, where, "constraints children")
        if deep > DEEPEST:
            fail(where, f"more than {DEEPEST} junctions within one another")
        children, below = list[Any](), list[int]()
        for at, child in enumerate(items(data["children"], where)):
            node, variables = read(child, f"{where}.{at}", deep + 1)
            children.append(node)
            below += variables
        own = cardinalities(data["constraints"], below, forms, where)
        free = [all(form.admits(k, k) for form in own) for k in range(len(below) + 1)]
        return (children, np.array(free)), below

    root, _ = read(data, "junction", 0)
    if isinstance(root, int):
        fail("junction", "a block instead of a junction")
    if len(used) < len(members):
        fail("junction", f"block {min(set(range(len(members))) - used)} is missing")
    if any(all(x is None for x in lower) for lower in curves):
        return  # a block without any choice: there is none at all
    known = [x for lower in curves for x in lower if x is not None]
    flat, _ = integers([*known, Fraction(0) if bound is None else bound])
    numbers = iter(flat)
    whole_curves = [[None if x is None else next(numbers) for x in lower] for lower in curves]
    least = [min(x for x in lower if x is not None) for lower in whole_curves]
    top = next(numbers) - sum(least)
    if bound is None:  # only what is possible counts
        whole_curves = [[None if x is None else 0 for x in lower] for lower in whole_curves]
        least, top = [0] * len(least), 1
    if top <= 0:
        return
    shifts = [max(0, top.bit_length() - _FITS)]
    if shifts[0] and len(known) <= _FEW:  # should rounding be too much, Python's integers
        shifts.append(0)
    for shift in shifts:
        limit = -(-top >> shift)  # sums of numbers rounded down, against this rounded up
        kind = np.int64 if limit.bit_length() <= _FITS else object
        arrays = [
            np.array(
                [limit if x is None or x - low >= top else (x - low) >> shift for x in lower], kind
            )
            for lower, low in zip(whole_curves, least, strict=True)
        ]
        if _least_sum(root, arrays, limit).min() >= limit:
            return
    fail("junction", "a choice that it allows has less than the bound, as the curves add up")


def _least_sum(node: Any, curves: Sequence[NDArray[Any]], top: int) -> NDArray[Any]:
    if isinstance(node, int):
        return curves[node]
    children, allowed = node
    sums = min_plus([_least_sum(child, curves, top) for child in children], top)
    return np.where(allowed, sums, top)


def curve(data: Any, width: int, allowed: Sequence[int], where: str) -> list[Any]:
    """The curve that a block claims: numbers, or None where no choice exists."""
    lower = items(data, f"{where}, lower", width + 1)
    for k in set(range(width + 1)).difference(allowed):
        if lower[k] is not None:
            fail(f"{where}, lower, k = {k}", "a number where the constraints allow none")
    for k in allowed:
        if lower[k] is not None:
            number(lower[k], f"{where}, lower, k = {k}")
    return lower
