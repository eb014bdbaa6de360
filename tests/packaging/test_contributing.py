"""CONTRIBUTING.md draws the house as the import contract has it, and names what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import secateur
from secateur.cli import COMMANDS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = {one["name"]: one for one in PYPROJECT["tool"]["importlinter"]["contracts"]}


def drawn() -> list[list[str]]:
    """The names of the drawing, in reading order, a list for each storey."""
    drawing = re.search(r"<!-- the house -->\n```text\n(.+?)\n```", TEXT, re.DOTALL)[1]
    storeys: list[list[str]] = [[]]
    for line in drawing.splitlines():
        if "──" in line:
            storeys.append([])
        else:
            storeys[-1] += line[24:].split()
    return storeys


def test_the_house_is_the_contracts_in_its_order():
    layers = CONTRACTS["data flows one way"]["layers"]
    assert [f"secateur.{name}" for storey in drawn() for name in storey] == layers


def test_every_module_lives_in_the_house():
    folder = Path(secateur.__path__[0])
    there = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}
    there -= {"__init__", "__main__", "__pycache__"}
    # network and operators know each other, which no order of layers allows
    assert there - {name for storey in drawn() for name in storey} == {"operators"}
    assert "`operators` lives with `network`" in TEXT


def test_below_the_line_nothing_needs_pytorch():
    without = CONTRACTS["what is not about networks knows no PyTorch"]["source_modules"]
    below = {f"secateur.{name}" for storey in drawn()[2:] for name in storey}
    assert below <= set(without)


def test_what_it_names_is_there():
    for path in re.findall(
        r"`((?:core|backends|benchmarks|tests|docs|\.ci|\.github)/[\w./-]+)`", TEXT
    ):
        if "NAME" not in path:
            assert (ROOT / path).exists(), path
    groups = set(re.findall(r"entry point `(secateur\.\w+)`", TEXT))
    assert groups <= {*PYPROJECT["project"]["entry-points"], "secateur.operators"}
    for command in re.findall(r"`secateur (\w+)", TEXT):
        assert command in COMMANDS


def test_every_kind_of_thing_is_told():
    """A stage for each group of entry points, and what is no stage."""
    rows = "\n".join(re.findall(r"^\| an? (.+?) \|", TEXT, re.MULTILINE))
    for kind in ("backend", "objective", "refiner", "recover", "operator", "command", "format"):
        assert kind in rows, kind


def test_the_set_up_is_one_line_with_the_tested_versions():
    (command,) = re.findall(r"```bash\n(.+)\n```", TEXT)
    assert "-c constraints.txt" in command
    (extras,) = re.findall(r'"\.\[([\w,]+)\]"', command)
    assert set(extras.split(",")) <= set(PYPROJECT["project"]["optional-dependencies"])
