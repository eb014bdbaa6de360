"""A benchmark is run in its tiny configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def run(tmp_path: Path, name: str, *more: str, output: str = "made") -> tuple[dict, str]:
    """The JSON and the Markdown that a benchmark wrote."""
    command = [sys.executable, str(ROOT / "benchmarks" / name), "--quick", *more]
    command += ["--output", str(tmp_path / "made.json")]
    environment = {k: v for k, v in os.environ.items() if k != "SECATEUR_INSTANCES"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / f"{output}.json").read_text())
    text = (tmp_path / f"{output}.md").read_text()
    assert content["command"] in text
    assert "--quick" in content["command"]
    assert content["versions"]["numpy"] in text
    return content, text


def sound(row: dict) -> bool:
    """The bound is not above the energy."""
    return row["bound"] is None or row["bound"] <= row["energy"]
