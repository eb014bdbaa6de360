"""The reference of the study file: every table in it, every study in it right."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from secateur.study.instances.generators import GENERATORS
from secateur.study.spec import load_study
from secateur.study.spec.loading import read_tables
from secateur.study.spec.tables import TABLES
from tests.study.spec.files import write

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "study-file.md").read_text()
BLOCKS = re.findall(r"```toml\n(.+?)```", PAGE, re.DOTALL)
WHOLE = [text for text in BLOCKS if "[study]" in text]


def test_every_table_and_generator_is_told():
    assert re.findall(r"```\{study-table\} (.+)\n", PAGE) == [
        *(name for name in TABLES if name not in ("[report]", "[tune]")),
        "[report]",
        "[tune]",
    ]
    assert re.findall(r"```\{study-generator\} (.+)\n", PAGE) == list(GENERATORS)
    assert re.findall(r"generators\.(\w+)", PAGE) == [
        kind.__name__ for kind, _ in GENERATORS.values()
    ]


def test_the_first_study_has_as_many_cells_as_it_says(tmp_path):
    study = load_study(write(tmp_path, WHOLE[0]))
    assert (len(study.instances), len(study.methods), len(study.cells)) == (4, 5, 60)
    assert "so 60 cells" in PAGE.replace("\n", " ")
    for name in ("planted-20-s0",):
        assert name in {one.name for one in study.instances}


def test_the_device_of_the_page_may_be_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "made-up")
    text = next(text for text in WHOLE if "MY_TOKEN" in text)
    study = load_study(write(tmp_path, text))
    assert study.methods[0].metered
    assert "made-up" not in repr(study)


def test_the_tuning_of_the_page(tmp_path):
    text = next(text for text in BLOCKS if "[tune]" in text)
    study = load_study(write(tmp_path, '[[methods]]\nbackend = "annealing"', text))
    assert study.tuning.trials == 20
    assert list(study.tuning.spaces["annealing"]) == ["reads", "schedule"]


def test_the_network_of_the_page_is_right_but_for_measuring(tmp_path, monkeypatch):
    from secateur.study.instances import networks

    text = next(text for text in WHOLE if "network" in text)
    path = write(tmp_path, text)
    assert read_tables(path).instances[0]["amount"] == ["36%", "75%"]

    def stop(source):
        raise KeyboardInterrupt

    monkeypatch.setattr(networks, "measured", stop)
    with pytest.raises(KeyboardInterrupt):  # all that can be said before is right
        load_study(path)


def test_all_of_it_is_toml():
    for text in BLOCKS:
        tomllib.loads(text)
