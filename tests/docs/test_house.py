"""The picture of the house shows the folders that there are, in the order that data take."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "secateur"


def house():
    spec = importlib.util.spec_from_file_location("house", ROOT / "docs" / "house.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_every_room_is_in_the_picture_and_on_the_page():
    folders = {path.name for path in CORE.iterdir() if (path / "__init__.py").exists()}
    drawn = house().rooms()
    assert folders <= drawn
    assert all((CORE / f"{one}.py").exists() for one in drawn - folders)
    page = (ROOT / "docs" / "explanation" / "design.md").read_text()
    assert [one for one in sorted(folders) if f"`{one}`" not in page] == []


def test_data_flow_the_way_that_the_import_contract_says():
    """What comes later may import what comes earlier, so it stands above it in the contract."""
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (one["layers"] for one in about["contracts"] if one["type"] == "layers")
    height = {name.removeprefix("secateur."): -place for place, name in enumerate(layers)}
    stages = {"network", "statistics", "objectives", "surgery", "report"}  # each makes one thing
    way = [height[room] for names, *_ in house().WAY for room in names if room in stages]
    assert len(way) == 5
    assert way == sorted(way)


def test_the_committed_picture_is_the_one_that_is_drawn(tmp_path):
    made = tmp_path / "house.svg"
    house().draw(made)
    shown = (ROOT / "docs" / "images" / "house.svg").read_text()
    names = [one for names, *_ in house().WAY for one in names]
    assert all(f">{name}<" in shown and f">{name}<" in made.read_text() for name in names)
