"""The README shows what the committed run of the demo gave, and the check of it notices others."""

from __future__ import annotations

import copy
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loaded(path: str):
    spec = importlib.util.spec_from_file_location(Path(path).stem + "_script", ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check, demo = loaded(".ci/readme.py"), loaded("benchmarks/demo.py")
README = (ROOT / "README.md").read_text()
TOLD = json.loads((ROOT / "benchmarks" / "results" / "demo.json").read_text())


def test_the_tables_are_those_of_the_committed_run():
    assert check.compare(README, TOLD, tolerance=0.0) == []
    for sentence in TOLD["said"]:
        assert f"> {sentence}\n" in README
    printed = (ROOT / "benchmarks" / "results" / "demo.txt").read_text()
    assert demo.filled(README, demo.parts(printed, TOLD)) == README


def test_the_readme_says_how_near_another_machine_comes():
    assert check.tolerance_of(README) == 0.3


def test_the_picture_is_shown_and_there():
    for ending in ("png", "svg"):
        assert (ROOT / "docs" / "images" / f"demo.{ending}").stat().st_size > 5000
    assert "](docs/images/demo.png)" in README


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t["points"][2]["rows"]["hybrid"].update(psnr_compensated=20.0), "hybrid: psnr_"),
        (lambda t: t["points"][0]["rows"]["ours"].update(psnr_recovered=None), "psnr_recovered"),
        (lambda t: t["points"][0]["rows"]["taylor"].update(channels=1), "channels, now 1"),
        (lambda t: t["dense"].update(parameters=1000), "parameters, now 1000"),
        (lambda t: t["points"][1]["rows"].pop("ours"), "in the README alone"),
        (lambda t: t["points"].pop(), "in the README alone"),
        (lambda t: t["points"][1]["lines"].update({"ours, recovered": 9.0}), "now 9.0"),
        (lambda t: t["points"].append({**t["points"][0], "label": "9 %"}), "not in the README"),
    ],
)
def test_the_check_notices(change, said):
    told = copy.deepcopy(TOLD)
    change(told)
    assert said in "\n".join(check.compare(README, told, tolerance=0.3))


def test_one_command_writes_it_all_anew(tmp_path):
    """From the folder of a run: another README becomes the same again."""
    for folder in ("benchmarks/results", "docs/images", "run/secateur-demo"):
        (tmp_path / folder).mkdir(parents=True)
    run = tmp_path / "run"
    other = {"rows": "```text\nx\n```", "curve": "```text\ny\n```", "said": "> z"}
    (tmp_path / "README.md").write_text(demo.filled(README, other))
    assert (tmp_path / "README.md").read_text() != README
    printed = (ROOT / "benchmarks" / "results" / "demo.txt").read_text()
    (run / "printed.txt").write_text(f"{printed}\nWritten: somewhere\n")
    (run / "secateur-demo" / "result.json").write_text(json.dumps(TOLD))
    for ending in ("png", "svg"):
        shutil.copyfile(
            ROOT / "docs" / "images" / f"demo.{ending}", run / "secateur-demo" / f"curve.{ending}"
        )
    demo.publish(run, tmp_path)
    assert (tmp_path / "README.md").read_text() == README
    for path in ("benchmarks/results/demo.txt", "benchmarks/results/demo.json"):
        assert (tmp_path / path).read_text() == (ROOT / path).read_text()
