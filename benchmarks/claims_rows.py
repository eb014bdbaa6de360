"""Rows that are written when they are there, and found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Key = tuple[str, int, str, str]
"""Network, calibration seed, share, method."""


class Rows:
    """A JSON-lines file of cells.

    Arguments:
        path: of the file.
        recipe: what makes rows comparable: settings and versions; others are left alone.
        resume: go on with what is there.

    Raises:
        SystemExit: the file is there, and it was not said to go on with it.
    """

    def __init__(self, path: Path, recipe: Mapping[str, Any], *, resume: bool) -> None:
        self.path = path
        self.recipe = digest(recipe)
        self._known: dict[Key, dict[str, Any]] = {}
        if not path.exists():
            return
        if not resume:
            raise SystemExit(f"{path} is there: --resume goes on with it, or remove it")
        others = 0
        for line in path.read_text().splitlines():
            try:
                row = json.loads(line)
            except ValueError:  # stopped in the middle of a line
                continue
            if row.pop("recipe") == self.recipe:
                self._known[key_of(row)] = row
            else:
                others += 1
        if others:
            print(f"{others} rows of other settings or versions are not used", flush=True)

    def has(self, network: str, seed: int, amount: str, method: str) -> bool:
        """Whether a cell is there."""
        return (network, seed, amount, method) in self._known

    def add(self, network: str, seed: int, amount: str, method: str, **values: Any) -> None:
        """Write a cell."""
        row = {"network": network, "seed": seed, "amount": amount, "method": method, **values}
        self._known[key_of(row)] = row
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            if file.tell():
                file.seek(-1, 2)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(json.dumps({**row, "recipe": self.recipe}).encode() + b"\n")

    def of(self, keys: Iterable[Key]) -> list[dict[str, Any]]:
        """The cells that are there, in the order that is asked for."""
        return [self._known[key] for key in keys if key in self._known]


def key_of(row: Mapping[str, Any]) -> Key:
    return row["network"], row["seed"], row["amount"], row["method"]


def digest(recipe: Mapping[str, Any]) -> str:
    """Of settings and versions."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]
